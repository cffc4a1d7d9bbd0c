//! `oci-copy`: between any two places.
#![forbid(unsafe_code)]

use std::os::unix::fs::MetadataExt;
use std::path::Path;
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
        assert_eq!(
            path("other").metadata().expect("the blob").len(),
            path("work").metadata().expect("it").len()
        );
        assert!(share_bytes(&path("work"), &path("other")), "{digest}: its bytes were copied");
    }
}

/// Are they one file, or two with the same extents of a file system with reflinks?
fn share_bytes(one: &Path, other: &Path) -> bool {
    let inode = |path: &Path| path.metadata().expect("it is there").ino();
    inode(one) == inode(other) || (is_reflinked(one) && is_reflinked(other))
}

fn is_reflinked(path: &Path) -> bool {
    let extents = std::process::Command::new("filefrag").arg("-v").arg(path).output();
    let text = String::from_utf8(extents.expect("filefrag, of e2fsprogs").stdout).expect("text");
    let flags: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("0:")).collect();
    !flags.is_empty() && flags.iter().all(|line| line.contains("shared"))
}

#[test]
fn two_copies_of_one_file_do_not_pass_for_shared() {
    let dir = Dir::new();
    let [one, other] = ["one", "other"].map(|name| dir.join(name));
    std::fs::write(&one, vec![7; 100_000]).expect("written");
    std::fs::write(&other, vec![7; 100_000]).expect("written");
    assert!(!share_bytes(&one, &other));
    std::fs::remove_file(&other).expect("removed");
    std::fs::hard_link(&one, &other).expect("linked");
    assert!(share_bytes(&one, &other));
}

#[test]
fn from_registry_to_registry_json_is_an_image_object() {
    let (dir, built) = (Dir::new(), layout().1);
    let (from, to) = (FakeRegistry::new(), FakeRegistry::new());
    from.hold("app", "1", &built);
    let [source, target] = [from.name("app:1"), to.name("x/y")].map(|name| format!("docker://{name}"));
    let outcome = dir.command(env!("CARGO_BIN_EXE_oci-copy")).args(["--json", &source, &target]).succeeds();
    let object: serde_json::Value = serde_json::from_str(outcome.line()).expect("JSON");
    let bytes: usize = built.blobs.values().map(Vec::len).sum();
    let manifest: serde_json::Value = serde_json::from_slice(&built.blobs[&built.digest]).expect("JSON");
    assert_eq!(
        object,
        serde_json::json!({
            "ref": format!("{}@{}", to.name("x/y:1"), built.digest),
            "name": to.name("x/y:1"),
            "digest": built.digest,
            "id": manifest["config"]["digest"],
            "created": "1970-01-01T00:00:00Z",
            "mediaType": built.descriptor["mediaType"],
            "size": built.blobs[&built.digest].len(),
            "bytes": bytes,
            "unique": null,
            "platform": "linux/amd64",
            "layout": null,
        })
    );
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
    assert_eq!(outcome.stderr_has("in 3 blobs; 0 are there").lines().len(), 3);
    assert!(!dir.join("other").exists());
    copy(&dir).args(["app:1", "oci:other"]).succeeds();
    let outcome = copy(&dir).args(["--dry-run", "--json", "app:1", "oci:other"]).succeeds();
    outcome.stdout_has("\"bytes\":0").stderr_is("would move 0B in 0 blobs; 3 are there\n");
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
