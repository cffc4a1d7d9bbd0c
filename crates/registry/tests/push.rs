//! Writing to a registry: HEADs, mounts, uploads in one piece and in chunks, names.
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use fixture::{Reply, Seen, Server, noise};
use image_format::{Algorithm, Class, Descriptor, Digest, Expected, Failure, MediaType, Origin, Sink};
use ociutils_registry::Repository;
use std::io::Write;

fn layer(content: &[u8]) -> Descriptor {
    Descriptor::new(MediaType::OciLayer, Digest::sha256(content), content.len() as u64)
}

fn write(repository: &Repository, expected: Expected, content: &[u8]) -> Result<Descriptor, Failure> {
    let mut writer = repository.writer(expected)?;
    for block in content.chunks(100_000) {
        writer.write_all(block).map_err(Failure::from)?;
    }
    writer.commit()
}

fn push(repository: &Repository, content: &[u8]) -> Result<Descriptor, Failure> {
    write(repository, Expected::Descriptor(layer(content)), content)
}

fn stored(server: &Server, content: &[u8]) -> bool {
    server
        .store
        .lock()
        .unwrap()
        .blobs
        .get(&Digest::sha256(content).to_string())
        .is_some_and(|blob| blob == content)
}

fn methods(server: &Server) -> Vec<String> {
    server.seen().iter().map(|seen| seen.method.clone()).collect()
}

fn is_put(seen: &Seen) -> bool {
    seen.is("PUT", "/blobs/uploads/")
}

#[test]
fn blobs_of_every_size_go_in_one_piece() {
    for size in [0, 1, 1 << 20, (1 << 20) + 1, 3_000_000] {
        let (server, content) = (Server::right(), noise(size));
        assert_eq!(push(&server.repository("app"), &content).unwrap(), layer(&content));
        assert!(stored(&server, &content), "{size}");
        assert_eq!(methods(&server), ["POST", "PUT"], "{size}");
        let put = &server.seen()[1];
        assert_eq!(put.header("content-length"), Some(size.to_string().as_str()));
        assert_eq!(server.seen()[0].header("content-length"), Some("0"));
        assert!(put.query.starts_with("state=a%2Bb&digest=sha256%3A"), "{}", put.query);
    }
}

#[test]
fn a_blob_of_unknown_length_is_hashed_on_the_way() {
    for size in [0, 10, 700_000, 3_000_000] {
        let (server, content) = (Server::right(), noise(size));
        let found =
            write(&server.repository("app"), Expected::Algorithm(Algorithm::Sha256), &content).unwrap();
        assert_eq!((found.digest, found.size), (Digest::sha256(&content), size as u64));
        assert!(stored(&server, &content), "{size}");
    }
}

#[test]
fn wrong_bytes_never_reach_the_registry_whole() {
    for size in [1_000, 3_000_000] {
        let (server, content) = (Server::right(), noise(size));
        let mut wrong = content.clone();
        wrong[size / 2] ^= 1;
        let short = content[..size - 1].to_vec();
        let long = [&content[..], b"more"].concat();
        for bytes in [wrong, short, long] {
            let expected = Expected::Descriptor(layer(&content));
            let failure = write(&server.repository("app"), expected, &bytes).unwrap_err();
            assert_eq!(failure.class(), Class::Integrity, "{failure}");
        }
        assert!(server.store.lock().unwrap().blobs.is_empty());
    }
}

#[test]
fn only_what_is_not_there_is_missing() {
    let server = Server::with(|seen| {
        // a HEAD that cannot be right, and a registry that only lets write
        let lies = seen.path.ends_with(&Digest::sha256(b"lies").hex());
        let denied = seen.path.ends_with(&Digest::sha256(b"denied").hex());
        let answer = || {
            if lies { Reply::new(200).header("content-length", "999") } else { Reply::error(403, "DENIED") }
        };
        (lies || denied).then(answer)
    });
    let here = server.put_blob(b"here");
    let manifest = server.put_manifest("1", b"{}");
    let asked = [here, layer(b"gone"), manifest, layer(b"lies"), layer(b"denied")];
    let repository = server.repository("app");
    let missing = repository.missing(&asked).unwrap();
    assert_eq!(missing, [&asked[1], &asked[3], &asked[4]]);
    let many: Vec<_> = (0..200u8).map(|number| layer(&[number])).collect();
    assert_eq!(repository.missing(&many).unwrap().len(), 200);
}

