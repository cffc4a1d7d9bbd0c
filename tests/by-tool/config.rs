//! `oci-config`: only the config changes.
#![forbid(unsafe_code)]

use serde_json::{Value, json};
use test_support::{Command, Dir, Image, TarBuilder, check_layout};

const OCI_CONFIG: &str = env!("CARGO_BIN_EXE_oci-config");

fn layout() -> (Dir, String) {
    let dir = Dir::new();
    let image =
        Image::new().layer(TarBuilder::new().file("a", "1")).cmd(["/bin/sh"]).config("Foreign", json!([1]));
    let digest = image.write_layout(dir.join("work"), Some("docker.io/library/app:1")).digest;
    (dir, digest)
}

fn config(dir: &Dir) -> Command {
    dir.command(OCI_CONFIG).args(["-L", "work"]).env("SOURCE_DATE_EPOCH", "1700000000")
}

fn blob(dir: &Dir, digest: &str) -> Value {
    serde_json::from_slice(&dir.read(format!("work/blobs/{}", digest.replace(':', "/")))).expect("JSON")
}

/// The manifest and the config that a printed line pins.
fn objects(dir: &Dir, line: &str) -> (Value, Value) {
    let manifest = blob(dir, line.rsplit('@').next().expect("a digest"));
    let config = blob(dir, manifest["config"]["digest"].as_str().expect("text"));
    (manifest, config)
}

#[test]
fn the_layers_stay_and_the_config_is_what_was_asked_for() {
    let (dir, old) = layout();
    let outcome = config(&dir)
        .args(["app:1", "app:2", "-c", "ENV A=b", "--change", "USER 1000", "-m", "why"])
        .succeeds()
        .stderr_is("");
    let (manifest, new) = objects(&dir, outcome.line());
    assert_eq!(manifest["layers"], blob(&dir, &old)["layers"]);
    assert_eq!(new["config"], json!({ "Cmd": ["/bin/sh"], "Foreign": [1], "User": "1000", "Env": ["A=b"] }));
    assert_eq!(
        new["history"][1],
        json!({ "created": "2023-11-14T22:13:20Z", "created_by": "ENV A=b; USER 1000", "comment": "why", "empty_layer": true })
    );
    assert_eq!(new["created"], "2023-11-14T22:13:20Z");
    let report = check_layout(dir.join("work"));
    assert_eq!(report.names(), ["docker.io/library/app:1", "docker.io/library/app:2"]);
    assert_eq!(report.digest_of("docker.io/library/app:1"), Some(&*old));
}

#[test]
fn an_annotation_alone_leaves_the_config_as_it_is() {
    let (dir, old) = layout();
    let outcome = config(&dir).args(["app:1", "app:1", "--annotation", "a.b=c=d"]).succeeds();
    let (manifest, _) = objects(&dir, outcome.line());
    assert_eq!(manifest["annotations"], json!({ "a.b": "c=d" }));
    assert_eq!(manifest["config"], blob(&dir, &old)["config"]);
    check_layout(dir.join("work"));
}

#[test]
fn what_is_no_change_is_a_usage_error() {
    let (dir, _) = layout();
    for (option, value) in
        [("-c", "RUN x"), ("-c", "ENV"), ("--annotation", "novalue"), ("--annotation", "=x")]
    {
        let outcome = config(&dir).args(["app:1", "app:2", option, value]).fails_with(2).stdout_is("");
        assert_eq!(outcome.stderr().lines().count(), 2, "{outcome}");
    }
    assert_eq!(check_layout(dir.join("work")).rows.len(), 1);
}

#[test]
fn images_from_standard_input_keep_their_names_behind_a_prefix() {
    let (dir, _) = layout();
    config(&dir).args(["-", "new/", "-c", "USER 1"]).stdin("app:1\n").succeeds();
    assert!(check_layout(dir.join("work")).names().contains(&"docker.io/new/library/app:1"));
}

#[test]
fn an_image_of_another_layout_is_brought_into_this_one() {
    let (dir, old) = layout();
    let outcome = dir
        .command(OCI_CONFIG)
        .args(["-L", "fresh", "oci:work:app:1", "app:2", "-c", "USER 1"])
        .succeeds()
        .stderr_is("");
    assert!(outcome.line().starts_with("oci:fresh:docker.io/library/app:2@"), "{outcome}");
    let layers = blob(&dir, &old)["layers"].clone();
    std::fs::remove_dir_all(dir.join("work")).expect("it is there");
    let report = check_layout(dir.join("fresh"));
    assert_eq!(report.names(), ["docker.io/library/app:2"]);
    let layer = layers[0]["digest"].as_str().expect("text");
    assert!(report.blobs.contains_key(layer), "{layer}");
}

#[test]
fn whole_sets_are_cleared_before_the_changes_and_the_author_is_said() {
    let (dir, _) = layout();
    let set = [
        "-c",
        "ENV A=b",
        "-c",
        "LABEL a=b",
        "-c",
        "EXPOSE 80",
        "-c",
        "VOLUME /a",
        "-c",
        "ENTRYPOINT [\"/e\"]",
    ];
    config(&dir).args(["app:1", "app:2"]).args(set).args(["-c", "CMD [\"c\"]"]).succeeds();
    let sets = ["env", "labels", "ports", "volumes", "entrypoint", "cmd"];
    let clear = sets.iter().flat_map(|set| ["--clear", set]);
    let outcome =
        config(&dir).args(["app:2", "app:3", "-c", "ENV C=d", "--author", "me"]).args(clear).succeeds();
    let (_, new) = objects(&dir, outcome.line());
    assert_eq!(new["config"], json!({ "Foreign": [1], "Env": ["C=d"] }));
    assert_eq!(new["author"], "me");
    let outcome = config(&dir).args(["app:1", "x", "--clear", "history"]).fails_with(2);
    outcome.stderr_has("expected env, labels, ports, volumes, entrypoint or cmd");
}

#[test]
fn a_port_that_is_none_is_refused() {
    let (dir, _) = layout();
    for port in ["80/foo", "http", "70000", "90-80", "80/tcp/udp"] {
        let outcome = config(&dir).args(["app:1", "x", "-c", &format!("EXPOSE {port}")]).fails_with(2);
        outcome.stderr_has("expected PORT[-PORT][/tcp, /udp or /sctp]");
    }
    config(&dir).args(["app:1", "x", "-c", "EXPOSE 80 81-83/UDP 84/sctp $PORT"]).succeeds();
}
