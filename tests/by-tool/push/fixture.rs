//! A layout with an image, and what a failure may leave behind.

use serde_json::Value;
use test_support::{BuiltImage, Command, Dir, Image, Outcome, TarBuilder, check_layout};

/// A layer of noise this big, and a config.
pub(crate) fn image(content: &str, bytes: usize) -> Image {
    let tar = TarBuilder::new().file("etc/motd", content).noise_file("noise", bytes);
    Image::new().layer(tar).cmd(["/bin/sh"])
}

/// `work` with `app:1`, 100 KB.
pub(crate) fn layout() -> (Dir, BuiltImage) {
    let dir = Dir::new();
    let built = image("1", 100_000).write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    (dir, built)
}

pub(crate) fn push(dir: &Dir) -> Command {
    dir.command(env!("CARGO_BIN_EXE_oci-push")).args(["-L", "work"])
}

/// The digest of its one layer.
pub(crate) fn layer_of(image: &BuiltImage) -> String {
    let manifest: Value = serde_json::from_slice(&image.blobs[&image.digest]).expect("JSON");
    manifest["layers"][0]["digest"].as_str().expect("a layer").to_owned()
}

/// How many bytes of configs and layers it has.
pub(crate) fn blob_bytes(image: &BuiltImage) -> usize {
    image.blobs.iter().filter(|(digest, _)| **digest != image.digest).map(|(_, bytes)| bytes.len()).sum()
}

/// Runs `push`, which fails, and asserts that the layout is as it was.
#[track_caller]
pub(crate) fn fails_and_leaves(dir: &Dir, push: Command, code: i32) -> Outcome {
    let before = dir.read("work/index.json");
    let outcome = push.fails_with(code).stdout_is("");
    assert!(outcome.stderr().starts_with("oci-push: "), "{outcome}");
    check_layout(dir.join("work"));
    assert_eq!(dir.read("work/index.json"), before, "{outcome}");
    outcome
}