#[test]
fn a_mount_is_taken_or_its_upload_is_used() {
    let server = Server::right();
    let here = server.put_blob(b"here");
    let repository = server.repository("app");
    let origin = |registry: &str, path: &str| Origin::Repository {
        registry: registry.into(),
        repository: path.into(),
    };
    let own = server.address.as_str();
    assert!(repository.adopt(&here, &origin(own, "base")).unwrap());
    assert!(server.seen()[0].query.ends_with("&from=base"), "{}", server.seen()[0].query);
    for (registry, path) in [("registry.example", "base"), (own, "app")] {
        assert!(!repository.adopt(&here, &origin(registry, path)).unwrap());
    }
    assert_eq!(server.seen().len(), 1, "neither another registry's nor our own is asked for");

    assert!(!repository.adopt(&layer(b"gone"), &origin(own, "base")).unwrap());
    push(&repository, b"gone").unwrap();
    assert_eq!(methods(&server), ["POST", "POST", "PUT"], "the upload of the refused mount is used");
    assert!(stored(&server, b"gone"));
}

#[test]
fn a_refused_mount_is_no_failure() {
    let server = Server::with(|seen| seen.query.contains("mount").then(|| Reply::error(400, "UNSUPPORTED")));
    let repository = server.repository("app");
    let origin = Origin::Repository { registry: server.address.clone(), repository: "base".into() };
    assert!(!repository.adopt(&layer(b"x"), &origin).unwrap());
    push(&repository, b"x").unwrap();
}

#[test]
fn a_small_blob_is_sent_again_and_a_big_one_is_for_the_caller_to_send_again() {
    for reply in
        [Reply::error(503, "UNAVAILABLE"), Reply::error(429, "X").header("retry-after", "0"), Reply::new(0)]
    {
        let answer = reply.clone();
        let server =
            Server::with(move |seen| (is_put(seen) && seen.path.ends_with("u0")).then(|| answer.clone()));
        let repository = server.repository("app");
        push(&repository, &noise(10)).unwrap_or_else(|failure| panic!("{}: {failure}", reply.status));
        assert!(stored(&server, &noise(10)));
    }
    let server =
        Server::with(|seen| (is_put(seen) && seen.path.ends_with("u0")).then(|| Reply::error(503, "X")));
    let (repository, big) = (server.repository("app"), noise(3_000_000));
    let failure = push(&repository, &big).unwrap_err();
    assert_eq!(failure.class(), Class::Unavailable, "{failure}");
    push(&repository, &big).unwrap();
    assert!(stored(&server, &big));
}

#[test]
fn a_registry_that_takes_no_blob_in_one_piece_gets_chunks() {
    let refuses =
        |seen: &Seen| (is_put(seen) && !seen.body.is_empty()).then(|| Reply::error(413, "SIZE_INVALID"));
    let server = Server::with(refuses);
    let (repository, small, big) = (server.repository("app"), noise(10), noise(3_000_000));
    push(&repository, &small).unwrap();
    assert!(stored(&server, &small));
    push(&repository, &big).unwrap();
    assert!(stored(&server, &big));

    let server = Server::with(refuses);
    let repository = server.repository("app");
    assert_eq!(push(&repository, &big).unwrap_err().class(), Class::Unavailable);
    push(&repository, &big).unwrap();
    let ranges: Vec<_> =
        server.seen().iter().filter_map(|seen| seen.header("content-range").map(str::to_owned)).collect();
    assert_eq!(ranges, ["0-1048575", "1048576-2097151", "2097152-2999999"]);
}

#[test]
fn the_least_length_of_a_chunk_is_kept_where_it_fits_memory() {
    for (least, chunks) in [("2000000", 2), ("1152921504606846976", 0)] {
        let server = Server::with(move |seen| {
            let location = "/v2/app/blobs/uploads/c1";
            (seen.method == "POST")
                .then(|| Reply::new(202).header("location", location).header("oci-chunk-min-length", least))
        });
        let big = noise(3_000_000);
        push(&server.repository("app"), &big).unwrap();
        assert!(stored(&server, &big));
        assert_eq!(methods(&server).iter().filter(|method| *method == "PATCH").count(), chunks, "{least}");
    }
}

