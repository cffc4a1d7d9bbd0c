//! Which rows of the layout answer at which path.

use crate::registry::{Registry, image};
use serde_json::json;
use test_support::Dir;

#[test]
fn each_path_leads_to_the_name_that_docker_would_write() {
    let dir = Dir::new();
    for name in [
        "docker.io/library/base:1",
        "docker.io/team/app:1",
        "quay.io/a/b:1",
        "localhost:5000/own:1",
        "localhost/here:1",
    ] {
        image(name).write_layout(dir.join("work"), Some(name));
    }
    let registry = Registry::over(dir);
    let digest = |name: &str| image(name).build().digest;
    for (path, name) in [
        ("base/manifests/1", "docker.io/library/base:1"),
        ("library/base/manifests/1", "docker.io/library/base:1"),
        ("docker.io/base/manifests/1", "docker.io/library/base:1"),
        ("library/base/manifests/1?ns=docker.io", "docker.io/library/base:1"),
        ("team/app/manifests/1", "docker.io/team/app:1"),
        ("quay.io/a/b/manifests/1", "quay.io/a/b:1"),
        ("a/b/manifests/1?ns=quay.io", "quay.io/a/b:1"),
        ("own/manifests/1", "localhost:5000/own:1"),
        ("own/manifests/1?ns=localhost:5000", "localhost:5000/own:1"),
        ("localhost/here/manifests/1", "localhost/here:1"),
    ] {
        let response = registry.get(&format!("/v2/{path}")).is(200);
        assert_eq!(response.header("docker-content-digest"), digest(name), "{path}");
    }
    for path in ["a/b/manifests/1", "library/own/manifests/1", "team/app/manifests/1?ns=quay.io"] {
        registry.get(&format!("/v2/{path}")).fails(404, "MANIFEST_UNKNOWN");
    }
}

#[test]
fn a_push_is_named_as_its_path_says() {
    let registry = Registry::new();
    let built = image("1").build();
    for path in ["base", "team/app", "quay.io/a/b"] {
        registry.push(path, "1", &built);
    }
    let body = &built.blobs[&built.digest];
    let location = registry
        .put("/v2/x/y/manifests/1?ns=ghcr.io", crate::registry::MANIFEST, body)
        .is(201)
        .header("location")
        .to_owned();
    assert_eq!(location, format!("/v2/x/y/manifests/{}?ns=ghcr.io", built.digest));
    let names = ["docker.io/library/base:1", "docker.io/team/app:1", "ghcr.io/x/y:1", "quay.io/a/b:1"];
    assert_eq!(registry.check().names(), names);
}

#[test]
fn a_row_whose_host_has_a_port_answers_where_nobody_else_does() {
    let dir = Dir::new();
    for name in ["localhost:5000/base:1", "localhost:5000/base:2"] {
        image(name).write_layout(dir.join("work"), Some(name));
    }
    image("later").write_layout(dir.join("work"), Some("127.0.0.1:5001/base:2"));
    for name in ["docker.io/team/app:4", "localhost:5000/team/app:6"] {
        image(name).write_layout(dir.join("work"), Some(name));
    }
    let registry = Registry::over(dir);
    let digest = |tag: &str| {
        let response = registry.get(&format!("/v2/base/manifests/{tag}")).is(200);
        response.header("docker-content-digest").to_owned()
    };
    assert_eq!(digest("1"), image("localhost:5000/base:1").build().digest);
    assert_eq!(digest("2"), image("later").build().digest);
    assert_eq!(registry.get("/v2/base/tags/list").is(200).json()["tags"], json!(["1", "2"]));
    // what answers is what is deleted
    registry.delete("/v2/base/manifests/2").is(202);
    assert_eq!(digest("2"), image("localhost:5000/base:2").build().digest);
    // whoever is named by the path is the whole repository
    assert_eq!(registry.get("/v2/team/app/tags/list").is(200).json()["tags"], json!(["4"]));
    registry.get("/v2/team/app/manifests/6").fails(404, "MANIFEST_UNKNOWN");
    registry.delete("/v2/team/app/manifests/6").fails(404, "MANIFEST_UNKNOWN");
    registry.get("/v2/team/app/manifests/6?ns=localhost:5000").is(200);
    registry.check();
}

#[test]
fn names_that_are_none_are_refused() {
    let registry = Registry::new();
    for path in [
        "/v2/Upper/manifests/1",
        "/v2/../../etc/passwd/manifests/1",
        "/v2/%2e%2e/%2e%2e/manifests/1",
        "/v2/a%2f..%2fb/manifests/1",
        "/v2/a%00b/manifests/1",
        "/v2/a//b/manifests/1",
        "/v2/a%/manifests/1",
        "/v2/-a/manifests/1",
        "/v2/a/manifests/1?ns=../..",
        "/v2/a/manifests/1?ns=",
        "/v2/a:1/manifests/1",
    ] {
        registry.get(path).fails(400, "NAME_INVALID");
    }
    registry.get(&format!("/v2/{}/manifests/1", "a".repeat(300))).fails(400, "NAME_INVALID");
    registry.post("/v2/Upper/blobs/uploads/", b"").fails(400, "NAME_INVALID");
}
