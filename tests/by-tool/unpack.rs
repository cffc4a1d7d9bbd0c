//! `oci-unpack`: a bundle or a tree, whole or not at all.

use serde_json::{Value, json};
use test_support::{Dir, Image, TarBuilder, check_layout, gzip, tool, tree_lines};

/// Two layers: a directory that the second one changes.
fn image() -> Image {
    let below =
        TarBuilder::new().dir("etc").file("etc/motd", "hi\n").file("etc/old", "").symlink("bin", "/usr/bin");
    let above = TarBuilder::new()
        .dir("etc")
        .whiteout("etc/old")
        .hard_link("etc/also", "etc/motd")
        .file("bin/app", "x");
    Image::new().layer(below).zstd_layer(above).cmd(["/bin/app", "--serve"])
}

fn unpack(dir: &Dir) -> test_support::Command {
    dir.command(tool("oci-unpack")).args(["-L", "work"])
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn names(dir: &Dir, tree: &str) -> Vec<String> {
    let lines = tree_lines(dir.join(tree));
    lines.iter().map(|line| line.split('"').nth(1).expect("a name").to_owned()).collect()
}

const TREE: [&str; 7] = [".", "bin", "etc", "etc/also", "etc/motd", "usr", "usr/bin"];

#[test]
fn a_bundle_holds_the_tree_and_how_to_run_it_and_the_image_is_printed() {
    let dir = Dir::new();
    let built = image().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let pinned = format!("oci:work:docker.io/library/app:1@{}\n", built.digest);
    unpack(&dir).args(["app:1", "bundle"]).succeeds().stdout_only(pinned);
    assert_eq!(names(&dir, "bundle/rootfs")[..7], TREE);
    let spec: Value = serde_json::from_slice(dir.read("bundle/config.json").as_ref()).expect("JSON");
    assert_eq!(spec["process"]["args"], json!(["/bin/app", "--serve"]));
    assert_eq!(spec["root"]["path"], "rootfs");
    check_layout(dir.join("work"));
}

#[test]
fn the_tree_alone_goes_into_the_directory_itself_and_is_the_same_each_time() {
    let dir = Dir::new();
    image().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    for tree in ["one", "two"] {
        unpack(&dir).args(["-q", "--rootfs", "app:1", tree]).succeeds();
    }
    assert_eq!(names(&dir, "one").len(), 8);
    let lines = tree_lines(dir.join("one"));
    assert_eq!(lines[1..], tree_lines(dir.join("two"))[1..]);
    assert!(lines[3].contains("=\"etc/also\"") && lines[4].contains("=\"etc/also\""), "{lines:?}");
}

#[test]
fn a_directory_that_holds_anything_is_left_as_it_is() {
    let dir = Dir::new();
    image().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    dir.write("mine/file", "mine");
    let said = unpack(&dir).args(["app:1", "mine"]).fails_with(2);
    said.stderr_only("oci-unpack: mine: not empty; expected a new or an empty directory\n");
    assert_eq!(names(&dir, "mine"), [".", "file"]);
    unpack(&dir).args(["app:1", "mine/file"]).fails_with(1);
    let said = unpack(&dir).args(["app:1", "nowhere/new"]).fails_with(3);
    said.stderr_has("nowhere/new: the directory nowhere is not there");
    unpack(&dir).args(["app:1", "-"]).fails_with(2).stderr_has("hint: oci-export --format rootfs");
}

#[test]
fn an_image_that_is_not_what_it_claims_leaves_nothing_behind() {
    let dir = Dir::new();
    let mut built = image().build();
    let layer = built.blobs.iter().find(|(_, blob)| blob.starts_with(&[0x1f, 0x8b])).expect("gzip").0.clone();
    built.blobs.insert(layer.clone(), gzip("another tar"));
    built.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    dir.write("there/x", "");
    std::fs::remove_file(dir.join("there/x")).expect("it was written");
    for target in ["new", "there"] {
        let said = unpack(&dir).args(["app:1", target]).fails_with(6);
        said.stderr_has(format!("oci-unpack: layer {layer}: ")).stdout_is("");
    }
    assert!(!dir.join("new").exists());
    assert_eq!(names(&dir, "there"), ["."]);
}

#[test]
fn a_signal_leaves_nothing_behind() {
    let dir = Dir::new();
    let many = (0..30_000)
        .fold(TarBuilder::new().file("first", ""), |tar, n| tar.file(&format!("d{}/{n}", n % 100), ""));
    Image::new().layer(many).write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    for signal in [1, 2, 15] {
        // one that was done before the signal came proves nothing
        while {
            let _ = std::fs::remove_dir_all(dir.join("bundle"));
            let mut running = hearing(&dir, "--default-signal=HUP,INT").spawn();
            while running.is_running() && !dir.join("bundle/rootfs/first").exists() {
                std::thread::yield_now();
            }
            running.signal(signal);
            let outcome = running.wait();
            if outcome.code() != Some(0) {
                outcome.assert_signal(signal).no_output();
            }
            dir.join("bundle/config.json").exists()
        } {}
        assert!(!dir.join("bundle").exists());
    }
}

#[test]
fn a_hangup_is_ignored_where_it_was_when_the_tool_began() {
    let dir = Dir::new();
    let many = (0..3_000).fold(TarBuilder::new().file("first", ""), |tar, n| tar.file(&format!("{n}"), ""));
    Image::new().layer(many).write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let mut running = hearing(&dir, "--ignore-signal=HUP").spawn();
    while running.is_running() && !dir.join("bundle/rootfs/first").exists() {
        std::thread::yield_now();
    }
    running.signal(1);
    running.wait().assert_code(0).stderr_is("");
    assert!(dir.join("bundle/config.json").exists());
}

/// Unpacks app:1 into bundle; whoever runs the tests may ignore signals, so `env` says which are.
fn hearing(dir: &Dir, signals: &str) -> test_support::Command {
    dir.command("env").arg(signals).arg(tool("oci-unpack")).args(["-L", "work", "app:1", "bundle"])
}

#[test]
fn the_platform_that_is_asked_for_is_unpacked() {
    let dir = Dir::new();
    for (tag, arch) in [("amd64", "amd64"), ("arm64", "arm64")] {
        let image = Image::new().layer(TarBuilder::new().file(arch, "")).platform("linux", arch);
        image.write_layout(dir.join("work"), Some(&format!("docker.io/library/app:{tag}")));
    }
    dir.command(tool("oci-index")).args(["-L", "work", "both:1", "app:amd64", "app:arm64"]).succeeds();
    unpack(&dir).args(["--rootfs", "--platform", "linux/arm64", "both:1", "tree"]).succeeds();
    assert_eq!(names(&dir, "tree"), [".", "arm64"]);
    let said = unpack(&dir).args(["--platform", "linux/s390x", "both:1", "other"]).fails_with(3);
    said.stderr_has("no image for linux/s390x");
    assert!(!dir.join("other").exists());
}

#[test]
fn an_image_comes_from_a_pipe_only_where_that_is_written_and_only_one() {
    let dir = Dir::new();
    let built = image().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let line = format!("docker.io/library/app:1@{}\n", built.digest);
    unpack(&dir).args(["-", "bundle"]).stdin(&line).succeeds();
    let said = unpack(&dir).args(["-", "more"]).stdin(line.repeat(2)).fails_with(2);
    said.stderr_has("several images; expected one");
    unpack(&dir).args(["bundle"]).stdin(&line).fails_with(2);
}

#[test]
fn without_privileges_devices_are_left_out_and_owners_recorded_each_said_once() {
    let dir = Dir::new();
    let tar = TarBuilder::new()
        .file("a", "")
        .owner(1, 2)
        .file("b", "")
        .owner(3, 4)
        .device("null", 1, 3)
        .device("zero", 1, 5);
    Image::new().layer(tar).write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    // who is not root need not say so
    let option = is_root().then_some("--rootless");
    let said = unpack(&dir).args(option).args(["app:1", "bundle"]).succeeds();
    said.stderr_is(
        "oci-unpack: warning: /a: its owner, as others, is only recorded, in the attribute user.rootlesscontainers\n\
         oci-unpack: warning: /null: a device, left out, as are others: only root makes them\n",
    );
    assert_eq!(names(&dir, "bundle/rootfs"), [".", "a", "b"]);
    let lines = tree_lines(dir.join("bundle/rootfs"));
    assert!(lines[1].ends_with(r#" user.rootlesscontainers="\\x08\\x01\\x10\\x02""#), "{lines:?}");
    let spec: Value = serde_json::from_slice(dir.read("bundle/config.json").as_ref()).expect("JSON");
    assert_eq!(spec["linux"]["uidMappings"][0]["hostID"], rustix::process::geteuid().as_raw());
}

#[test]
fn an_artifact_is_no_image_to_unpack() {
    let dir = Dir::new();
    let mut built = Image::new().build();
    let text = "just text";
    let config = built.config_digest.clone();
    let layer = json!([{ "mediaType": "text/plain", "digest": test_support::digest_of(text.as_bytes()), "size": text.len() }]);
    let manifest: Value = serde_json::from_slice(&built.blobs[&built.digest]).expect("JSON");
    let mut manifest = manifest;
    manifest["layers"] = layer;
    let bytes = manifest.to_string().into_bytes();
    built.blobs.insert(test_support::digest_of(text.as_bytes()), text.into());
    built.digest = test_support::digest_of(&bytes);
    built.descriptor["digest"] = json!(built.digest);
    built.descriptor["size"] = json!(bytes.len());
    built.blobs.insert(built.digest.clone(), bytes);
    built.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    assert!(built.blobs.contains_key(&config));
    let said = unpack(&dir).args(["app:1", "bundle"]).fails_with(6);
    said.stderr_has("the manifest has 1 layers, the config 0");
}

#[test]
fn an_altered_layer_is_told_by_its_digest_and_not_by_its_tar() {
    let dir = Dir::new();
    let mut built =
        Image::new().plain_layer(TarBuilder::new().file("a", "1").noise_file("b", 1 << 20)).build();
    let layer = built.blobs.iter().max_by_key(|(_, blob)| blob.len()).expect("a layer").0.clone();
    let blob = built.blobs.get_mut(&layer).expect("it is there");
    blob[512 + 512..][..512].fill(0xff);
    built.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    for args in [&["--rootfs"][..], &[]] {
        let outcome = unpack(&dir).args(args).args(["app:1", "tree"]).fails_with(6);
        let outcome = outcome.stderr_has(format!("layer {layer}: its content's digest is sha256:"));
        outcome.stderr_has("hint: oci-fsck -L work finds what is damaged");
    }
    let outcome =
        dir.command(tool("oci-export")).args(["-L", "work", "--format", "rootfs", "app:1"]).fails_with(6);
    outcome.stderr_has("its content's digest is sha256:").stderr_has("hint: oci-fsck -L work finds");
    let outcome = dir.command(tool("oci-export")).args(["-L", "work", "app:1"]).fails_with(6);
    outcome.stderr_has("hint: oci-fsck -L work finds");
    let outcome = dir.command(tool("oci-copy")).args(["-L", "work", "app:1", "oci:other"]).fails_with(6);
    outcome.stderr_has("hint: oci-fsck -L work finds");
}

#[test]
fn what_cannot_be_said_on_standard_output_is_not_left_either() {
    let dir = Dir::new();
    image().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    unpack(&dir).args(["app:1", "bundle"]).stdout_to(full).fails_with(1);
    assert!(!dir.join("bundle").exists());
}
