//! Manifests: by tag and by digest, with all that can be wrong about them.

use crate::registry::{INDEX, MANIFEST, Manifest, Registry, image, index_of};
use serde_json::json;
use test_support::digest_of;

#[test]
fn an_image_is_pushed_and_pulled_back_by_tag_and_by_digest() {
    let registry = Registry::new();
    let built = image("1").build();
    registry.push("team/app", "1", &built);
    for reference in ["1", &built.digest] {
        let path = format!("/v2/team/app/manifests/{reference}");
        let (get, head) = (registry.get(&path).is(200), registry.head(&path).is(200));
        assert!(get.body == built.manifest());
        for response in [get, head] {
            assert_eq!(response.header("content-type"), MANIFEST);
            assert_eq!(response.header("docker-content-digest"), built.digest);
            assert_eq!(response.header("content-length"), built.manifest().len().to_string());
        }
    }
    let report = registry.check();
    assert_eq!(report.names(), ["docker.io/team/app:1"]);
    assert!(report.unreachable.is_empty());
}

#[test]
fn a_manifest_that_is_not_there_is_unknown() {
    let registry = Registry::new();
    let absent = digest_of(b"absent");
    registry.push("a", "1", &image("1").build());
    let layer = registry.push_blob("a", b"no manifest");
    for path in ["a/manifests/2", "b/manifests/1", "a/manifests/.bad", "a/manifests/"] {
        registry.get(&format!("/v2/{path}")).fails(404, "MANIFEST_UNKNOWN");
        registry.head(&format!("/v2/{path}")).is(404);
        registry.delete(&format!("/v2/{path}")).fails(404, "MANIFEST_UNKNOWN");
    }
    registry.get(&format!("/v2/a/manifests/{absent}")).fails(404, "MANIFEST_UNKNOWN");
    registry.delete(&format!("/v2/a/manifests/{absent}")).fails(404, "MANIFEST_UNKNOWN");
    registry.get(&format!("/v2/a/manifests/{layer}")).fails(404, "MANIFEST_UNKNOWN");
    registry.get("/v2/a/manifests/sha256:1").fails(400, "DIGEST_INVALID");
    registry.post("/v2/a/manifests/1", b"").fails(405, "UNSUPPORTED");
}

#[test]
fn a_manifest_is_taken_only_when_all_that_it_names_is_here() {
    let registry = Registry::new();
    let built = image("1").build();
    registry.put("/v2/a/manifests/1", MANIFEST, built.manifest()).fails(404, "MANIFEST_BLOB_UNKNOWN");
    registry.push_blob("a", &built.blobs[&built.config_digest]);
    registry.put("/v2/a/manifests/1", MANIFEST, built.manifest()).fails(404, "MANIFEST_BLOB_UNKNOWN");
    registry
        .put("/v2/a/manifests/1", INDEX, &index_of(&[&image("2").build()]))
        .fails(404, "MANIFEST_BLOB_UNKNOWN");
    assert!(registry.check().rows.is_empty());
    registry.push("a", "1", &built);
}

#[test]
fn a_manifest_that_is_none_is_refused() {
    let registry = Registry::new();
    let built = image("1").build();
    registry.push("a", "1", &built);
    for (media_type, body) in [
        (MANIFEST, &b"{"[..]),
        (MANIFEST, b""),
        (MANIFEST, b"{}"),
        (MANIFEST, b"[]"),
        (INDEX, built.manifest()),
        ("application/vnd.docker.distribution.manifest.v2+json", built.manifest()),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", br#"{"schemaVersion":1}"#),
        ("text/plain", built.manifest()),
    ] {
        registry.put("/v2/a/manifests/2", media_type, body).fails(400, "MANIFEST_INVALID");
    }
    registry.put("/v2/a/manifests/.bad", MANIFEST, built.manifest()).fails(400, "MANIFEST_INVALID");
    let other = format!("/v2/a/manifests/{}", digest_of(b"other"));
    registry.put(&other, MANIFEST, built.manifest()).fails(400, "DIGEST_INVALID");
    assert_eq!(registry.check().names(), ["docker.io/library/a:1"]);
}

