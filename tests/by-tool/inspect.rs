//! `oci-inspect`: the objects of an image, verbatim.
#![forbid(unsafe_code)]

use serde_json::{Value, json};
use test_support::{Command, Dir, Image, TarBuilder, Terminal, check_layout, tool};

const OCI_INSPECT: &str = env!("CARGO_BIN_EXE_oci-inspect");

fn image() -> Image {
    Image::new().layer(TarBuilder::new().file("etc/motd", "hi")).cmd(["/bin/sh"])
}

fn inspect(dir: &Dir) -> Command {
    dir.command(OCI_INSPECT).args(["-L", "work"])
}

#[test]
fn a_pipe_gets_one_line_for_each_image() {
    let dir = Dir::new();
    let built = image().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let outcome = inspect(&dir).args(["app:1", "app:1"]).succeeds().stderr_is("");
    assert_eq!(outcome.lines().len(), 2);
    let object: Value = serde_json::from_str(outcome.lines()[0]).expect("JSON");
    assert_eq!(object["ref"], format!("oci:work:docker.io/library/app:1@{}", built.digest));
    assert_eq!(object["descriptor"]["digest"], built.digest);
    assert_eq!(
        object["manifest"],
        serde_json::from_slice::<Value>(&built.blobs[&built.digest]).expect("JSON")
    );
    assert_eq!(object["config"]["config"], json!({ "Cmd": ["/bin/sh"] }));
    assert_eq!(object.get("platforms"), None);
    check_layout(dir.join("work"));
}

