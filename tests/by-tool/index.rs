//! `oci-index`: images of several platforms under one name.
#![forbid(unsafe_code)]

use serde_json::{Value, json};
use test_support::{Command, Dir, Image, TarBuilder, check_layout};

const OCI_INDEX: &str = env!("CARGO_BIN_EXE_oci-index");

fn layout() -> Dir {
    let dir = Dir::new();
    for architecture in ["amd64", "arm64"] {
        let image =
            Image::new().layer(TarBuilder::new().file("a", architecture)).platform("linux", architecture);
        image.write_layout(dir.join("work"), Some(&format!("docker.io/library/app:{architecture}")));
    }
    dir
}

fn index(dir: &Dir) -> Command {
    dir.command(OCI_INDEX).args(["-L", "work"])
}

fn manifest(dir: &Dir, line: &str) -> Value {
    let digest = line.rsplit('@').next().expect("a digest").replace(':', "/");
    serde_json::from_slice(&dir.read(format!("work/blobs/{digest}"))).expect("JSON")
}

#[test]
fn each_image_stands_with_the_platform_of_its_config() {
    let dir = layout();
    let outcome =
        index(&dir).args(["app:1", "app:amd64", "app:arm64", "--annotation", "k=v"]).succeeds().stderr_is("");
    let index = manifest(&dir, outcome.line());
    let platforms: Vec<_> =
        index["manifests"].as_array().expect("a list").iter().map(|m| &m["platform"]).collect();
    assert_eq!(
        platforms,
        [
            &json!({ "architecture": "amd64", "os": "linux" }),
            &json!({ "architecture": "arm64", "os": "linux" })
        ]
    );
    assert_eq!(index["annotations"], json!({ "k": "v" }));
    assert_eq!(index["manifests"][0].get("annotations"), None, "names stay with their rows");
    assert_eq!(check_layout(dir.join("work")).rows.len(), 3);
}

#[test]
fn an_index_gives_all_of_its_images() {
    let dir = layout();
    index(&dir).args(["one", "app:amd64"]).succeeds();
    let outcome = index(&dir).args(["both", "one", "app:arm64"]).succeeds();
    assert_eq!(manifest(&dir, outcome.line())["manifests"].as_array().map(Vec::len), Some(2));
    check_layout(dir.join("work"));
}

#[test]
fn two_images_for_one_platform_are_refused() {
    let dir = layout();
    Image::new()
        .layer(TarBuilder::new().file("b", ""))
        .write_layout(dir.join("work"), Some("docker.io/library/app:other"));
    let outcome = index(&dir).args(["app:1", "app:amd64", "app:other"]).fails_with(2).stdout_is("");
    assert!(outcome.stderr().contains("linux/amd64: two images are for this platform"), "{outcome}");
    index(&dir).args(["app:1", "app:amd64", "app:amd64"]).succeeds();
    assert_eq!(check_layout(dir.join("work")).rows.len(), 4);
}

#[test]
fn an_index_without_one_of_its_images_is_not_made() {
    let dir = layout();
    let outcome = index(&dir).args(["app:1", "app:amd64", "app:s390x"]).fails_with(3).stdout_is("");
    assert!(outcome.stderr().contains("app:s390x: no such tag"), "{outcome}");
    let outcome = index(&dir).args(["app/", "app:amd64"]).fails_with(2).stdout_is("");
    outcome.stderr_has(
        "oci-index: an index: has no name to put behind app/; expected a name without / at its end",
    );
    index(&dir).arg("app").fails_with(2);
    assert_eq!(check_layout(dir.join("work")).rows.len(), 2);
}

#[test]
fn images_of_other_layouts_are_brought_into_this_one() {
    let dir = layout();
    let outcome = dir
        .command(OCI_INDEX)
        .args(["-L", "fresh", "both", "oci:work:app:amd64", "oci:work:app:arm64"])
        .succeeds()
        .stderr_is("");
    assert!(outcome.line().starts_with("oci:fresh:docker.io/library/both:latest@"), "{outcome}");
    std::fs::remove_dir_all(dir.join("work")).expect("it is there");
    assert_eq!(check_layout(dir.join("fresh")).names(), ["docker.io/library/both:latest"]);
}