#[test]
fn a_chunk_that_broke_goes_on_where_the_registry_is() {
    let big = noise(3_000_000);
    // the first PATCH is lost, of the second one 1,000 bytes arrive
    for kept in [0, 1_000] {
        let blob = big.clone();
        let server = Server::with(move |seen| match (seen.method.as_str(), seen.times) {
            ("PUT", _) if !seen.body.is_empty() => Some(Reply::error(405, "UNSUPPORTED")),
            ("PATCH", 1) => Some(Reply::new(0)),
            ("GET", 0) if seen.path.contains("uploads") => {
                let last = 1_048_575 + kept;
                Some(Reply::new(204).header("location", &seen.path).header("range", format!("0-{last}")))
            }
            ("PATCH", 2) => {
                assert_eq!(
                    seen.header("content-range").unwrap().split('-').next().unwrap(),
                    (1_048_576 + kept).to_string()
                );
                let rest = &blob[1_048_576 + kept..2_097_152];
                assert!(seen.body == rest);
                None
            }
            _ => None,
        });
        let repository = server.repository("app");
        assert_eq!(push(&repository, &big).unwrap_err().class(), Class::Unavailable);
        let result = push(&repository, &big);
        let ranges: Vec<_> =
            server.seen().iter().filter_map(|seen| seen.header("content-range").map(str::to_owned)).collect();
        let again = format!("{}-2097151", 1_048_576 + kept);
        assert_eq!(ranges[..3], ["0-1048575", "1048576-2097151", &again]);
        assert_eq!(result.is_ok(), kept == 0, "the fixture did not keep the bytes that it said it had");
    }
}

#[test]
fn what_a_registry_says_of_uploads_is_not_believed_blindly() {
    let other = Digest::sha256(b"other");
    let cases: [(&str, &str, Reply, Class); 8] = [
        ("POST", "no location", Reply::new(202), Class::Unavailable),
        ("POST", "a file", Reply::new(202).header("location", "file:///tmp/x"), Class::Unavailable),
        ("POST", "garbage", Reply::new(202).header("location", "http://[::1/%zz"), Class::Unavailable),
        ("POST", "denied", Reply::error(403, "DENIED"), Class::NotAuthorised),
        ("PUT", "another digest", Reply::new(201).header("docker-content-digest", other), Class::Integrity),
        ("PUT", "a page", Reply::new(200).body("<html>"), Class::Unavailable),
        ("PUT", "wrong digest", Reply::error(400, "DIGEST_INVALID"), Class::Failed),
        ("PUT", "redirected", Reply::new(302).header("location", "/x"), Class::Unavailable),
    ];
    for (method, what, reply, class) in cases {
        let server = Server::with(move |seen| (seen.method == method).then(|| reply.clone()));
        let failure = push(&server.repository("app"), b"x").unwrap_err();
        assert_eq!(failure.class(), class, "{what}: {failure}");
    }
}

#[test]
fn a_manifest_is_stored_by_its_digest_and_then_by_its_name() {
    let server = Server::right();
    let repository = server.repository("app");
    let content = br#"{"schemaVersion":2}"#;
    let manifest = Descriptor::new(MediaType::OciManifest, Digest::sha256(content), content.len() as u64);
    write(&repository, Expected::Descriptor(manifest.clone()), content).unwrap();
    repository.name(Some(&server.name("app:1.0")), &manifest).unwrap();
    repository.name(None, &manifest).unwrap();
    let puts = [format!("PUT /v2/app/manifests/{}", manifest.digest), "PUT /v2/app/manifests/1.0".to_owned()];
    assert_eq!(server.asked(), puts);
    assert_eq!(server.seen()[0].header("content-type"), Some(MediaType::OciManifest.as_str()));
    assert_eq!(server.store.lock().unwrap().manifests["1.0"].1, content);

    // one that the registry had already
    let fresh = server.repository("app");
    fresh.name(Some(&server.name("app:2.0")), &manifest).unwrap();
    assert_eq!(server.store.lock().unwrap().manifests["2.0"].1, content);
}

#[test]
fn a_manifest_that_is_stored_as_something_else_is_an_integrity_failure() {
    let other = Digest::sha256(b"other");
    let server = Server::with(move |seen| {
        seen.is("PUT", "/manifests/").then(|| Reply::new(201).header("docker-content-digest", other))
    });
    let content = b"{}";
    let manifest = Descriptor::new(MediaType::OciManifest, Digest::sha256(content), 2);
    let failure = write(&server.repository("app"), Expected::Descriptor(manifest), content).unwrap_err();
    assert_eq!(failure.class(), Class::Integrity, "{failure}");
}

#[test]
fn many_threads_write_at_once() {
    let server = Server::right();
    let repository = server.repository("app");
    let blobs: Vec<_> = (0..16).map(|number| noise(1_200_000 + number)).collect();
    std::thread::scope(|scope| {
        for blob in &blobs {
            scope.spawn(|| push(&repository, blob).unwrap());
        }
    });
    assert!(blobs.iter().all(|blob| stored(&server, blob)));
}
