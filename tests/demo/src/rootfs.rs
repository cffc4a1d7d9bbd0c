//! The small root filesystem that the tour packs: `rootfs.tar` in the directory where it works.

use test_support::TarBuilder;

pub(crate) fn tar() -> Vec<u8> {
    TarBuilder::new()
        .dir("etc")
        .file("etc/motd", "Hello from a very small image.\n")
        .file("etc/os-release", "ID=tiny\nPRETTY_NAME=\"Tiny 1\"\n")
        .dir("srv")
        .noise_file("srv/data", 300_000)
        .symlink("srv/latest", "data")
        .bytes()
}
