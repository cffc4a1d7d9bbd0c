//! Uploads: whole, in two requests, in chunks, mounted, given up.

use crate::registry::Registry;
use test_support::{digest_of, sha512_hex};

const STRANGER: &str = "/v2/a/blobs/uploads/00000000-0000-4000-8000-000000000000";

#[test]
fn a_blob_is_pushed_in_one_request() {
    let registry = Registry::new();
    let digest = digest_of(b"hello");
    let response = registry.post(&format!("/v2/team/app/blobs/uploads/?digest={digest}"), b"hello").is(201);
    assert_eq!(response.header("location"), format!("/v2/team/app/blobs/{digest}"));
    assert_eq!(response.header("docker-content-digest"), digest);
    assert_eq!(registry.get(response.header("location")).is(200).text(), "hello");
    // and again
    registry.push_blob("team/app", b"hello");
    assert_eq!(registry.check().blobs.len(), 1);
}

#[test]
fn a_blob_is_pushed_by_post_and_put() {
    let registry = Registry::new();
    let (location, digest) = (registry.begin("a"), digest_of(b"hello"));
    let response = registry.ask("PUT", &format!("{location}?digest={digest}"), &[], b"hello").is(201);
    assert_eq!(response.header("location"), format!("/v2/a/blobs/{digest}"));
    assert_eq!(registry.get(response.header("location")).is(200).text(), "hello");
    registry.get(&location).fails(404, "BLOB_UPLOAD_UNKNOWN");
}

#[test]
fn a_blob_is_pushed_in_chunks() {
    let registry = Registry::new();
    let location = registry.begin("a");
    let response = registry.patch(&location, "0-4", b"hello").is(202);
    assert_eq!((response.header("range"), response.header("location")), ("0-4", &*location));
    let response = registry.get(&location).is(204);
    assert_eq!((response.header("range"), response.header("location")), ("0-4", &*location));
    assert_eq!(registry.patch(&location, "5-5", b" ").is(202).header("range"), "0-5");
    let digest = digest_of(b"hello world");
    let last = [("Content-Range", "6-10")];
    registry.ask("PUT", &format!("{location}?digest={digest}"), &last, b"world").is(201);
    assert_eq!(registry.get(&format!("/v2/a/blobs/{digest}")).is(200).text(), "hello world");
    registry.check();
}

#[test]
fn a_stream_without_a_range_is_appended() {
    let registry = Registry::new();
    let location = registry.begin("a");
    registry.ask("PATCH", &location, &[], b"hello ").is(202);
    registry.ask("PATCH", &location, &[], b"world").is(202);
    let digest = digest_of(b"hello world");
    registry.ask("PUT", &format!("{location}?digest={digest}"), &[], b"").is(201);
}