#[test]
fn a_manifest_larger_than_4_mib_is_refused() {
    let registry = Registry::new();
    let large = vec![b' '; (4 << 20) + 1];
    registry.put("/v2/a/manifests/1", MANIFEST, &large).fails(413, "SIZE_INVALID");
}

#[test]
fn the_type_of_a_manifest_is_what_its_header_says_or_else_its_shape() {
    let registry = Registry::new();
    let built = image("1").build();
    registry.push("a", "1", &built);
    let mut value: serde_json::Value = serde_json::from_slice(built.manifest()).expect("JSON");
    value.as_object_mut().expect("an object").remove("mediaType");
    let untyped = value.to_string().into_bytes();
    registry.ask("PUT", "/v2/a/manifests/shape", &[], &untyped).is(201);
    assert_eq!(registry.get("/v2/a/manifests/shape").is(200).header("content-type"), MANIFEST);
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    value["tool"] = json!("x");
    let untyped = value.to_string().into_bytes();
    registry.put("/v2/a/manifests/docker", &format!("{docker}; charset=utf-8"), &untyped).is(201);
    assert_eq!(registry.get("/v2/a/manifests/docker").is(200).header("content-type"), docker);
}

#[test]
fn a_manifest_put_by_digest_alone_is_kept_under_its_repository_and_has_no_tag() {
    let registry = Registry::new();
    let built = image("1").build();
    for _ in 0..2 {
        registry.push("team/app", &built.digest, &built);
    }
    let name = format!("docker.io/team/app@{}", built.digest);
    let report = registry.check();
    assert_eq!(report.names(), [&*name]);
    assert!(report.unreachable.is_empty());
    for key in ["io.containerd.image.name", "org.opencontainers.image.ref.name"] {
        assert!(
            registry.dir.read_text("work/index.json").contains(&format!("\"{key}\":\"{name}\"")),
            "{key}"
        );
    }
    registry.get(&format!("/v2/team/app/manifests/{}", built.digest)).is(200);
    let tags = registry.get("/v2/team/app/tags/list").is(200).json();
    assert_eq!(tags, json!({ "name": "team/app", "tags": [] }));
    // a tag takes the row over
    registry.push("team/app", "1", &built);
    assert_eq!(registry.check().names(), ["docker.io/team/app:1"]);
    // and the digest needs none any more
    registry.push("team/app", &built.digest, &built);
    assert_eq!(registry.check().names(), ["docker.io/team/app:1"]);
}

#[test]
fn an_index_takes_over_the_manifests_that_were_put_for_it() {
    let registry = Registry::new();
    let (one, two) = (image("1").build(), image("2").platform("linux", "arm64").build());
    registry.push("a", &one.digest, &one);
    registry.push("a", &two.digest, &two);
    registry.push("a", "kept", &two);
    let index = index_of(&[&one, &two]);
    let response = registry.put("/v2/a/manifests/1", INDEX, &index).is(201);
    assert_eq!(response.header("docker-content-digest"), digest_of(&index));
    let report = registry.check();
    assert_eq!(report.names(), ["docker.io/library/a:1", "docker.io/library/a:kept"]);
    assert!(report.unreachable.is_empty());
    registry.get(&format!("/v2/a/manifests/{}", one.digest)).is(200);
    assert_eq!(registry.get("/v2/a/manifests/1").is(200).header("content-type"), INDEX);
}

