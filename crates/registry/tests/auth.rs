//! Who we are to a registry, and who learns of it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;

use fixture::{Reply, Seen, Server};
use image_format::{Class, Sink, Source};
use ociutils_registry::{Environment, Repository, Secret, Settings};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const BASIC: &str = "Basic bWU6c2VjcmV0"; // me:secret

fn with(server: &Server, secret: Secret) -> Repository {
    let entry = match secret {
        Secret::Password { username, password } => {
            serde_json::json!({ "username": username, "password": password })
        }
        Secret::Identity(token) => serde_json::json!({ "identitytoken": token }),
        Secret::Registry(token) => serde_json::json!({ "registrytoken": token }),
    };
    let file = serde_json::json!({ "auths": { &server.address: entry } }).to_string();
    let environment = Environment { docker_auth_config: Some(file), ..Environment::default() };
    server.client(Settings::new(&environment)).repository(&server.name("app"))
}

fn password() -> Secret {
    Secret::Password { username: "me".to_owned(), password: "secret".to_owned() }
}

fn read(repository: &Repository, server: &Server) -> Result<Vec<u8>, image_format::Failure> {
    let layer = server.put_blob(b"content");
    let mut bytes = Vec::new();
    repository.open(&layer, 0)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn challenge(seen: &Seen, realm: &str) -> Reply {
    let host = seen.header("host").unwrap_or_default();
    let realm = realm.replace("HOST", host);
    Reply::error(401, "UNAUTHORIZED").header(
        "www-authenticate",
        format!("Bearer realm=\"{realm}\",service=\"a&b=c\",scope=\"repository:app:pull\""),
    )
}

/// A registry that wants `token-N`, and a token server on the same port that counts N up.
fn tokens(valid: impl Fn(usize) -> bool + Send + Sync + 'static) -> Server {
    let given = AtomicUsize::new(0);
    Server::with(move |seen| {
        if seen.path == "/token" {
            let number = given.fetch_add(1, Ordering::Relaxed);
            return Some(Reply::new(200).body(format!(r#"{{"token":"token-{number}","expires_in":300}}"#)));
        }
        let number = seen.header("authorization").and_then(|header| header.strip_prefix("Bearer token-"));
        let number = number.and_then(|number| number.parse().ok());
        if seen.path == "/v2/" || number.is_some_and(&valid) {
            return None;
        }
        Some(challenge(seen, "http://HOST/token"))
    })
}

#[test]
fn a_token_is_asked_for_once_for_each_scope() {
    let server = tokens(|_| true);
    let repository = server.repository("app");
    for _ in 0..3 {
        assert_eq!(read(&repository, &server).unwrap(), b"content");
    }
    let asked: Vec<_> = server.seen().into_iter().filter(|seen| seen.path == "/token").collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].query, "service=a%26b%3Dc&scope=repository%3Aapp%3Apull");
    assert_eq!(asked[0].header("authorization"), None);
    assert_eq!(server.seen().len(), 1 + 1 + 3, "401, token, and a request for each read");

    let mut writer = repository.writer(image_format::Expected::Algorithm(Default::default())).unwrap();
    writer.write_all(b"new").unwrap();
    writer.commit().unwrap();
    let scopes: Vec<_> =
        server.seen().into_iter().filter(|seen| seen.path == "/token").map(|seen| seen.query).collect();
    assert_eq!(scopes[1..], ["service=a%26b%3Dc&scope=repository%3Aapp%3Apull%2Cpush"]);
}

#[test]
fn a_token_that_is_refused_is_renewed_once() {
    let server = tokens(|number| number == 1);
    assert_eq!(read(&server.repository("app"), &server).unwrap_err().class(), Class::NotAuthorised);
    assert_eq!(
        read(&server.repository("app"), &server).unwrap(),
        b"content",
        "token-1 is the second client's"
    );

    let server = tokens(|number| number > 0);
    let repository = server.repository("app");
    assert_eq!(read(&repository, &server).unwrap_err().class(), Class::NotAuthorised);
    assert_eq!(read(&repository, &server).unwrap(), b"content", "a later request renews it");
}

#[test]
fn a_password_goes_to_the_token_server_and_not_to_the_registry() {
    let server = tokens(|_| true);
    read(&with(&server, password()), &server).unwrap();
    for seen in server.seen() {
        assert_eq!(seen.header("authorization") == Some(BASIC), seen.path == "/token", "{}", seen.path);
    }
}

#[test]
fn an_identity_token_is_exchanged_by_post() {
    let server = tokens(|_| true);
    read(&with(&server, Secret::Identity("ref resh&".to_owned())), &server).unwrap();
    let asked = server.seen().into_iter().find(|seen| seen.path == "/token").unwrap();
    assert_eq!(asked.method, "POST");
    let body = String::from_utf8(asked.body).unwrap();
    assert_eq!(
        body,
        "grant_type=refresh_token&client_id=ociutils&service=a%26b%3Dc&scope=repository%3Aapp%3Apull&refresh_token=ref+resh%26"
    );
}

#[test]
fn basic_is_sent_only_when_it_is_asked_for() {
    let server = Server::with(|seen| {
        let missing = seen.path != "/v2/" && seen.header("authorization") != Some(BASIC);
        missing.then(|| Reply::error(401, "UNAUTHORIZED").header("www-authenticate", "Basic realm=\"x\""))
    });
    let repository = with(&server, password());
    assert_eq!(read(&repository, &server).unwrap(), b"content");
    let before = server.seen().len();
    read(&repository, &server).unwrap();
    assert_eq!(server.seen().len(), before + 1, "then without being asked again");
    assert_eq!(server.seen()[0].header("authorization"), None);

    let failure = read(&server.repository("app"), &server).unwrap_err();
    assert_eq!(failure.class(), Class::NotAuthorised);
    assert_eq!(
        failure.hint(),
        Some(
            format!(
                "log in with docker login {}, or podman login: their credentials are used",
                server.address
            )
            .as_str()
        )
    );
}

#[test]
fn a_foreign_token_server_without_tls_is_asked_anonymously() {
    let foreign = Arc::new(Server::with(|_| Some(Reply::new(200).body(r#"{"token":"x"}"#))));
    let realm = format!("http://{}/token", foreign.address.replace("127.0.0.1", "localhost"));
    let server = Server::with(move |seen| {
        (seen.path != "/v2/" && seen.header("authorization") != Some("Bearer x"))
            .then(|| challenge(seen, &realm))
    });
    for secret in [password(), Secret::Identity("refresh".to_owned())] {
        assert_eq!(read(&with(&server, secret), &server).unwrap(), b"content");
    }
    for seen in foreign.seen() {
        assert_eq!((seen.method.as_str(), seen.header("authorization")), ("GET", None));
        assert!(seen.body.is_empty());
    }
}

#[test]
fn a_token_server_that_makes_no_sense_ends_in_one_line() {
    for (realm, answer, class) in [
        ("file:///etc/hostname", Reply::new(200), Class::Unavailable),
        ("../token", Reply::new(200), Class::Unavailable),
        ("http://registry.example/token", Reply::new(200), Class::Unavailable),
        ("http://me:secret@HOST/token", Reply::new(200), Class::Unavailable),
        ("http://HOST/token", Reply::new(200).body("<html>"), Class::Unavailable),
        (
            "http://HOST/token",
            Reply::new(200).body(r#"{"token":null,"access_token":""}"#),
            Class::Unavailable,
        ),
        ("http://HOST/token", Reply::new(200).body(r#"{"token":"x\r\nX-Injected: 1"}"#), Class::Unavailable),
        ("http://HOST/token", Reply::new(200).body(vec![b'"'; 1 << 20]), Class::Integrity),
        ("http://HOST/token", Reply::error(401, "UNAUTHORIZED"), Class::NotAuthorised),
        ("http://HOST/token", Reply::error(403, "DENIED"), Class::NotAuthorised),
        ("http://HOST/token", Reply::error(500, "X"), Class::Unavailable),
    ] {
        let shown = format!("{realm} {}", answer.status);
        let server = Server::with(move |seen| match seen.path.as_str() {
            "/v2/" => None,
            "/token" => Some(answer.clone()),
            _ => Some(challenge(seen, realm)),
        });
        let failure = read(&server.repository("app"), &server).unwrap_err();
        assert_eq!(failure.class(), class, "{shown}: {failure}");
        assert!(server.seen().len() < 10 && !failure.to_string().contains('\n'), "{shown}");
        assert!(!failure.to_string().contains("secret"), "{shown}: {failure}");
    }
}

#[test]
fn tokens_that_expired_before_they_came_are_used_and_do_not_loop() {
    let server = Server::with(|seen| match seen.path.as_str() {
        "/v2/" => None,
        "/token" => {
            Some(Reply::new(200).body(r#"{"token":"x","expires_in":-1,"issued_at":"1970-01-01T00:00:00Z"}"#))
        }
        _ => (seen.header("authorization") != Some("Bearer x")).then(|| challenge(seen, "http://HOST/token")),
    });
    assert_eq!(read(&server.repository("app"), &server).unwrap(), b"content");
    assert_eq!(server.seen().len(), 3);
}

/// Helpers are found by a process's PATH, so this test starts itself again.
#[test]
fn a_helper_is_asked_once_however_many_requests_wait_for_its_answer() {
    use std::os::unix::fs::PermissionsExt;
    const NAME: &str = "a_helper_is_asked_once_however_many_requests_wait_for_its_answer";
    if let Ok(directory) = std::env::var("HELPED") {
        return read_side_by_side(directory.into());
    }
    let scratch = tempfile::tempdir().unwrap();
    let helper = scratch.path().join("docker-credential-counted");
    let script =
        r#"read -r server; echo "$server" >> "$HELPED/asked"; echo '{"Username":"me","Secret":"secret"}'"#;
    std::fs::write(&helper, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&helper, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(scratch.path().join("config.json"), r#"{"credsStore":"counted"}"#).unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME])
        .env("PATH", format!("{}:/usr/bin:/bin", scratch.path().display()))
        .env("HELPED", scratch.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(std::fs::read_to_string(scratch.path().join("asked")).unwrap().lines().count(), 1);
}

fn read_side_by_side(docker_config: std::path::PathBuf) {
    let server = Server::with(|seen| {
        let known = seen.path == "/v2/" || seen.header("authorization") == Some(BASIC);
        let refused = Reply::error(401, "UNAUTHORIZED").header("www-authenticate", "Basic realm=\"x\"");
        (!known).then_some(refused)
    });
    let environment = Environment { docker_config: Some(docker_config), ..Environment::default() };
    let repository = server.client(Settings::new(&environment)).repository(&server.name("app"));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert_eq!(read(&repository, &server).unwrap(), b"content"));
        }
    });
}