#[test]
fn objects_are_not_written_anew() {
    let dir = Dir::new();
    let mut built = image().build();
    let odd = br#"{"architecture":"amd64","os":"linux","x":1.10, "y":12345678901234567890123,"rootfs":{"type":"layers","diff_ids":[]}}"#;
    built = rewritten(&built, odd);
    built.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let index = dir.read_text("work/index.json");
    dir.write(
        "work/index.json",
        index.replacen("\"digest\"", "\"data\": \"e30=\", \"x-row\":1.10,\n\"digest\"", 1),
    );
    let outcome = inspect(&dir).arg("app:1").succeeds();
    assert!(outcome.line().contains(r#""data":"e30=","x-row":1.10,"digest""#), "{outcome}");
    assert!(outcome.stdout().contains(r#""x":1.10,"y":12345678901234567890123"#), "{outcome}");
    inspect(&dir).args(["--config", "app:1"]).succeeds().stdout_only(std::str::from_utf8(odd).expect("text"));
    let manifest = built.blobs[&built.digest].clone();
    let raw = inspect(&dir).args(["--raw", "app:1"]).succeeds();
    assert_eq!(raw.stdout_bytes(), manifest);
}

/// The image with another config.
fn rewritten(built: &test_support::BuiltImage, config: &[u8]) -> test_support::BuiltImage {
    let digest = test_support::digest_of(config);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len() },
    });
    let manifest = serde_json::to_vec_pretty(&manifest).expect("JSON");
    let mut new = built.clone();
    new.digest = test_support::digest_of(&manifest);
    new.descriptor["digest"] = json!(new.digest);
    new.descriptor["size"] = json!(manifest.len());
    new.blobs = [(new.digest.clone(), manifest), (digest, config.to_vec())].into();
    new
}

#[test]
fn a_terminal_gets_it_indented_and_harmless() {
    let dir = Dir::new();
    image()
        .config("Labels", json!({ "evil": "\u{202e}\u{9b}31m" }))
        .write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let terminal = Terminal::open();
    inspect(&dir).arg("app:1").stdout_terminal(&terminal).succeeds();
    let screen = terminal.screen();
    assert!(screen.starts_with("{\n  \"ref\": \"oci:work:docker.io/library/app:1@sha256:"), "{screen}");
    assert!(screen.contains(r#""evil": "\u202e\u009b31m""#), "{screen}");
}

#[test]
fn a_terminal_gets_nothing_that_could_harm_it_and_a_pipe_the_very_bytes() {
    let dir = Dir::new();
    image()
        .config("Labels", json!({ "evil": "\u{202e}\u{9b}31m" }))
        .write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let sent = inspect(&dir).args(["--config", "app:1"]).succeeds();
    assert!(sent.stdout().contains("\u{202e}\u{9b}31m"));
    for option in ["--json", "--config"] {
        let terminal = Terminal::open();
        inspect(&dir).args([option, "app:1"]).stdout_terminal(&terminal).succeeds();
        let screen = terminal.screen();
        assert!(screen.contains(r#""evil":"\u202e\u009b31m""#), "{option}: {screen}");
        serde_json::from_str::<Value>(&screen).expect("still JSON");
    }
}

#[test]
fn an_index_names_its_platforms_and_gives_each_of_them() {
    let dir = Dir::new();
    let index = two_platforms(&dir);
    let outcome = inspect(&dir).arg("multi").succeeds();
    let object: Value = serde_json::from_str(outcome.line()).expect("JSON");
    assert_eq!(object["platforms"], json!(["linux/amd64", "linux/arm64"]));
    assert_eq!(object["descriptor"]["digest"], index);
    assert_eq!(object.get("config"), None);
    let outcome = inspect(&dir).args(["--platform", "arm64", "multi"]).succeeds();
    let object: Value = serde_json::from_str(outcome.line()).expect("JSON");
    assert_eq!(object["config"]["architecture"], "arm64");
    let outcome = inspect(&dir).args(["--platform", "s390x", "multi"]).fails_with(3);
    outcome.stderr_has("no image for linux/s390x; there is linux/amd64, linux/arm64\n");
    check_layout(dir.join("work"));
}

/// `multi:latest`, an index of two images; returns its digest.
fn two_platforms(dir: &Dir) -> String {
    let children: Vec<_> = ["amd64", "arm64"].map(|arch| image().platform("linux", arch).build()).into();
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [children[0].descriptor, children[1].descriptor],
    })
    .to_string()
    .into_bytes();
    let mut built = children[0].clone();
    built.digest = test_support::digest_of(&index);
    built.descriptor = json!({
        "mediaType": "application/vnd.oci.image.index.v1+json", "digest": built.digest, "size": index.len(),
    });
    built.blobs.extend(children[1].blobs.clone());
    built.blobs.insert(built.digest.clone(), index);
    built.write_layout(dir.join("work"), Some("docker.io/library/multi:latest"));
    built.digest
}

#[test]
fn a_manifest_that_is_not_what_its_digest_says_is_not_shown() {
    let dir = Dir::new();
    let built = image().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let path = dir.join("work/blobs").join(built.digest.replace(':', "/"));
    let mut bytes = std::fs::read(&path).expect("it is there");
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).expect("it can be written");
    let outcome = inspect(&dir).arg("app:1").fails_with(6).stdout_is("");
    assert!(outcome.stderr().contains("the content's digest is"), "{outcome}");
}

#[test]
fn an_image_in_a_registry_is_the_same_but_for_where_it_lies() {
    let dir = Dir::new();
    let built = image().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let server = dir.command(tool("oci-serve")).args(["-L", "work", "--port", "0"]).spawn();
    let address = server.wait_for_stdout("\n").trim().to_owned();
    let remote = |image: &str| {
        let outcome = dir.command(OCI_INSPECT).args(["-L", "nowhere", image]).succeeds().stderr_is("");
        serde_json::from_str::<Value>(outcome.line()).expect("JSON")
    };
    let object = remote(&format!("docker://{address}/app:1"));
    let pinned = format!("docker://{address}/app:1@{}", built.digest);
    assert_eq!(object["ref"], pinned);
    assert_eq!(remote(&pinned), object, "the line that it prints is read back");
    let outcome = inspect(&dir).arg("app:1").succeeds();
    let local: Value = serde_json::from_str(outcome.line()).expect("JSON");
    for part in ["manifest", "config"] {
        assert_eq!(object[part], local[part], "{part}");
    }
    assert_eq!(object["descriptor"]["digest"], built.digest);
    let raw = dir.command(OCI_INSPECT).args(["--raw", &pinned]).succeeds();
    assert_eq!(raw.stdout_bytes(), built.blobs[&built.digest]);
}
