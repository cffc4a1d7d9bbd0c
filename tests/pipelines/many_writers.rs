//! Many processes in one layout at once, and processes that are killed in the middle.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use test_support::{Dir, LayoutCheck, Served, TarBuilder, check_layout, noise, tool};

const WRITERS: usize = 32;
/// How many images they pull: several writers fetch the same blobs at once.
const IMAGES: usize = 8;

/// The plain command, not the harness's: hundreds of them run, and each is looked at once.
fn run(dir: &Dir, name: &str, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(tool(name));
    command.args(arguments).current_dir(dir.path()).stdin(Stdio::null());
    command.env_remove("OCI_LAYOUT").env("HOME", dir.path());
    command.output().expect("the tool starts")
}

fn must(dir: &Dir, name: &str, arguments: &[&str]) -> String {
    let output = run(dir, name, arguments);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} {arguments:?}: {}\n{stderr}", output.status);
    stdout.into_owned()
}

fn archive(dir: &Dir, number: usize) -> String {
    let name = format!("rootfs-{number}.tar");
    let common = noise(1, 20_000);
    let tar = TarBuilder::new()
        .file("common", common)
        .file(&format!("own-{number}"), noise(number as u64 + 2, 30_000));
    dir.write(&name, tar.bytes());
    name
}

#[test]
fn thirty_two_writers_leave_exactly_the_names_that_they_should() {
    let dir = Dir::new();
    let serve = dir.command(tool("oci-serve")).args(["-L", "work", "--port", "0"]);
    must(&dir, "oci-import", &["-L", "work", "--name", "seed:1", &archive(&dir, 1000)]);
    let server = serve.spawn();
    let host = server.wait_for_stdout("\n").trim_end().to_owned();
    let upstream = upstream(&dir);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut rounds = 0;
            while !over.load(Ordering::Relaxed) {
                must(&dir, "oci-gc", &["-L", "work", "--grace", "0s"]);
                rounds += 1;
            }
            rounds
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (dir, host, upstream) = (&dir, &host, upstream.host());
                scope.spawn(move || writer(dir, host, upstream, number))
            })
            .collect();
        for writer in writers {
            writer.join().expect("a writer ends well");
        }
        over.store(true, Ordering::Relaxed);
        assert!(collector.join().expect("the collector ends well") > 0);
    });
    server.signal(15);
    server.wait();
    let report = check_layout(dir.join("work"));
    let found: BTreeSet<String> = report.names().into_iter().map(|name| name.to_string()).collect();
    let expected: BTreeSet<String> = (0..WRITERS)
        .flat_map(|number| {
            [
                format!("docker.io/library/kept:{number}"),
                format!("docker.io/library/pushed:{number}"),
                format!("{}/kept:{number}", upstream.host()),
            ]
        })
        .chain(["docker.io/library/seed:1".to_owned()])
        .collect();
    assert_eq!(found, expected);
    must(&dir, "oci-fsck", &["-L", "work"]);
}

/// Another layout, served, with two names for each writer that lead to a few images.
fn upstream(dir: &Dir) -> Served {
    for image in 0..IMAGES {
        must(
            dir,
            "oci-import",
            &["-L", "upstream", "--name", &format!("image:{image}"), &archive(dir, 2000 + image)],
        );
        let writers = (image..WRITERS).step_by(IMAGES);
        let names: Vec<String> =
            writers.flat_map(|number| [format!("kept:{number}"), format!("gone:{number}")]).collect();
        let arguments = ["-L", "upstream", &format!("image:{image}")];
        must(
            dir,
            "oci-tag",
            &arguments.into_iter().chain(names.iter().map(String::as_str)).collect::<Vec<_>>(),
        );
    }
    Served::new(dir, "upstream")
}

/// Imports, tags, pushes to the layout's own server, pulls that elsewhere, pulls two names from upstream into the
/// layout, and removes three of the seven names that it gave.
fn writer(dir: &Dir, host: &str, upstream: &str, number: usize) {
    let tar = archive(dir, number);
    must(dir, "oci-import", &["-L", "work", "--name", &format!("first:{number}"), &tar]);
    must(
        dir,
        "oci-tag",
        &["-L", "work", &format!("first:{number}"), &format!("kept:{number}"), &format!("gone:{number}")],
    );
    let to = format!("{host}/pushed:{number}");
    must(dir, "oci-push", &["-L", "work", &format!("first:{number}"), "--to", &to]);
    let own = format!("own-{number}");
    must(dir, "oci-pull", &["-L", &own, &to]);
    check_layout(dir.join(&own));
    let [kept, gone] = ["kept", "gone"].map(|name| format!("{upstream}/{name}:{number}"));
    let pulled = must(dir, "oci-pull", &["-L", "work", &gone, &kept]);
    assert_eq!(pulled.lines().count(), 2, "{pulled}");
    let names = [&format!("first:{number}"), &format!("gone:{number}"), &gone];
    must(dir, "oci-rmi", &["-L", "work", names[0], names[1], names[2]]);
}