#[test]
fn what_an_index_names_is_found_as_soon_as_the_index_is_there() {
    let registry = Registry::new();
    let (one, two) = (image("1").build(), image("2").platform("linux", "arm64").build());
    registry.push("b", &one.digest, &one);
    registry.push("b", &two.digest, &two);
    let ask = |digest: &str| registry.get(&format!("/v2/a/manifests/{digest}")).status;
    for (tag, image) in [("1", &one), ("2", &two)] {
        assert_eq!(ask(&image.digest), 404);
        registry.put(&format!("/v2/a/manifests/{tag}"), INDEX, &index_of(&[image])).is(201);
        assert_eq!(ask(&image.digest), 200);
    }
    registry.delete("/v2/a/manifests/1").is(202);
    assert_eq!((ask(&one.digest), ask(&two.digest)), (404, 200));
}

#[test]
fn a_tag_is_deleted_and_the_others_stay() {
    let registry = Registry::new();
    let built = image("1").build();
    registry.push("a", "1", &built);
    registry.push("a", "2", &built);
    registry.delete("/v2/a/manifests/1").is(202);
    registry.get("/v2/a/manifests/1").fails(404, "MANIFEST_UNKNOWN");
    registry.delete("/v2/a/manifests/1").fails(404, "MANIFEST_UNKNOWN");
    registry.get("/v2/a/manifests/2").is(200);
    assert_eq!(registry.check().names(), ["docker.io/library/a:2"]);
}

#[test]
fn a_digest_is_deleted_with_all_its_tags_in_this_repository() {
    let registry = Registry::new();
    let built = image("1").build();
    for (name, tag) in [("a", "1"), ("a", "2"), ("b", "1")] {
        registry.push(name, tag, &built);
    }
    registry.push("a", "other", &image("2").build());
    registry.delete(&format!("/v2/a/manifests/{}", built.digest)).is(202);
    registry.delete(&format!("/v2/a/manifests/{}", built.digest)).fails(404, "MANIFEST_UNKNOWN");
    assert_eq!(registry.check().names(), ["docker.io/library/a:other", "docker.io/library/b:1"]);
    registry.get(&format!("/v2/b/manifests/{}", built.digest)).is(200);
    registry.delete(&format!("/v2/b/manifests/{}", built.digest)).is(202);
    registry.push("b", &built.digest, &built);
    registry.delete(&format!("/v2/b/manifests/{}", built.digest)).is(202);
    assert_eq!(registry.check().names(), ["docker.io/library/a:other"]);
}

#[test]
fn a_digest_that_was_deleted_is_not_got_again() {
    let registry = Registry::new();
    let built = image("1").build();
    let path = |name: &str| format!("/v2/{name}/manifests/{}", built.digest);
    registry.push("a", "1", &built);
    registry.push("b", "1", &built);
    registry.get("/v2/a/manifests/1").is(200);
    registry.delete(&path("a")).is(202);
    registry.get(&path("a")).fails(404, "MANIFEST_UNKNOWN");
    registry.head(&path("a")).is(404);
    // its blobs may be here, and other repositories have it
    registry.get(&path("b")).is(200);
    registry.get(&path("never/existed")).fails(404, "MANIFEST_UNKNOWN");
}

#[test]
fn a_tag_that_is_put_again_moves() {
    let registry = Registry::new();
    let (one, two) = (image("1").build(), image("2").build());
    registry.push("a", "1", &one);
    registry.push("a", "1", &two);
    assert_eq!(registry.head("/v2/a/manifests/1").is(200).header("docker-content-digest"), two.digest);
    assert_eq!(registry.check().names(), ["docker.io/library/a:1"]);
    // who has just been told of the old digest still gets it
    registry.get(&format!("/v2/a/manifests/{}", one.digest)).is(200);
}

#[test]
fn a_manifest_with_a_sha512_digest_is_kept_under_it() {
    let registry = Registry::new();
    let built = image("1").build();
    registry.push("a", "1", &built);
    let digest = format!("sha512:{}", test_support::sha512_hex(built.manifest()));
    registry.put(&format!("/v2/a/manifests/{digest}"), MANIFEST, built.manifest()).is(201);
    let response = registry.get(&format!("/v2/a/manifests/{digest}")).is(200);
    assert_eq!(response.header("docker-content-digest"), digest);
    registry.check();
}
