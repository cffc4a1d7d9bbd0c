//! The server's life: its one line, restarts, several writers, its end.

use crate::http::read_response;
use crate::registry::{MANIFEST, Manifest, OCI_SERVE, Registry, image};
use std::io::{Read, Write};
use std::net::TcpStream;
use test_support::{Dir, check_layout, digest_of, noise, tool};

#[test]
fn it_prints_its_address_makes_the_layout_and_ends_well_on_a_signal() {
    for signal in [2, 15] {
        let registry = Registry::new();
        assert!(registry.address.starts_with("127.0.0.1:"), "{}", registry.address);
        registry.push_blob("a", b"x");
        registry.process.signal(signal);
        registry.process.wait().assert_code(0).stdout_only(format!("{}\n", registry.address));
        assert_eq!(check_layout(registry.dir.join("work")).unfinished, Vec::<String>::new());
    }
}

#[test]
fn a_port_that_is_taken_is_a_conflict() {
    let registry = Registry::new();
    let port = registry.address.rsplit(':').next().expect("a port").to_owned();
    let outcome = registry.dir.command(OCI_SERVE).args(["-L", "work", "--port", &port]).fails_with(7);
    outcome.stderr_is(format!("oci-serve: 127.0.0.1:{port}: address already in use\n"));
}

#[test]
fn an_address_that_is_none_is_a_usage_error() {
    Dir::new().command(OCI_SERVE).args(["-L", "work", "--address", "nowhere"]).fails_with(2);
}

#[test]
fn each_request_is_a_line_of_the_log() {
    let dir = Dir::new();
    let process = dir.command(OCI_SERVE).args(["-v", "-L", "work", "--port", "0"]).spawn();
    let address = process.wait_for_stdout("\n").trim_end().to_owned();
    let mut stream = TcpStream::connect(&address).expect("it listens");
    stream.write_all(b"GET /v2/a/tags/list HTTP/1.1\r\nHost: x\r\n\r\n").expect("it reads");
    read_response(&mut stream, false).fails(404, "NAME_UNKNOWN");
    process.wait_for_stderr("GET /v2/a/tags/list 404 ");
}

#[test]
fn an_upload_goes_on_after_a_crash() {
    let registry = Registry::new();
    let (one, two) = (noise(1, 700_000), noise(2, 300_000));
    let location = registry.begin("a");
    registry.patch(&location, "0-699999", &one).is(202);
    let registry = registry.restart();
    assert_eq!(registry.get(&location).is(204).header("range"), "0-699999");
    registry.patch(&location, "700000-999999", &two).is(202);
    let registry = registry.restart();
    let digest = digest_of([one, two].concat());
    registry.ask("PUT", &format!("{location}?digest={digest}"), &[], b"").is(201);
    assert_eq!(registry.get(&format!("/v2/a/blobs/{digest}")).is(200).header("content-length"), "1000000");
    registry.check();
}

#[test]
fn what_arrived_of_a_chunk_that_broke_off_stays() {
    let registry = Registry::new();
    let location = registry.begin("a");
    let mut stream = TcpStream::connect(&registry.address).expect("it listens");
    let head = format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
    stream.write_all(&[head.as_bytes(), b"hello"].concat()).expect("it reads");
    while registry.get(&location).is(204).header("range") != "0-4" {
        std::thread::yield_now();
    }
    // the next request waits until the server has noticed that the client is gone
    drop(stream);
    let digest = digest_of(b"hello");
    let finish = || registry.ask("PUT", &format!("{location}?digest={digest}"), &[], b"");
    let mut response = finish();
    while response.status == 409 {
        response = finish();
    }
    response.is(201);
}

#[test]
fn an_upload_has_one_writer_at_a_time() {
    let registry = Registry::new();
    let location = registry.begin("a");
    let mut stream = TcpStream::connect(&registry.address).expect("it listens");
    let head = format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n");
    stream.write_all(&[head.as_bytes(), b"hello"].concat()).expect("it reads");
    while registry.get(&location).is(204).header("range") != "0-4" {
        std::thread::yield_now();
    }
    registry.patch(&location, "5-5", b"x").fails(409, "BLOB_UPLOAD_INVALID");
    stream.write_all(b"world").expect("it reads");
    assert_eq!(read_response(&mut stream, false).is(202).header("range"), "0-9");
}