/// Starts a command and kills it once `watched` holds that many bytes; `None` where it ended first.
fn killed_at(mut child: Child, watched: &Path, bytes: u64) -> Option<()> {
    loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            return (status.signal() == Some(9)).then_some(());
        }
        if bytes_below(watched) >= bytes {
            let _ = child.kill();
            child.wait().expect("the child is ours");
            return Some(());
        }
        std::thread::yield_now();
    }
}

fn bytes_below(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_below(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

fn start(dir: &Dir, name: &str, arguments: &[&str]) -> Child {
    Command::new(tool(name))
        .args(arguments)
        .current_dir(dir.path())
        .env_remove("OCI_LAYOUT")
        .env("HOME", dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the tool starts")
}

#[test]
fn an_import_killed_at_any_moment_leaves_a_whole_layout() {
    let dir = Dir::new();
    must(&dir, "oci-import", &["-L", "work", "--name", "seed:1", &archive(&dir, 0)]);
    dir.write("big.tar", TarBuilder::new().file("noise", noise(9, 20_000_000)).bytes());
    let before = bytes_below(&dir.join("work"));
    let mut killed = 0;
    for step in 0..10 {
        let child = start(&dir, "oci-import", &["-L", "work", "--name", "big:1", "big.tar"]);
        killed += usize::from(killed_at(child, &dir.join("work"), before + step * 2_000_000).is_some());
        let report = check_layout(dir.join("work"));
        assert!(report.names().iter().any(|name| name.ends_with("seed:1")));
        must(&dir, "oci-fsck", &["-L", "work"]);
        must(&dir, "oci-gc", &["-L", "work", "--grace", "0s"]);
    }
    assert!(killed > 0, "no import was caught in the middle");
    must(&dir, "oci-import", &["-L", "work", "--name", "big:1", "big.tar"]);
    let report = check_layout(dir.join("work"));
    assert_eq!(report.unreachable.len(), 0);
}

#[test]
fn a_pull_killed_at_any_moment_is_gone_on_with_and_fetches_only_the_rest() {
    let dir = Dir::new();
    dir.write("big.tar", TarBuilder::new().file("noise", noise(9, 30_000_000)).bytes());
    dir.write("more.tar", TarBuilder::new().file("more", noise(10, 12_000_000)).bytes());
    must(&dir, "oci-import", &["-L", "origin", "--name", "big:1", "big.tar"]);
    must(&dir, "oci-import", &["-L", "origin", "--name", "big:1", "--onto", "big:1", "more.tar"]);
    let whole = bytes_below(&dir.join("origin/blobs"));
    let server = dir.command(tool("oci-serve")).args(["-L", "origin", "--port", "0"]).spawn();
    let host = server.wait_for_stdout("\n").trim().trim_start_matches("http://").to_owned();
    let meter = Meter::before(&host);
    let reference = format!("{}/big:1", meter.address);
    for step in 0..8 {
        let child = start(&dir, "oci-pull", &["-L", "work", &reference]);
        killed_at(child, &dir.join("work"), step * 5_000_000);
        if dir.join("work/oci-layout").exists() {
            LayoutCheck::new(dir.join("work")).run();
        }
    }
    let had = bytes_below(&dir.join("work/.ociutils/ingest")) + bytes_below(&dir.join("work/blobs"));
    let sent_before = meter.sent.load(Ordering::Relaxed);
    must(&dir, "oci-pull", &["-L", "work", &reference]);
    let sent = meter.sent.load(Ordering::Relaxed) - sent_before;
    let rest = whole - had;
    // headers and the manifest come on top
    assert!((sent as u64) < rest + 20_000, "{sent} bytes were sent, {rest} were missing");
    check_layout(dir.join("work"));
    server.signal(15);
    server.wait();
}

/// A proxy that counts what the server sends.
struct Meter {
    address: std::net::SocketAddr,
    sent: std::sync::Arc<AtomicUsize>,
}

impl Meter {
    fn before(host: &str) -> Meter {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (address, host) = (listener.local_addr().expect("it is bound"), host.to_owned());
        let sent = std::sync::Arc::new(AtomicUsize::new(0));
        let counted = std::sync::Arc::clone(&sent);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = std::net::TcpStream::connect(&host) else { continue };
                let counted = std::sync::Arc::clone(&counted);
                let (mut from_client, mut to_server) =
                    (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from_client, &mut to_server);
                    let _ = to_server.shutdown(std::net::Shutdown::Write);
                });
                std::thread::spawn(move || {
                    let (mut server, mut client) = (server, client);
                    let mut buffer = [0; 64 << 10];
                    while let Ok(count @ 1..) = server.read(&mut buffer) {
                        if client.write_all(&buffer[..count]).is_err() {
                            break;
                        }
                        counted.fetch_add(count, Ordering::Relaxed);
                    }
                    let _ = client.shutdown(std::net::Shutdown::Both);
                });
            }
        });
        Meter { address, sent }
    }
}
