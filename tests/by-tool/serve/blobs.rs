//! Blobs: GET, HEAD, ranges, DELETE.

use crate::registry::{Registry, image};
use test_support::digest_of;

const ABSENT: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn the_base_says_that_this_is_a_registry() {
    let registry = Registry::new();
    for response in [registry.get("/v2/"), registry.head("/v2/"), registry.get("/v2")] {
        assert_eq!(response.is(200).header("docker-distribution-api-version"), "registry/2.0");
    }
    registry.post("/v2/", b"").fails(405, "UNSUPPORTED");
    registry.get("/").fails(404, "NAME_UNKNOWN");
}

#[test]
fn a_blob_is_given_with_its_digest_and_length() {
    let registry = Registry::new();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number / 7) as u8).collect();
    let path = format!("/v2/a/blobs/{}", registry.push_blob("a", &bytes));
    let digest = digest_of(&bytes);
    let (get, head) = (registry.get(&path).is(200), registry.head(&path).is(200));
    assert!(get.body == bytes);
    for response in [get, head] {
        assert_eq!(response.header("docker-content-digest"), digest);
        assert_eq!(response.header("content-length"), "3000000");
        assert_eq!(response.header("content-type"), "application/octet-stream");
        assert_eq!(response.header("accept-ranges"), "bytes");
    }
    assert_eq!(registry.check().blobs.len(), 1);
}

#[test]
fn a_range_of_a_blob_is_given() {
    let registry = Registry::new();
    let path = format!("/v2/a/blobs/{}", registry.push_blob("a", b"0123456789"));
    let ranged = |range| registry.ask("GET", &path, &[("Range", range)], b"");
    for (range, text, given) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=8-", "89", "bytes 8-9/10"),
        ("bytes=-1", "9", "bytes 9-9/10"),
        ("bytes=0-99", "0123456789", "bytes 0-9/10"),
    ] {
        let response = ranged(range).is(206);
        assert_eq!((&*response.text(), response.header("content-range")), (text, given), "{range}");
    }
    let digest = digest_of("0123456789");
    for (tag, status) in [(format!("\"{digest}\""), 206), ("\"another\"".to_owned(), 200)] {
        let headers = [("Range", "bytes=2-4"), ("If-Range", &*tag)];
        registry.ask("GET", &path, &headers, b"").is(status);
    }
    let response = ranged("bytes=10-").is(416);
    assert_eq!(response.header("content-range"), "bytes */10");
    assert_eq!(ranged("bytes=0-1,4-5").is(200).text(), "0123456789");
}

#[test]
fn a_blob_that_is_not_there_is_unknown() {
    let registry = Registry::new();
    registry.get(&format!("/v2/a/blobs/{ABSENT}")).fails(404, "BLOB_UNKNOWN");
    assert_eq!(registry.head(&format!("/v2/a/blobs/{ABSENT}")).is(404).body, b"");
    registry.delete(&format!("/v2/a/blobs/{ABSENT}")).fails(404, "BLOB_UNKNOWN");
    registry.get("/v2/a/blobs/sha256:abc").fails(400, "DIGEST_INVALID");
    registry.get("/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e").fails(400, "DIGEST_INVALID");
    registry.ask("PUT", &format!("/v2/a/blobs/{ABSENT}"), &[], b"").fails(405, "UNSUPPORTED");
}

#[test]
fn an_empty_blob_is_a_blob() {
    let registry = Registry::new();
    registry.push_blob("a", b"");
    assert_eq!(registry.get(&format!("/v2/a/blobs/{ABSENT}")).is(200).header("content-length"), "0");
    let range = [("Range", "bytes=0-")];
    registry.ask("GET", &format!("/v2/a/blobs/{ABSENT}"), &range, b"").is(416);
}

#[test]
fn a_blob_that_an_image_needs_survives_its_deletion() {
    let registry = Registry::new();
    let built = image("1").build();
    registry.push("a", "1", &built);
    for digest in built.blobs.keys() {
        registry.delete(&format!("/v2/a/blobs/{digest}")).is(202);
    }
    registry.get(&format!("/v2/a/blobs/{}", built.config_digest)).is(200);
    assert!(registry.check().unreachable.is_empty());
}

#[test]
fn an_old_blob_that_no_image_needs_is_deleted() {
    let registry = Registry::new();
    let digest = registry.push_blob("a", b"old");
    let file = registry.dir.join("work/blobs").join(digest.replace(':', "/"));
    let file = std::fs::File::options().write(true).open(file).expect("the blob is there");
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("its time is set");
    registry.delete(&format!("/v2/a/blobs/{digest}")).is(202);
    registry.get(&format!("/v2/a/blobs/{digest}")).fails(404, "BLOB_UNKNOWN");
}
