//! Which credential is found for a repository, place by place and key by key.
#![allow(clippy::unwrap_used, reason = "tests")]

use ociutils_registry::{Credentials, Environment, Secret};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// base64 of `NAME:pw`.
fn auth(name: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("{name}:pw"))
}

fn file(keys: &[(&str, &str)]) -> String {
    let entries: Vec<_> =
        keys.iter().map(|(key, name)| format!(r#""{key}":{{"auth":"{}"}}"#, auth(name))).collect();
    format!(r#"{{"auths":{{{}}}}}"#, entries.join(","))
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn user(credentials: &Credentials, registry: &str, repository: &str) -> Option<String> {
    let found = credentials.find(registry, repository)?;
    Some(found.username().unwrap_or("a token").to_owned())
}

#[test]
fn the_places_in_their_order() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |path: &str| scratch.path().join(path);
    let places = [
        ("registry auth file", at("auth-file.json")),
        ("docker config", at("docker/config.json")),
        ("home docker", at("home/.docker/config.json")),
        ("runtime", at("run/containers/auth.json")),
        ("config home", at("xdg/containers/auth.json")),
        ("home config", at("home/.config/containers/auth.json")),
    ];
    for (name, path) in &places {
        write(path, &file(&[("registry.example", name)]));
    }
    let all = Environment {
        home: Some(at("home")),
        docker_config: Some(at("docker")),
        docker_auth_config: Some(file(&[("registry.example", "variable")])),
        registry_auth_file: Some(at("auth-file.json")),
        xdg_runtime_dir: Some(at("run")),
        xdg_config_home: Some(at("xdg")),
    };
    let mut environment = all.clone();
    let mut found = |change: fn(&mut Environment)| {
        change(&mut environment);
        user(&Credentials::from_environment(&environment), "registry.example", "app")
    };
    assert_eq!(found(|_| ()).as_deref(), Some("registry auth file"));
    assert_eq!(found(|all| all.registry_auth_file = None).as_deref(), Some("variable"));
    assert_eq!(found(|all| all.docker_auth_config = None).as_deref(), Some("docker config"));
    assert_eq!(found(|all| all.docker_config = None).as_deref(), Some("home docker"));
    fs::remove_file(&places[2].1).unwrap();
    assert_eq!(found(|_| ()).as_deref(), Some("runtime"));
    assert_eq!(found(|all| all.xdg_runtime_dir = None).as_deref(), Some("config home"));
    assert_eq!(found(|all| all.xdg_config_home = None).as_deref(), Some("home config"));
    assert_eq!(found(|all| all.home = None), None);

    // a file that is named explicitly stands for containers' defaults; docker's are read after it
    let named =
        Environment { registry_auth_file: Some(at("none.json")), docker_auth_config: None, ..all.clone() };
    assert_eq!(
        user(&Credentials::from_environment(&named), "registry.example", "app").as_deref(),
        Some("docker config")
    );
    let named = Environment { docker_config: Some(at("none")), ..named };
    assert_eq!(user(&Credentials::from_environment(&named), "registry.example", "app"), None);
    let origin = Credentials::from_environment(&all).find("registry.example", "app").unwrap().origin;
    assert_eq!(origin, at("auth-file.json").display().to_string());
}

#[test]
fn the_keys_of_a_file() {
    let hub = "https://index.docker.io/v1/";
    for (keys, registry, repository, expected) in [
        (&[("a.example", "host")][..], "a.example", "x", Some("host")),
        (&[("a.example", "host")], "a.example:5000", "x", None),
        (&[("a.example:5000", "port")], "a.example:5000", "x", Some("port")),
        (
            &[("a.example", "host"), ("a.example/x", "one"), ("a.example/x/y", "two")],
            "a.example",
            "x/y",
            Some("two"),
        ),
        (
            &[("a.example", "host"), ("a.example/x", "one"), ("a.example/x/y", "two")],
            "a.example",
            "x/z",
            Some("one"),
        ),
        (
            &[("a.example", "host"), ("a.example/x", "one"), ("a.example/x/y", "two")],
            "a.example",
            "xx",
            Some("host"),
        ),
        (&[("a.example/x", "one")], "a.example", "z", None),
        (&[("https://a.example", "url")], "a.example", "x", Some("url")),
        (&[("https://a.example/v1/", "old url"), ("a.example", "host")], "a.example", "x", Some("host")),
        (&[("http://a.example/v2/", "url")], "a.example", "x", Some("url")),
        (&[("not-a.example", "other")], "a.example", "x", None),
        (&[(hub, "hub")], "docker.io", "library/debian", Some("hub")),
        (&[("docker.io", "hub")], "docker.io", "library/debian", Some("hub")),
        (&[("index.docker.io", "hub")], "docker.io", "library/debian", Some("hub")),
        (&[("registry-1.docker.io", "hub")], "docker.io", "library/debian", Some("hub")),
        (&[(hub, "hub"), ("docker.io/me", "mine")], "docker.io", "me/app", Some("mine")),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("config.json");
        write(&path, &file(keys));
        assert_eq!(
            user(&Credentials::file(&path), registry, repository).as_deref(),
            expected,
            "{keys:?} {registry}/{repository}"
        );
    }
}

#[test]
fn the_entries_of_a_file() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("config.json");
    let password = |username: &str, password: &str| {
        Some(Secret::Password { username: username.to_owned(), password: password.to_owned() })
    };
    for (entry, expected) in [
        (r#"{"auth":"bWU6c2VjcmV0"}"#, password("me", "secret")),
        (r#"{"auth":"bWU6c2U6Y3JldA=="}"#, password("me", "se:cret")),
        (r#"{"auth":"bWU6c2U6Y3JldA"}"#, password("me", "se:cret")),
        (r#"{"auth":"bWU6c2VjcmV0AAA="}"#, password("me", "secret")),
        (r#"{"username":"me","password":"secret"}"#, password("me", "secret")),
        (r#"{"auth":"bWU6c2VjcmV0","identitytoken":"t"}"#, Some(Secret::Identity("t".to_owned()))),
        (r#"{"registrytoken":"t"}"#, Some(Secret::Registry("t".to_owned()))),
        (r#"{"auth":"bWU6c2VjcmV0","email":"x","unknown":[1]}"#, password("me", "secret")),
        ("{}", None),
        (r#"{"auth":""}"#, None),
        (r#"{"auth":"not base64!"}"#, None),
        (r#"{"auth":"bWU="}"#, None),
    ] {
        write(&path, &format!(r#"{{"auths":{{"a.example":{entry}}},"HttpHeaders":{{"X":"y"}}}}"#));
        let found = Credentials::file(&path).find("a.example", "x");
        assert_eq!(found.map(|found| found.secret), expected, "{entry}");
    }
    for text in ["", "{}", "null garbage", "[]", r#"{"auths":null}"#, r#"{"auths":7}"#] {
        write(&path, text);
        assert_eq!(Credentials::file(&path).find("a.example", "x"), None, "{text}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("config.json");
    write(&path, r#"{"auths":{"a.example":{"auth":"bWU6c2VjcmV0"}}}"#);
    let found = Credentials::file(&path).find("a.example", "x").unwrap();
    let shown = format!("{found:?} {:?}", Credentials::file(&path));
    assert!(!shown.contains("secret\"") && shown.contains("Password(…)"), "{shown}");
}

/// Helpers are found by this process's PATH, so they are one test.
#[test]
fn helpers_are_asked_and_missed() {
    let scratch = tempfile::tempdir().unwrap();
    let bin = scratch.path().join("bin");
    let helper = |name: &str, script: &str| {
        let path = bin.join(format!("docker-credential-{name}"));
        write(&path, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    helper(
        "good",
        r#"read -r server; echo "{\"ServerURL\":\"$server\",\"Username\":\"$server\",\"Secret\":\"s\"}""#,
    );
    helper("token", r#"echo '{"Username":"<token>","Secret":"identity"}'"#);
    helper("none", "echo 'credentials not found in native keychain'; exit 1");
    helper("broken", "echo 'the keychain is locked'; exit 1");
    helper("garbage", "echo garbage");
    let path = scratch.path().join("config.json");
    let auths = format!(r#""auths":{{"a.example":{{"auth":"{}"}}}}"#, auth("file"));
    let found = |config: &str, registry: &str| {
        write(&path, &format!("{{{config},{auths}}}"));
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lookup_in_a_process_of_its_own", "--nocapture", "--ignored"])
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("LOOKUP", format!("{}\n{registry}", path.display()))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().find_map(|line| line.split_once("found: ")).map(|(_, found)| found.to_owned()).unwrap()
    };
    for (config, registry, expected) in [
        (r#""credHelpers":{"a.example":"good"}"#, "a.example", "a.example by docker-credential-good"),
        (r#""credsStore":"good""#, "a.example", "a.example by docker-credential-good"),
        (r#""credsStore":"good""#, "docker.io", "https://index.docker.io/v1/ by docker-credential-good"),
        (r#""credsStore":"token""#, "a.example", "token by docker-credential-token"),
        (
            r#""credHelpers":{"a.example":"token"},"credsStore":"good""#,
            "a.example",
            "token by docker-credential-token",
        ),
        (
            r#""credHelpers":{"b.example":"token"},"credsStore":"good""#,
            "a.example",
            "a.example by docker-credential-good",
        ),
        (r#""credHelpers":{"b.example":"good"}"#, "a.example", "file by FILE"),
        (r#""credsStore":"none""#, "a.example", "file by FILE"),
        (r#""credsStore":"broken""#, "a.example", "file by FILE"),
        (r#""credsStore":"garbage""#, "a.example", "file by FILE"),
        (r#""credsStore":"missing""#, "a.example", "file by FILE"),
        (r#""credsStore":"missing""#, "b.example", "nothing"),
        (r#""credsStore":"../good""#, "b.example", "nothing"),
    ] {
        assert_eq!(found(config, registry), expected, "{config} {registry}");
    }
}

#[test]
#[ignore = "run by helpers_are_asked_and_missed, with a PATH of its own"]
fn lookup_in_a_process_of_its_own() {
    let Ok(lookup) = std::env::var("LOOKUP") else { return };
    let (path, registry) = lookup.split_once('\n').unwrap();
    let found = Credentials::file(Path::new(path)).find(registry, "x");
    let text = found.map(|found| {
        let who = match &found.secret {
            Secret::Password { username, .. } => username.clone(),
            Secret::Identity(_) | Secret::Registry(_) => "token".to_owned(),
        };
        format!("{who} by {}", found.origin.replace(path, "FILE"))
    });
    println!("found: {}", text.unwrap_or_else(|| "nothing".to_owned()));
}
