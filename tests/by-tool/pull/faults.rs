//! A registry that fails: what is tried again, what is not, and that the layout is as it was.

use crate::fixture::{fails_and_leaves, furnished, image, layer_of, pull, registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use test_support::{Answer, Dir, FakeRegistry, check_layout, digest_of};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

#[test]
fn what_is_not_there_is_not_found() {
    let (registry, _) = registry();
    let dir = furnished();
    for name in ["app:2", "gone:1", &format!("app@{}", digest_of("x"))] {
        let outcome = fails_and_leaves(&dir, pull(&dir).arg(registry.name(name)), 3);
        outcome.stderr_has("not found in the registry");
    }
}

#[test]
fn a_registry_that_does_not_listen_cannot_be_reached() {
    let (registry, _) = registry();
    let (dir, name) = (furnished(), registry.name("app:1"));
    drop(registry);
    let outcome = fails_and_leaves(&dir, pull(&dir).arg(&name), 5);
    outcome.stderr_has("cannot reach 127.0.0.1:").stderr_has("refused");
}

#[test]
fn too_many_requests_and_unavailable_pass_when_they_do() {
    for status in [429, 503, 502, 500] {
        let registry = FakeRegistry::with(move |asked| {
            let first = asked.nth == 0 && asked.path() != "/v2/";
            first.then(|| Answer::new(status).header("Retry-After", "0"))
        });
        let image = image("f");
        registry.hold("app", "1", &image);
        let dir = Dir::new();
        let outcome = pull(&dir).arg(registry.name("app:1")).succeeds();
        outcome.stderr_is("").stdout_has(&image.digest);
        check_layout(dir.join("work"));
    }
}

#[test]
fn a_registry_that_wants_to_be_left_alone_for_an_hour_is_left_alone() {
    let registry = FakeRegistry::with(|asked| {
        let busy = Answer::new(429).header("Retry-After", "3600");
        (asked.path() != "/v2/")
            .then(|| busy.body(r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow"}]}"#))
    });
    let dir = furnished();
    let outcome = fails_and_leaves(&dir, pull(&dir).arg(registry.name("app:1")), 5);
    outcome.stderr_has("wants no further request for 60 minutes");
    assert!(registry.asked().len() <= 3);
}

#[test]
fn a_blob_that_breaks_off_is_gone_on_with_from_there() {
    let registry = FakeRegistry::with(|asked| {
        let broken = asked.is("GET", "/blobs/") && asked.nth == 0;
        broken.then(|| Answer::as_usual_for("GET", asked.path()).cut_after(100_000))
    });
    let image = image("c");
    registry.hold("app", "1", &image);
    let layer = layer_of(&image);
    let dir = Dir::new();
    pull(&dir).arg(registry.name("app:1")).succeeds().stderr_is("").stdout_has(&image.digest);
    let ranges: Vec<String> = registry
        .asked()
        .iter()
        .filter(|asked| asked.is("GET", &layer))
        .map(|asked| asked.header("range").to_owned())
        .collect();
    assert_eq!(ranges, ["", "bytes=100000-"]);
    let blobs = image.blobs[&layer].len() + image.blobs[&image.config_digest].len();
    assert_eq!(registry.bytes_sent(), blobs, "no byte twice");
    check_layout(dir.join("work"));
}

#[test]
fn a_pull_that_failed_is_gone_on_with_by_the_next_to_the_byte() {
    let (down, layer) = (Arc::new(AtomicBool::new(true)), layer_of(&image("c")));
    let (is_down, of_layer) = (Arc::clone(&down), layer.clone());
    let registry = FakeRegistry::with(move |asked| {
        if !is_down.load(Ordering::SeqCst) || !asked.is("GET", &of_layer) {
            return None;
        }
        let cut = Answer::as_usual_for("GET", asked.path()).cut_after(100_000);
        Some(if asked.nth == 0 { cut } else { Answer::new(404) })
    });
    let image = image("c");
    registry.hold("app", "1", &image);
    let (dir, name) = (furnished(), registry.name("app:1"));
    fails_and_leaves(&dir, pull(&dir).arg(&name), 3);
    assert_eq!(registry.count("GET", &layer), 2);
    down.store(false, Ordering::SeqCst);
    pull(&dir).arg(&name).succeeds().stderr_is("").stdout_has(&image.digest);
    let blobs = image.blobs[&layer].len() + image.blobs[&image.config_digest].len();
    assert_eq!(registry.bytes_sent(), blobs, "no byte twice");
    assert_eq!(check_layout(dir.join("work")).unfinished, Vec::<String>::new());
}

#[test]
fn a_registry_without_ranges_sends_the_rest_all_the_same() {
    let layer = layer_of(&image("n"));
    let image = image("n");
    let bytes = image.blobs[&layer].clone();
    let of_layer = layer.clone();
    let registry = FakeRegistry::with(move |asked| {
        let whole = asked.is("GET", &of_layer).then(|| Answer::new(200).body(&bytes));
        whole.map(|answer| if asked.nth == 0 { answer.cut_after(1_000) } else { answer })
    });
    registry.hold("app", "1", &image);
    let dir = Dir::new();
    pull(&dir).arg(registry.name("app:1")).succeeds().stderr_is("").stdout_has(&image.digest);
    check_layout(dir.join("work"));
}

#[test]
fn what_is_not_what_it_claims_is_an_integrity_failure() {
    let image = image("i");
    let layer = layer_of(&image);
    let good = image.blobs[&layer].clone();
    let mut altered = good.clone();
    altered[1000] ^= 1;
    let answers = [
        ("altered", Answer::new(200).body(&altered)),
        ("longer", Answer::new(200).body([&good[..], b"x"].concat())),
        ("shorter", Answer::new(200).body(&good[1..])),
    ];
    for (what, answer) in answers {
        let of_layer = layer.clone();
        let registry = FakeRegistry::with(move |asked| asked.is("GET", &of_layer).then(|| answer.clone()));
        registry.hold("app", "1", &image);
        let dir = furnished();
        let outcome = fails_and_leaves(&dir, pull(&dir).arg(registry.name("app:1")), 6);
        assert!(outcome.stderr().contains(&layer), "{what}: {outcome}");
        assert!(!dir.join(format!("work/blobs/{}", layer.replace(':', "/"))).exists(), "{what}");
    }
}

#[test]
fn a_manifest_that_is_another_or_none_is_an_integrity_failure() {
    let image = image("m");
    let manifest = image.blobs[&image.digest].clone();
    let of = |kind: &str| Answer::new(200).header("Content-Type", kind);
    let answers = [
        of(MANIFEST).header("Docker-Content-Digest", digest_of("x")).body(&manifest),
        of(MANIFEST).body("{"),
        of("text/html").body("<html>\u{1b}[2J"),
        of("application/vnd.oci.image.index.v1+json").body(&manifest),
    ];
    for answer in answers {
        // HEAD too: the length is that of the wrong body
        let registry =
            FakeRegistry::with(move |asked| asked.path().contains("/manifests/").then(|| answer.clone()));
        let dir = furnished();
        let outcome = fails_and_leaves(&dir, pull(&dir).arg(registry.name("app:1")), 6);
        assert!(!outcome.stderr().contains('\u{1b}'), "{outcome}");
    }
}

#[test]
fn the_words_of_a_registry_cannot_steer_a_terminal() {
    let registry = FakeRegistry::with(|asked| {
        let body = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\\u001b[2Jno\\nyes\"}]}";
        (asked.path() != "/v2/").then(|| Answer::new(403).body(body))
    });
    let dir = furnished();
    let outcome = fails_and_leaves(&dir, pull(&dir).arg(registry.name("app:1")), 4);
    assert!(!outcome.stderr().contains('\u{1b}'), "{outcome}");
    assert_eq!(outcome.stderr().lines().count(), 2, "the error and its hint: {outcome}");
}

#[test]
fn redirects_without_an_end_are_given_up() {
    let registry = FakeRegistry::with(|asked| {
        let path = asked.path().to_owned();
        (path != "/v2/").then(|| Answer::new(302).header("Location", path))
    });
    let dir = furnished();
    let outcome = fails_and_leaves(&dir, pull(&dir).arg(registry.name("app:1")), 5);
    outcome.stderr_has("redirects more than");
    assert!(registry.asked().len() < 30);
}
