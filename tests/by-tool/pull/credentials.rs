//! Who we are to a registry: from which file or helper, by which kind of challenge, and to whom it is told.

use crate::fixture::{fails_and_leaves, furnished, image, layer_of, pull, registry};
use std::os::unix::fs::PermissionsExt;
use test_support::{Answer, Asked, BuiltImage, Command, Dir, FakeRegistry, check_layout};

/// `user:pass`, as HTTP and docker's files write it.
const USER_PASS: &str = "dXNlcjpwYXNz";

/// `app:1` for `user:pass` alone.
fn basic() -> (FakeRegistry, BuiltImage) {
    let right = format!("Basic {USER_PASS}");
    let registry = FakeRegistry::with(move |asked| {
        let refused = asked.header("authorization") != right;
        refused.then(|| Answer::new(401).header("WWW-Authenticate", "Basic realm=\"here\""))
    });
    let image = image("b");
    registry.hold("app", "1", &image);
    (registry, image)
}

/// `app:1` for who has a token of its own token server, which wants what `knows` says.
fn token(knows: fn(&Asked) -> bool) -> (FakeRegistry, BuiltImage) {
    let registry = FakeRegistry::with(move |asked| {
        let host = asked.header("host");
        if asked.path() == "/token" {
            return Some(match knows(asked) {
                true => Answer::new(200).body(r#"{"token":"t0k3n","expires_in":300}"#),
                false => Answer::new(401).body(r#"{"errors":[{"code":"DENIED","message":"who are you"}]}"#),
            });
        }
        if asked.header("authorization") == "Bearer t0k3n" || asked.path() == "/v2/" {
            return None;
        }
        let challenge =
            format!("Bearer realm=\"http://{host}/token\",service=\"us\",scope=\"repository:app:pull\"");
        Some(Answer::new(401).header("WWW-Authenticate", challenge))
    });
    let image = image("t");
    registry.hold("app", "1", &image);
    (registry, image)
}

fn auths(host: &str) -> String {
    format!(r#"{{"auths":{{"{host}":{{"auth":"{USER_PASS}"}}}}}}"#)
}

/// A credential helper of this name in `bin`, which is on the PATH of the command.
fn with_helper(dir: &Dir, command: Command, name: &str, script: &str) -> Command {
    let path = dir.write(format!("bin/docker-credential-{name}"), format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", dir.join("bin").display()))
}

#[test]
fn a_password_is_found_in_dockers_file_and_in_containers() {
    let (registry, built) = basic();
    let name = registry.name("app:1");
    for (file, variable, value) in [
        ("home/.docker/config.json", "UNUSED", ""),
        ("docker/config.json", "DOCKER_CONFIG", "docker"),
        ("mine.json", "REGISTRY_AUTH_FILE", "mine.json"),
        ("run/containers/auth.json", "XDG_RUNTIME_DIR", "run"),
        ("home/.config/containers/auth.json", "UNUSED", ""),
    ] {
        let dir = Dir::new();
        dir.write(file, auths(registry.host()));
        let outcome = pull(&dir).env(variable, dir.join(value)).arg(&name).succeeds();
        outcome.stdout_is(format!("oci:work:{name}@{}\n", built.digest)).stderr_is("");
    }
}

#[test]
fn without_credentials_access_is_refused_and_the_way_in_is_named() {
    let (registry, _) = basic();
    let dir = furnished();
    let name = registry.name("app:1");
    let outcome = fails_and_leaves(&dir, pull(&dir).arg(&name), 4);
    outcome.stderr_is(format!(
        "oci-pull: {name}: access refused: no credential for {host} in {home}/.docker/config.json, {home}/.config/containers/auth.json\n\
         hint: log in with docker login {host}, or podman login: their credentials are used\n",
        host = registry.host(),
        home = dir.join("home").display(),
    ));
    dir.write("home/.docker/config.json", auths(registry.host()).replace(USER_PASS, "dXNlcjp3cm9uZw=="));
    registry.forget_requests();
    fails_and_leaves(&dir, pull(&dir).arg(&name), 4)
        .stderr_has(format!(".docker/config.json for {} did not do", registry.host()))
        .stderr_lacks("wrong");
    assert!(registry.asked().len() < 6, "a password that was refused is not tried again and again");
}

#[test]
fn a_token_is_asked_for_once_with_the_scope_that_is_needed() {
    let (registry, built) = token(|_| true);
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    pull(&dir).arg(&name).succeeds().stderr_is("").stdout_has(&built.digest);
    let asked: Vec<Asked> = registry.asked().into_iter().filter(|asked| asked.path() == "/token").collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].query("service"), asked[0].query("scope")),
        ("us".into(), "repository:app:pull".into())
    );
    assert_eq!(asked[0].header("authorization"), "", "nobody said who we are");
    check_layout(dir.join("work"));
}

#[test]
fn the_password_goes_to_the_token_server_and_the_token_to_the_registry() {
    let (registry, built) = token(|asked| asked.header("authorization") == format!("Basic {USER_PASS}"));
    let (dir, name) = (furnished(), registry.name("app:1"));
    fails_and_leaves(&dir, pull(&dir).arg(&name), 4).stderr_has("who are you").stderr_has("hint: log in");
    dir.write("home/.docker/config.json", auths(registry.host()));
    registry.forget_requests();
    pull(&dir).arg(&name).succeeds().stderr_is("").stdout_has(&built.digest);
    for asked in registry.asked().iter().filter(|asked| asked.path() != "/token") {
        assert!(!asked.header("authorization").contains("Basic"), "{asked:?}");
    }
}

#[test]
fn an_identity_token_is_shown_to_the_token_server_alone() {
    let (registry, built) = token(|asked| {
        let form = String::from_utf8_lossy(&asked.body);
        asked.method == "POST"
            && form.contains("grant_type=refresh_token")
            && form.contains("refresh_token=r3fr3sh")
    });
    let dir = Dir::new();
    let entry = format!(r#"{{"auths":{{"{}":{{"identitytoken":"r3fr3sh"}}}}}}"#, registry.host());
    dir.write("home/.docker/config.json", entry);
    pull(&dir).arg(registry.name("app:1")).succeeds().stderr_is("").stdout_has(&built.digest);
    for asked in registry.asked().iter().filter(|asked| asked.path() != "/token") {
        assert!(!String::from_utf8_lossy(&asked.body).contains("r3fr3sh"), "{asked:?}");
        assert!(!asked.header("authorization").contains("r3fr3sh"), "{asked:?}");
    }
}

#[test]
fn a_helper_on_the_path_is_asked_for_the_registry() {
    let (registry, built) = basic();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    let host = registry.host();
    dir.write("home/.docker/config.json", format!(r#"{{"credHelpers":{{"{host}":"test"}}}}"#));
    let script = r#"echo "$1 $(cat)" > asked; echo '{"ServerURL":"x","Username":"user","Secret":"pass"}'"#;
    let outcome = with_helper(&dir, pull(&dir), "test", script).arg(&name).succeeds();
    outcome.stderr_is("").stdout_has(&built.digest);
    assert_eq!(dir.read_text("asked"), format!("get {host}\n"));
}

#[test]
fn a_helper_that_knows_nothing_leaves_it_to_the_file_without_a_word() {
    let (registry, built) = basic();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    let file = auths(registry.host()).replacen('{', r#"{"credsStore":"none","#, 1);
    dir.write("home/.docker/config.json", file);
    let script = "echo 'credentials not found in native keychain'; exit 1";
    let outcome = with_helper(&dir, pull(&dir), "none", script).arg(&name).succeeds();
    outcome.stderr_is("").stdout_has(&built.digest);
}

#[test]
fn a_missing_or_broken_helper_does_not_break_what_needs_no_credential() {
    let (registry, built) = token(|_| true);
    let name = registry.name("app:1");
    for script in [None, Some("exit 3"), Some("echo nonsense"), Some("echo boom >&2; exit 1")] {
        let dir = Dir::new();
        dir.write("home/.docker/config.json", r#"{"credsStore":"lost"}"#);
        let mut command = pull(&dir);
        if let Some(script) = script {
            command = with_helper(&dir, command, "lost", script);
        }
        let outcome = command.arg(&name).succeeds().stdout_has(&built.digest);
        assert_eq!(outcome.stderr().matches("docker-credential-lost: ").count(), 1, "{outcome}");
    }
    let (open, _) = registry_without_a_challenge();
    let dir = Dir::new();
    dir.write("home/.docker/config.json", r#"{"credsStore":"lost"}"#);
    pull(&dir).arg(open.name("app:1")).succeeds().stderr_is("");
}

fn registry_without_a_challenge() -> (FakeRegistry, BuiltImage) {
    registry()
}

#[test]
fn a_credential_file_that_is_none_is_warned_of_and_passed_over() {
    let (registry, built) = basic();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    dir.write("home/.docker/config.json", "{ nonsense");
    dir.write("home/.config/containers/auth.json", auths(registry.host()));
    let outcome = pull(&dir).arg(&name).succeeds().stdout_has(&built.digest);
    assert!(outcome.stderr().contains("config.json: not a credential file"), "{outcome}");
}

#[test]
fn a_credential_that_cannot_be_read_is_warned_of() {
    let (registry, built) = basic();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    dir.write("home/.config/containers/auth.json", auths(registry.host()));
    let plain = auths(registry.host()).replace(USER_PASS, "user:pass");
    dir.write("home/.docker/config.json", plain);
    let outcome = pull(&dir).arg(&name).succeeds().stdout_has(&built.digest);
    outcome.stderr_has("\"auth\" is not the base 64 of USER:PASSWORD");
    dir.write("home/.docker/config.json", auths(registry.host()));
    let outcome = pull(&dir).env("REGISTRY_AUTH_FILE", "nowhere.json").arg(&name).succeeds();
    outcome.stderr_has("nowhere.json: cannot be read");
}

#[test]
fn a_redirect_of_a_blob_to_another_port_takes_no_credential_along() {
    let image = image("r");
    let elsewhere = FakeRegistry::new();
    let layer = layer_of(&image);
    elsewhere.hold_blob("app", &image.blobs[&layer]);
    let to = format!("http://{}/v2/app/blobs/{layer}?signature=x", elsewhere.host());
    let right = format!("Basic {USER_PASS}");
    let moved = layer.clone();
    let registry = FakeRegistry::with(move |asked| {
        if asked.header("authorization") != right {
            return Some(Answer::new(401).header("WWW-Authenticate", "Basic realm=\"here\""));
        }
        asked.is("GET", &moved).then(|| Answer::new(307).header("Location", &to))
    });
    registry.hold("app", "1", &image);
    let dir = Dir::new();
    dir.write("home/.docker/config.json", auths(registry.host()));
    pull(&dir).arg(registry.name("app:1")).succeeds().stderr_is("").stdout_has(&image.digest);
    let asked = elsewhere.asked();
    assert_eq!(asked.iter().filter(|asked| asked.is("GET", &layer)).count(), 1, "{asked:?}");
    assert!(asked.iter().all(|asked| asked.header("authorization").is_empty()), "{asked:?}");
    check_layout(dir.join("work"));
}

#[test]
fn a_token_server_on_another_port_of_this_machine_is_asked() {
    let tokens = FakeRegistry::with(|_| Some(Answer::new(200).body(r#"{"access_token":"other"}"#)));
    let realm = format!("Bearer realm=\"http://{}/t\"", tokens.host());
    let registry = FakeRegistry::with(move |asked| {
        let refused = asked.header("authorization") != "Bearer other";
        refused.then(|| Answer::new(401).header("WWW-Authenticate", &realm))
    });
    let image = image("e");
    registry.hold("app", "1", &image);
    pull(&Dir::new()).arg(registry.name("app:1")).succeeds().stderr_is("").stdout_has(&image.digest);
}

#[test]
fn a_token_server_off_this_machine_and_without_tls_is_never_asked() {
    let registry = FakeRegistry::with(|_| {
        Some(Answer::new(401).header("WWW-Authenticate", "Bearer realm=\"http://tokens.example/t\""))
    });
    let dir = furnished();
    dir.write("home/.docker/config.json", auths(registry.host()));
    let outcome = fails_and_leaves(&dir, pull(&dir).arg(registry.name("app:1")), 5);
    outcome.stderr_has("names no usable token server").stderr_lacks("pass");
}

#[test]
fn twice_verbose_tells_every_request_and_no_secret() {
    let (registry, _) = token(|asked| asked.header("authorization") == format!("Basic {USER_PASS}"));
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    dir.write("home/.docker/config.json", auths(registry.host()));
    let url = format!("http://{}", registry.host());
    let said = pull(&dir).args(["-vv", &name]).succeeds();
    for line in [
        format!("oci-pull: HEAD {url}/v2/app/manifests/1\n"),
        format!("oci-pull: 401 {url}/v2/app/manifests/1\n"),
        format!("oci-pull: GET {url}/token\n"),
        format!("oci-pull: 200 {url}/v2/app/manifests/1\n"),
    ] {
        assert!(said.stderr().contains(&line), "{line}: {said}");
    }
    for secret in ["t0k3n", USER_PASS, "pass", "Basic", "Bearer"] {
        assert!(!said.stderr().contains(secret), "{secret}: {said}");
    }
    let once = pull(&Dir::new()).env("HOME", dir.join("home")).args(["-v", &name]).succeeds();
    assert!(once.stderr().contains("oci-pull: layout work") && !once.stderr().contains("GET"), "{once}");
}

#[test]
fn what_a_redirect_says_of_a_user_is_neither_sent_nor_told() {
    let image = image("r");
    let registry = FakeRegistry::with(|asked| {
        let there = format!("http://me:s3cret@{}{}?signature=s1gned", asked.header("host"), asked.target);
        let here = asked.is("GET", "/blobs/") && asked.query("signature").is_empty();
        here.then(|| Answer::new(307).header("Location", there))
    });
    registry.hold("app", "1", &image);
    let said = pull(&Dir::new()).args(["-vv", &registry.name("app:1")]).succeeds().stdout_has(&image.digest);
    let blob = format!("http://{}/v2/app/blobs/{}\n", registry.host(), layer_of(&image));
    for line in [format!("oci-pull: 307 {blob}"), format!("oci-pull: 200 {blob}")] {
        assert!(said.stderr().contains(&line), "{line}: {said}");
    }
    said.stderr_lacks("s3cret").stderr_lacks("s1gned");
    assert!(registry.asked().iter().all(|asked| asked.header("authorization").is_empty()));
}
