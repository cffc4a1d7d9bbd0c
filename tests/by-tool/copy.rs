//! `oci-copy`: between any two places.
#![forbid(unsafe_code)]

use std::os::unix::fs::MetadataExt;
use test_support::{BuiltImage, Command, Dir, FakeRegistry, Image, TarBuilder, check_layout};

fn layout() -> (Dir, BuiltImage) {
    let dir = Dir::new();
    let image = Image::new().layer(TarBuilder::new().noise_file("noise", 50_000)).cmd(["a"]);
    let built = image.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    (dir, built)
}

fn copy(dir: &Dir) -> Command {
    dir.command(env!("CARGO_BIN_EXE_oci-copy")).args(["-L", "work"])
}

#[test]
fn from_layout_to_layout_the_image_keeps_its_name_and_shares_its_blobs() {
    let (dir, built) = layout();
    let outcome = copy(&dir).args(["app:1", "oci:./other"]).succeeds().stderr_is("");
    outcome.stdout_is(format!("oci:./other:docker.io/library/app:1@{}\n", built.digest));
    let report = check_layout(dir.join("other"));
    assert_eq!(report.digest_of("docker.io/library/app:1"), Some(&*built.digest));
    for digest in built.blobs.keys().filter(|digest| **digest != built.digest) {
        let path = |layout: &str| dir.join(layout).join("blobs").join(digest.replace(':', "/"));
        let of = |layout: &str| std::fs::metadata(path(layout)).expect("the blob");
        // a file system with reflinks shares without it
        assert!(of("other").nlink() == 2 || of("other").ino() != of("work").ino(), "{digest}");
        assert_eq!(of("other").len(), of("work").len());
    }
}

#[test]
fn from_registry_to_registry_no_layout_is_made() {
    let (dir, built) = (Dir::new(), layout().1);
    let (from, to) = (FakeRegistry::new(), FakeRegistry::new());
    from.hold("app", "1", &built);
    let (source, target) =
        (format!("docker://{}", from.name("app:1")), format!("docker://{}", to.name("x/y")));
    let outcome = dir.command(env!("CARGO_BIN_EXE_oci-copy")).args([&source, &target]).succeeds();
    outcome.stderr_is("").stdout_is(format!("{}@{}\n", to.name("x/y:1"), built.digest));
    assert_eq!(to.manifest("x/y", "1").as_ref(), Some(&built.blobs[&built.digest]));
    assert!(!dir.join("home/.local/share/oci").exists());
}

#[test]
fn within_one_registry_blobs_are_mounted() {
    let (dir, built) = (Dir::new(), layout().1);
    let registry = FakeRegistry::new();
    registry.hold("app", "1", &built);
    let [source, target] = ["app:1", "new:2"].map(|name| format!("docker://{}", registry.name(name)));
    copy(&dir).args([&source, &target]).succeeds().stderr_is("").stdout_has("/new:2@");
    assert_eq!(registry.count("POST", "mount="), built.blobs.len() - 1);
    assert_eq!(registry.count("POST", ""), built.blobs.len() - 1);
    assert_eq!(registry.blobs("new"), registry.blobs("app"));
}

#[test]
fn a_layout_and_a_registry_copy_to_each_other() {
    let (dir, built) = layout();
    let registry = FakeRegistry::new();
    let there = format!("docker://{}", registry.name("x:1"));
    let outcome = copy(&dir).args(["app:1", &there]).succeeds().stderr_is("");
    outcome.stdout_is(format!("{}@{}\n", registry.name("x:1"), built.digest));
    let outcome = copy(&dir).args([&there, "oci:back:app:9"]).succeeds().stderr_is("");
    outcome.stdout_is(format!("oci:back:docker.io/library/app:9@{}\n", built.digest));
    check_layout(dir.join("back"));
}

#[test]
fn a_dry_run_makes_nothing() {
    let (dir, _) = layout();
    let outcome = copy(&dir).args(["--dry-run", "app:1", "oci:other"]).succeeds();
    assert_eq!(outcome.stderr_has("in 2 blobs; 0 are there").lines().len(), 2);
    assert!(!dir.join("other").exists());
}

#[test]
fn what_fails_leaves_the_layout_as_it_was() {
    let (dir, _) = layout();
    let before = dir.read("work/index.json");
    let gone = format!("docker://{}", FakeRegistry::new().name("x:1"));
    let registry = FakeRegistry::new();
    let missing = format!("docker://{}", registry.name("x:1"));
    for (source, target, code) in [
        ("gone:1", "new:1", 3),
        (&*missing, "new:1", 3),
        (&*gone, "new:1", 5),
        ("app:1", "UPPER", 2),
        ("app:1", &*gone, 5),
    ] {
        let outcome = copy(&dir).args([source, target]).fails_with(code).stdout_is("");
        assert!(outcome.stderr().starts_with("oci-copy: "), "{outcome}");
        check_layout(dir.join("work"));
        assert_eq!(dir.read("work/index.json"), before, "{source} {target}");
    }
}
