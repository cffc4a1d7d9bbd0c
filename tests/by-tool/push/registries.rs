//! Registries that want it otherwise: credentials, chunks, patience.

use crate::fixture::{fails_and_leaves, image, layer_of, layout, push};
use test_support::{Answer, Dir, FakeRegistry};

#[test]
fn a_registry_that_refuses_one_piece_gets_chunks() {
    for (bytes, status) in [(100_000, 413), (3 << 20, 413), (3 << 20, 405)] {
        let registry = FakeRegistry::with(move |asked| {
            let whole = asked.is("PUT", "/blobs/uploads/") && !asked.body.is_empty();
            whole.then(|| Answer::new(status))
        });
        let dir = Dir::new();
        let built = image("c", bytes).write_layout(dir.join("work"), Some("docker.io/library/app:1"));
        let outcome = push(&dir).args(["app:1", "--to", &registry.name("x")]).succeeds();
        outcome.stderr_is("").stdout_has(&built.digest);
        let patches: Vec<String> = registry
            .asked()
            .iter()
            .filter(|asked| asked.method == "PATCH")
            .map(|asked| asked.header("content-range").to_owned())
            .collect();
        assert!(patches.iter().any(|range| range.starts_with("0-")), "{patches:?}");
        assert!(registry.blobs("x").contains(&layer_of(&built)));
    }
}

#[test]
fn an_upload_that_fails_for_now_is_begun_again() {
    for bytes in [100_000, 3 << 20] {
        let registry = FakeRegistry::with(|asked| {
            let first = asked.is("PUT", "/blobs/uploads/u0");
            first.then(|| Answer::new(503).header("Retry-After", "0"))
        });
        let dir = Dir::new();
        let built = image("f", bytes).write_layout(dir.join("work"), Some("docker.io/library/app:1"));
        let outcome = push(&dir).args(["app:1", "--to", &registry.name("x")]).succeeds();
        outcome.stderr_is("").stdout_has(&built.digest);
        assert!(registry.blobs("x").contains(&layer_of(&built)));
    }
}

#[test]
fn a_busy_registry_is_obeyed() {
    let (dir, built) = layout();
    let registry = FakeRegistry::with(|asked| {
        let first = asked.nth == 0 && asked.path() != "/v2/" && !asked.is("PUT", "/uploads/");
        first.then(|| Answer::new(429).header("Retry-After", "0"))
    });
    push(&dir)
        .args(["app:1", "--to", &registry.name("x")])
        .succeeds()
        .stderr_is("")
        .stdout_has(&built.digest);
    let registry = FakeRegistry::with(|asked| {
        (asked.path() != "/v2/").then(|| Answer::new(503).header("Retry-After", "7200"))
    });
    let push = push(&dir).args(["app:1", "--to", &registry.name("x")]);
    fails_and_leaves(&dir, push, 5).stderr_has("wants no further request for 2 hours");
}

#[test]
fn who_may_not_write_is_told_so() {
    let (dir, _) = layout();
    for status in [401, 403] {
        let registry = FakeRegistry::with(move |asked| (asked.path() != "/v2/").then(|| Answer::new(status)));
        let push = push(&dir).args(["app:1", "--to", &registry.name("x")]);
        let outcome = fails_and_leaves(&dir, push, 4);
        outcome.stderr_has("access refused").stderr_has(format!(
            "hint: log in with docker login {}, or podman login: their credentials are used",
            registry.host()
        ));
    }
}

#[test]
fn a_token_to_write_is_asked_for() {
    let registry = FakeRegistry::with(|asked| {
        let host = asked.header("host");
        match asked.path() {
            "/token" if asked.header("authorization") != "Basic dXNlcjpwYXNz" => Some(Answer::new(401)),
            "/token" => Some(Answer::new(200).body(r#"{"token":"w"}"#)),
            "/v2/" => None,
            _ if asked.header("authorization") == "Bearer w" => None,
            _ => {
                let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"us\"");
                Some(Answer::new(401).header("WWW-Authenticate", challenge))
            }
        }
    });
    let (dir, built) = layout();
    let auths = format!(r#"{{"auths":{{"{}":{{"auth":"dXNlcjpwYXNz"}}}}}}"#, registry.host());
    dir.write("home/.docker/config.json", auths);
    let outcome = push(&dir).args(["app:1", "--to", &registry.name("x")]).succeeds();
    outcome.stderr_is("").stdout_has(&built.digest);
    let tokens: Vec<String> = registry
        .asked()
        .iter()
        .filter(|asked| asked.path() == "/token")
        .map(|asked| asked.query("scope"))
        .collect();
    assert_eq!(tokens, ["repository:x:pull,push"], "once, with what is needed");
}

#[test]
fn a_registry_that_stores_something_else_is_not_believed() {
    let (dir, _) = layout();
    let other = test_support::digest_of("other");
    let registry = FakeRegistry::with(move |asked| {
        asked.is("PUT", "/blobs/uploads/").then(|| Answer::new(201).header("Docker-Content-Digest", &other))
    });
    let push = push(&dir).args(["app:1", "--to", &registry.name("x")]);
    fails_and_leaves(&dir, push, 6).stderr_has("the registry stored something else");
}

#[test]
fn an_upload_is_never_led_off_this_machine_without_tls() {
    let (dir, _) = layout();
    let registry = FakeRegistry::with(|asked| {
        asked
            .is("POST", "/blobs/uploads/")
            .then(|| Answer::new(202).header("Location", "http://evil.example/u"))
    });
    let push = push(&dir).args(["app:1", "--to", &registry.name("x")]);
    fails_and_leaves(&dir, push, 5).stderr_has("upload Location");
}

#[test]
fn a_registry_that_does_not_listen_cannot_be_reached() {
    let (dir, _) = layout();
    let name = FakeRegistry::new().name("x");
    fails_and_leaves(&dir, push(&dir).args(["app:1", "--to", &name]), 5)
        .stderr_has("cannot reach 127.0.0.1:");
    fails_and_leaves(&dir, push(&dir).args(["app:1", "--insecure", "--to", &name]), 5)
        .stderr_has("cannot reach");
}