#[test]
fn two_servers_over_one_layout_take_pushes_of_one_tag() {
    let one = Registry::new();
    let process = one.dir.command(OCI_SERVE).args(["-L", "work", "--port", "0"]).spawn();
    let address = process.wait_for_stdout("\n").trim_end().to_owned();
    let two = Registry { dir: Dir::new(), process, address };
    std::thread::scope(|scope| {
        for (registry, word) in [(&one, "one"), (&two, "two")] {
            scope.spawn(move || {
                for number in 0..10 {
                    let built = image(&format!("{word} {number}")).build();
                    registry.push("app", "latest", &built);
                    registry.push("app", &format!("{word}-{number}"), &built);
                }
            });
        }
    });
    let report = one.check();
    assert_eq!(report.names().len(), 21);
    let last = report.digest_of("docker.io/library/app:latest").expect("the tag is there").to_owned();
    for registry in [&one, &two] {
        let response = registry.get("/v2/app/manifests/latest").is(200);
        assert_eq!(response.header("docker-content-digest"), last);
        let tags = registry.get("/v2/app/tags/list").is(200).json();
        assert_eq!(tags["tags"].as_array().map(Vec::len), Some(21));
    }
}

#[test]
fn a_request_in_flight_ends_before_the_server_does() {
    let registry = Registry::new();
    let digest = digest_of(b"hello");
    let mut stream = TcpStream::connect(&registry.address).expect("it listens");
    let head = format!(
        "POST /v2/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe"
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    while registry.dir.list("work/.ociutils/ingest").is_empty() {
        std::thread::yield_now();
    }
    registry.process.signal(15);
    // it has stopped listening
    while TcpStream::connect(&registry.address).is_ok() {
        std::thread::yield_now();
    }
    stream.write_all(b"llo").expect("it still reads");
    read_response(&mut stream, false).is(201);
    registry.process.wait().assert_code(0);
    assert_eq!(check_layout(registry.dir.join("work")).blobs.len(), 1);
}

#[test]
fn a_layout_that_may_not_be_written_is_served_and_takes_no_push() {
    let dir = Dir::new();
    let built = image("1").write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let mode = |dir: &Dir, mode: &str| drop(dir.command("/bin/chmod").args(["-R", mode, "work"]).succeeds());
    mode(&dir, "a-w");
    // Root writes where it may not: for it the file system itself is read-only.
    let registry = if std::fs::write(dir.join("work/probe"), "").is_ok() {
        std::fs::remove_file(dir.join("work/probe")).expect("it was written just now");
        mode(&dir, "u+w");
        Registry::over_read_only(dir)
    } else {
        Registry::over(dir)
    };
    registry.get("/v2/app/manifests/1").is(200);
    registry.head(&format!("/v2/app/blobs/{}", built.config_digest)).is(200);
    registry.post("/v2/app/blobs/uploads/", b"").fails(403, "DENIED");
    registry.delete("/v2/app/manifests/1").fails(403, "DENIED");
    mode(&registry.dir, "u+w");
}

#[test]
fn blobs_are_not_collected_between_their_upload_and_their_manifest() {
    let registry = Registry::new();
    let built = image("1").build();
    let collect = || {
        let gc = registry.dir.command(tool("oci-gc")).args(["-L", "work", "--grace", "0s"]);
        gc.succeeds();
    };
    for (digest, bytes) in built.blobs.iter().filter(|(digest, _)| **digest != built.digest) {
        registry.push_blob("a", bytes);
        collect();
        registry.head(&format!("/v2/a/blobs/{digest}")).is(200);
    }
    registry.put("/v2/a/manifests/1", MANIFEST, built.manifest()).is(201);
    collect();
    assert!(registry.check().unreachable.is_empty());
}

/// What the system says of a process, in KiB or as a number.
fn status_of(process: u32, key: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("the system says it");
    line.trim_start_matches(':')
        .split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .expect("a number")
}

#[test]
fn sixty_four_clients_that_pull_a_gigabyte_have_little_memory_between_them() {
    const CLIENTS: usize = 64;
    let registry = Registry::new();
    let digest = registry.push_blob("a", b"x");
    // nobody looks at what is in it, and most of it is never sent
    let blob = registry.dir.join("work/blobs").join(digest.replace(':', "/"));
    std::fs::File::create(blob).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let head = format!("GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: x\r\n\r\n");
    // all of them are read from at once, a little, so that every buffer on the way is full
    let mut clients: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut stream = TcpStream::connect(&registry.address).expect("it listens");
            stream.write_all(head.as_bytes()).expect("it reads");
            stream
        })
        .collect();
    for _ in 0..4 {
        for stream in &mut clients {
            let mut piece = vec![0; 1 << 20];
            stream.read_exact(&mut piece).expect("it goes on");
        }
    }
    // how many threads take turns at it is the scheduler's affair; what they hold is not
    let memory = status_of(registry.process.id(), "VmHWM");
    assert!(memory < 128 << 10, "{memory} KiB");
    // and nobody else waits for them
    registry.get("/v2/").is(200);
}