#[test]
fn a_body_of_unknown_length_is_taken() {
    let registry = Registry::new();
    let location = registry.begin("a");
    let request = format!(
        "PATCH {location} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    );
    let response = crate::http::exchange(&registry.address, request.as_bytes(), false).is(202);
    assert_eq!(response.header("range"), "0-10");
}

#[test]
fn a_chunk_out_of_order_is_refused_and_told_the_place() {
    let registry = Registry::new();
    let location = registry.begin("a");
    registry.patch(&location, "0-4", b"hello").is(202);
    for range in ["0-4", "3-7", "6-10", "bytes 6-10/*"] {
        let response = registry.patch(&location, range, b"world").fails(416, "BLOB_UPLOAD_INVALID");
        assert_eq!((response.header("range"), response.header("location")), ("0-4", &*location), "{range}");
    }
    for range in ["5-5", "5-99", "x", "5", "9-5", "0-18446744073709551615"] {
        registry.patch(&location, range, b"world").fails(400, "BLOB_UPLOAD_INVALID");
    }
    assert_eq!(registry.get(&location).is(204).header("range"), "0-4");
}

#[test]
fn bytes_with_another_digest_are_refused() {
    let registry = Registry::new();
    let (location, digest) = (registry.begin("a"), digest_of(b"other"));
    registry.ask("PUT", &format!("{location}?digest={digest}"), &[], b"hello").fails(400, "DIGEST_INVALID");
    registry.post(&format!("/v2/a/blobs/uploads/?digest={digest}"), b"hello").fails(400, "DIGEST_INVALID");
    registry.post("/v2/a/blobs/uploads/?digest=sha256:1", b"").fails(400, "DIGEST_INVALID");
    let location = registry.begin("a");
    registry.ask("PUT", &location, &[], b"hello").fails(400, "DIGEST_INVALID");
    registry.ask("PUT", &format!("{location}?digest=x"), &[], b"").fails(400, "DIGEST_INVALID");
    let report = registry.check();
    assert!(report.blobs.is_empty());
    let uploads = report.unfinished.iter().filter(|path| path.contains("upload-")).count();
    assert_eq!(uploads, 1, "only the one that can still be right: {:?}", report.unfinished);
}

#[test]
fn an_upload_that_is_given_up_is_gone() {
    let registry = Registry::new();
    let location = registry.begin("a");
    registry.delete(&location).is(204);
    registry.get(&location).fails(404, "BLOB_UPLOAD_UNKNOWN");
    registry.patch(&location, "0-0", b"x").fails(404, "BLOB_UPLOAD_UNKNOWN");
    registry.delete(&location).fails(404, "BLOB_UPLOAD_UNKNOWN");
    assert!(registry.dir.list("work/.ociutils/ingest").is_empty());
}

#[test]
fn an_upload_that_was_never_begun_is_unknown() {
    let registry = Registry::new();
    let digest = digest_of(b"");
    registry.get(STRANGER).fails(404, "BLOB_UPLOAD_UNKNOWN");
    registry.patch(STRANGER, "0-0", b"x").fails(404, "BLOB_UPLOAD_UNKNOWN");
    registry.ask("PUT", &format!("{STRANGER}?digest={digest}"), &[], b"").fails(404, "BLOB_UPLOAD_UNKNOWN");
    registry.delete(STRANGER).fails(404, "BLOB_UPLOAD_UNKNOWN");
    for id in ["..", "%2e%2e", "x", "00000000-0000-4000-8000-00000000000A"] {
        registry.get(&format!("/v2/a/blobs/uploads/{id}")).fails(404, "BLOB_UPLOAD_UNKNOWN");
    }
    registry.ask("PATCH", "/v2/a/blobs/uploads/", &[], b"").fails(405, "UNSUPPORTED");
}

#[test]
fn a_blob_that_is_there_is_mounted_and_one_that_is_not_begins_an_upload() {
    let registry = Registry::new();
    let digest = registry.push_blob("a", b"hello");
    for from in ["&from=a", "&from=elsewhere", ""] {
        let response = registry.post(&format!("/v2/b/blobs/uploads/?mount={digest}{from}"), b"").is(201);
        assert_eq!(response.header("location"), format!("/v2/b/blobs/{digest}"));
        assert_eq!(response.header("docker-content-digest"), digest);
    }
    let absent = digest_of(b"absent");
    let response = registry.post(&format!("/v2/b/blobs/uploads/?mount={absent}&from=a"), b"").is(202);
    assert!(response.header("location").starts_with("/v2/b/blobs/uploads/"));
    registry.post("/v2/b/blobs/uploads/?mount=x&from=a", b"").fails(400, "DIGEST_INVALID");
}

#[test]
fn sha512_is_a_digest_too() {
    let registry = Registry::new();
    let digest = format!("sha512:{}", sha512_hex(b"hello"));
    registry.post(&format!("/v2/a/blobs/uploads/?digest={digest}"), b"hello").is(201);
    let location = registry.begin("a");
    registry.patch(&location, "0-4", b"hello").is(202);
    registry.ask("PUT", &format!("{location}?digest={digest}"), &[], b"").is(201);
    assert_eq!(registry.get(&format!("/v2/a/blobs/{digest}")).is(200).text(), "hello");
    registry.check();
}
