//! Images, a registry that holds one, and what a failure may leave behind.

use serde_json::{Value, json};
use test_support::{BuiltImage, Command, Dir, FakeRegistry, Image, TarBuilder, check_layout, digest_of};

pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// One layer of noise, 300 KB as it is packed.
pub(crate) fn image(content: &str) -> BuiltImage {
    let tar = TarBuilder::new().file("etc/motd", content).noise_file("noise", 300_000);
    Image::new().layer(tar).cmd(["/bin/sh"]).build()
}

pub(crate) fn pull(dir: &Dir) -> Command {
    dir.command(env!("CARGO_BIN_EXE_oci-pull")).args(["-L", "work"])
}

/// `app:1` in a registry that does everything right.
pub(crate) fn registry() -> (FakeRegistry, BuiltImage) {
    let (registry, image) = (FakeRegistry::new(), image("1"));
    registry.hold("app", "1", &image);
    (registry, image)
}

/// The digest of its one layer.
pub(crate) fn layer_of(image: &BuiltImage) -> String {
    let manifest: Value = serde_json::from_slice(&image.blobs[&image.digest]).expect("JSON");
    manifest["layers"][0]["digest"].as_str().expect("a layer").to_owned()
}

/// A directory whose `work` holds an image of its own, so that a failure has something to spoil.
pub(crate) fn furnished() -> Dir {
    let dir = Dir::new();
    Image::new().cmd(["own"]).write_layout(dir.join("work"), Some("docker.io/library/own:1"));
    dir
}

/// Runs `pull`, which fails, and asserts that the layout is as it was.
#[track_caller]
pub(crate) fn fails_and_leaves(dir: &Dir, pull: Command, code: i32) -> test_support::Outcome {
    let before = (dir.read("work/index.json"), check_layout(dir.join("work")).names().len());
    let outcome = pull.fails_with(code).stdout_is("");
    assert!(outcome.stderr().starts_with("oci-pull: "), "{outcome}");
    let report = check_layout(dir.join("work"));
    assert_eq!((dir.read("work/index.json"), report.names().len()), before, "{outcome}");
    outcome
}

/// An index of these images.
pub(crate) fn index_of(images: &[&BuiltImage]) -> Vec<u8> {
    let manifests: Vec<&Value> = images.iter().map(|image| &image.descriptor).collect();
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string().into_bytes()
}

/// The same image with docker's media types.
pub(crate) fn with_docker_types(image: &BuiltImage) -> BuiltImage {
    let text = String::from_utf8(image.blobs[&image.digest].clone()).expect("text");
    let bytes = text
        .replace("vnd.oci.image.manifest.v1+json", "vnd.docker.distribution.manifest.v2+json")
        .replace("vnd.oci.image.config.v1+json", "vnd.docker.container.image.v1+json")
        .replace("vnd.oci.image.layer.v1.tar+gzip", "vnd.docker.image.rootfs.diff.tar.gzip")
        .into_bytes();
    let mut other = image.clone();
    other.blobs.remove(&image.digest);
    other.digest = digest_of(&bytes);
    other.descriptor["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json".into();
    other.descriptor["digest"] = other.digest.clone().into();
    other.descriptor["size"] = bytes.len().into();
    other.blobs.insert(other.digest.clone(), bytes);
    other
}
