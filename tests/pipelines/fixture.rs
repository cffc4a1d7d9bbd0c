//! The layouts that these tests begin with.

use test_support::{Dir, Image, TarBuilder};

/// A small image that differs by `content`.
pub(crate) fn image(content: &str) -> Image {
    Image::new().layer(TarBuilder::new().file("etc/motd", content)).cmd(["/bin/sh"])
}

/// `work` with `app:1` and `app:2`, and their digests.
pub(crate) fn layout() -> (Dir, [String; 2]) {
    let dir = Dir::new();
    let digests = ["1", "2"].map(|tag| {
        image(tag).write_layout(dir.join("work"), Some(&format!("docker.io/library/app:{tag}"))).digest
    });
    (dir, digests)
}
