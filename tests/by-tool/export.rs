//! `oci-export`: images of a layout into one archive.
#![forbid(unsafe_code)]

use serde_json::{Value, json};
use test_support::{Command, Dir, Image, TarBuilder, Terminal, check_layout, digest_of, tool};

const OCI_EXPORT: &str = env!("CARGO_BIN_EXE_oci-export");

fn rootfs() -> TarBuilder {
    TarBuilder::new().dir("etc").file("etc/motd", "hi\n").noise_file("big", 3 << 20)
}

fn app() -> Image {
    Image::new().layer(rootfs()).layer(TarBuilder::new().file("app", "1")).cmd(["/app"])
}

fn export(dir: &Dir) -> Command {
    dir.command(OCI_EXPORT).args(["-L", "work"])
}

fn import(dir: &Dir, layout: &str) -> Command {
    dir.command(tool("oci-import")).args(["-L", layout])
}

/// The names of a tar's entries, by another program than ours.
fn entries(dir: &Dir, archive: &str) -> Vec<String> {
    dir.command("tar").args(["-tf", archive]).succeeds().lines().into_iter().map(str::to_owned).collect()
}

fn document(dir: &Dir, archive: &str, name: &str) -> Value {
    let outcome = dir.command("tar").args(["-xOf", archive, name]).succeeds();
    serde_json::from_slice(outcome.stdout_bytes()).expect("JSON")
}

#[test]
fn an_image_goes_through_a_pipe_and_is_the_same() {
    let dir = Dir::new();
    let built = app().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let archive = export(&dir).arg("app:1").succeeds().stderr_is("");
    let outcome = import(&dir, "copy").stdin(archive.stdout_bytes()).succeeds();
    outcome.stdout_only(format!("oci:copy:docker.io/library/app:1@{}\n", built.digest));
    let report = check_layout(dir.join("copy"));
    assert_eq!(report.blobs.len(), built.blobs.len());
    // to a file, and again: the same bytes
    export(&dir).args(["app:1", "-o", "app.tar"]).succeeds().no_output();
    assert_eq!(dir.read("app.tar"), archive.stdout_bytes());
}

#[test]
fn a_hybrid_says_its_images_twice_before_the_first_blob() {
    let dir = Dir::new();
    let built = app().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    dir.command(tool("oci-tag")).args(["-L", "work", "app:1", "localhost:5000/app:2"]).succeeds();
    export(&dir).args(["app:1", "localhost:5000/app:2", "-o", "a.tar"]).succeeds();
    let names = entries(&dir, "a.tar");
    assert_eq!(names[..3], ["oci-layout", "index.json", "manifest.json"]);
    assert_eq!(names.len(), 3 + built.blobs.len(), "each blob once");
    let index = document(&dir, "a.tar", "index.json");
    let called: Vec<&Value> = index["manifests"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["annotations"]["io.containerd.image.name"])
        .collect();
    assert_eq!(called, ["docker.io/library/app:1", "localhost:5000/app:2"]);
    let rows = document(&dir, "a.tar", "manifest.json");
    assert_eq!(rows[0]["RepoTags"], json!(["docker.io/library/app:1", "localhost:5000/app:2"]));
    assert_eq!(rows[0]["Config"], format!("blobs/sha256/{}", &built.config_digest[7..]));
}

#[test]
fn the_name_in_the_archive_may_be_another() {
    let dir = Dir::new();
    app().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    export(&dir).args(["app:1", "--name", "other:2", "-o", "a.tar"]).succeeds();
    assert_eq!(document(&dir, "a.tar", "manifest.json")[0]["RepoTags"], json!(["docker.io/library/other:2"]));
    Image::new().layer(rootfs()).write_layout(dir.join("more"), Some("docker.io/library/b:1"));
    export(&dir).args(["app:1", "oci:more:b:1", "--name", "x", "-o", "b.tar"]).fails_with(2);
    assert!(!dir.join("b.tar").exists());
}

#[test]
fn docker_gets_plain_layers_and_oci_keeps_zstd() {
    let dir = Dir::new();
    let image = Image::new().zstd_layer(rootfs()).layer(TarBuilder::new().file("app", "1"));
    let built = image.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let outcome = export(&dir).args(["app:1", "-o", "hybrid.tar"]).succeeds();
    assert_eq!(outcome.stderr().matches("zstd").count(), 1, "{outcome}");
    export(&dir).args(["app:1", "--format", "oci", "-o", "oci.tar"]).succeeds().stderr_is("");
    export(&dir).args(["app:1", "--format", "docker", "-o", "docker.tar"]).succeeds().stderr_is("");
    let digest = format!("oci:copy:docker.io/library/app:1@{}\n", built.digest);
    import(&dir, "copy").arg("oci.tar").succeeds().stdout_is(digest);
    for archive in ["hybrid.tar", "docker.tar"] {
        let outcome = import(&dir, archive.trim_end_matches(".tar")).arg(archive).succeeds();
        let inspected = dir.command(tool("oci-inspect")).arg(outcome.line()).succeeds();
        assert!(inspected.stdout().contains(&built.config_digest), "{archive}: {inspected}");
        assert!(!inspected.stdout().contains("zstd"), "{archive}: {inspected}");
    }
    let rows = document(&dir, "docker.tar", "manifest.json");
    let plain = rows[0]["Layers"][0].as_str().expect("a name").to_owned();
    let layer = dir.command("tar").args(["-xOf", "docker.tar", &plain]).succeeds();
    assert_eq!(layer.stdout_bytes(), rootfs().bytes());
}

#[test]
fn a_root_filesystem_is_the_tree_of_one_image() {
    let dir = Dir::new();
    let top = TarBuilder::new().file("etc/motd", "bye\n").whiteout("big");
    let image = Image::new().layer(rootfs()).layer(top);
    image.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    export(&dir).args(["app:1", "--format", "rootfs", "-o", "tree.tar"]).succeeds().no_output();
    let mut names = entries(&dir, "tree.tar");
    names.sort_unstable();
    assert_eq!(names, ["etc/", "etc/motd"]);
    dir.command("tar").args(["-xOf", "tree.tar", "etc/motd"]).succeeds().stdout_is("bye\n");
    let piped = export(&dir).args(["app:1", "--format", "rootfs"]).succeeds();
    assert_eq!(piped.stdout_bytes(), dir.read("tree.tar"));
    let line = import(&dir, "tree").arg("tree.tar").succeeds().line().to_owned();
    assert!(line.starts_with("oci:tree@sha256:"), "{line}");
    export(&dir).args(["app:1", "--format", "rootfs", "--name", "x"]).fails_with(2);
    export(&dir).args(["app:1", "oci:tree", "--format", "rootfs"]).fails_with(2);
}

#[test]
fn a_tree_is_the_same_with_the_index_that_was_kept_without_it_and_where_none_can_be_kept() {
    let dir = Dir::new();
    let image = Image::new().layer(TarBuilder::new().noise_file("noise", 400_000).file("motd", "hi\n"));
    image.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let tree = || export(&dir).args(["app:1", "--format", "rootfs"]).env("XDG_CACHE_HOME", dir.join("cache"));
    let first = tree().succeeds();
    assert_eq!(dir.list("cache/oci/layer-index-1").len(), 1);
    assert_eq!(tree().succeeds().stdout_bytes(), first.stdout_bytes());
    std::fs::remove_dir_all(dir.join("cache")).expect("it may be deleted");
    dir.write("cache", "no directory");
    assert_eq!(tree().succeeds().stdout_bytes(), first.stdout_bytes());
}

#[test]
fn an_archive_is_not_written_to_a_terminal() {
    let dir = Dir::new();
    app().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let terminal = Terminal::open();
    let outcome = export(&dir).arg("app:1").stdout_terminal(&terminal).fails_with(2);
    assert!(outcome.stderr().contains("hint: name a file: -o FILE"), "{outcome}");
}

#[test]
fn what_fails_leaves_no_file_and_the_old_one_as_it_was() {
    let dir = Dir::new();
    let built = app().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    dir.write("a.tar", "old");
    export(&dir).args(["nosuch:1", "-o", "a.tar"]).fails_with(3);
    let layer = built.blobs.keys().find(|digest| built.blobs[*digest].len() > 1 << 20).expect("a layer");
    let path = format!("work/blobs/{}", layer.replace(':', "/"));
    let mut bytes = dir.read(&path);
    bytes[1 << 20] ^= 1;
    dir.write(&path, bytes);
    for format in ["hybrid", "oci", "docker"] {
        let outcome = export(&dir).args(["app:1", "-o", "a.tar", "--format", format]).fails_with(6);
        assert!(outcome.stderr().contains(layer.as_str()), "{outcome}");
    }
    export(&dir).arg("app:1").fails_with(6);
    assert_eq!(dir.read("a.tar"), b"old");
    assert_eq!(dir.list("."), ["a.tar", "home", "work"]);
    std::fs::remove_file(dir.join(&path)).expect("it was there");
    let outcome = export(&dir).arg("app:1").fails_with(3).stdout_is("");
    assert!(outcome.stderr().contains(layer.as_str()), "{outcome}");
}

#[test]
fn a_layer_that_is_converted_is_what_the_config_says() {
    let dir = Dir::new();
    let mut built = Image::new().zstd_layer(rootfs()).build();
    let mut replaced = |digest: &str, from: &str, to: &str| {
        let text = String::from_utf8(built.blobs.remove(digest).expect("a blob")).expect("text");
        let text = text.replace(from, to);
        built.blobs.insert(digest_of(&text), text.clone().into());
        digest_of(&text)
    };
    let config = built.config_digest;
    let new = replaced(&config, &digest_of(rootfs().bytes()), &digest_of("another tar"));
    built.digest = replaced(&built.digest, &config, &new);
    built.config_digest = new;
    built.descriptor["digest"] = built.digest.clone().into();
    built.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    for format in ["hybrid", "docker"] {
        export(&dir).args(["app:1", "--format", format, "-o", "a.tar"]).fails_with(6);
        assert!(!dir.join("a.tar").exists(), "{format}");
    }
}

#[test]
fn a_stream_that_broke_off_between_two_entries_is_whole_to_no_reader() {
    let dir = Dir::new();
    let mut built = app().build();
    let manifest: Value = serde_json::from_slice(&built.blobs[&built.digest]).expect("JSON");
    let layer = built.blobs.get_mut(manifest["layers"][1]["digest"].as_str().expect("text")).expect("a blob");
    // the checksum of gzip, behind the last entry's content
    let checksum = layer.len() - 8;
    layer[checksum] ^= 1;
    built.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    // the length of a plain layer is learned before anything is written: nothing comes then
    for (format, status) in [("rootfs", 6), ("oci", 6), ("hybrid", 6), ("docker", 3)] {
        let broken = export(&dir).args(["app:1", "--format", format]).fails_with(6);
        dir.command("tar").arg("-t").stdin(broken.stdout_bytes()).fails_with(2);
        import(&dir, "copy").stdin(broken.stdout_bytes()).fails_with(status).stdout_is("");
    }
}

#[test]
fn what_the_other_side_has_is_left_out() {
    let dir = Dir::new();
    let base = Image::new().layer(rootfs());
    base.write_layout(dir.join("other"), Some("docker.io/library/base:1"));
    let built = app().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let blobs = dir.command(tool("oci-images")).args(["-L", "other", "--blobs"]).succeeds();
    dir.write("blobs", blobs.stdout_bytes());
    export(&dir).args(["app:1", "-o", "all.tar"]).succeeds();
    let all = entries(&dir, "all.tar").len();
    dir.command(OCI_EXPORT).args(["oci:other:base:1", "-o", "base.tar"]).succeeds();
    for other in ["other", "blobs", "base.tar"] {
        export(&dir).args(["app:1", "--not-in", other, "-o", "less.tar"]).succeeds();
        assert_eq!(entries(&dir, "less.tar").len(), all - 1, "{other}");
    }
    let piped = export(&dir).args(["app:1", "--not-in", "-"]).stdin(blobs.stdout_bytes()).succeeds();
    assert_eq!(piped.stdout_bytes(), dir.read("less.tar"));
    let outcome = import(&dir, "empty").arg("less.tar").fails_with(3).stdout_is("");
    assert!(outcome.stderr().contains("the archive lacks sha256:"), "{outcome}");
    let line = format!("oci:other:docker.io/library/app:1@{}\n", built.digest);
    import(&dir, "other").arg("less.tar").succeeds().stdout_only(line);
    check_layout(dir.join("other"));
    dir.write("wrong", "sha256:1\n");
    export(&dir).args(["app:1", "--not-in", "wrong", "-o", "x.tar"]).fails_with(2);
}

#[test]
fn what_is_converted_is_not_left_out_and_that_is_said() {
    let dir = Dir::new();
    Image::new().layer(rootfs()).write_layout(dir.join("other"), Some("docker.io/library/base:1"));
    app().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let dry = |format| {
        export(&dir).args(["app:1", "--not-in", "other", "--dry-run", "--format", format]).succeeds()
    };
    let converted = dry("docker");
    converted
        .stderr_has("warning: 2 layers are converted, and so never left out; --format oci keeps")
        .stderr_lacks("1 blob,");
    dry("oci").stderr_has("; 1 blob, 3").stderr_has("left out\n").stderr_lacks("warning");
    dir.write("images", "docker.io/library/base:1@sha256:0123\n");
    for other in ["images", "nosuch"] {
        let outcome = export(&dir).args(["app:1", "--not-in", other]).run();
        outcome.stdout_is("").stderr_has("hint: a layout, an archive, or what oci-images --blobs prints");
    }
}

#[test]
fn objects_are_for_a_dry_run_patterns_for_oci_images_and_a_tree_is_of_one_platform() {
    let dir = Dir::new();
    for arch in ["amd64", "arm64"] {
        let image = Image::new().layer(TarBuilder::new().file(arch, "")).platform("linux", arch);
        image.write_layout(dir.join("work"), Some(&format!("docker.io/library/app:{arch}")));
    }
    dir.command(tool("oci-index")).args(["-L", "work", "both:1", "app:amd64", "app:arm64"]).succeeds();
    let objects = export(&dir).args(["both:1", "--json", "-o", "a.tar"]).fails_with(2);
    objects.stderr_has("hint: oci-export --dry-run --json");
    export(&dir)
        .arg("app:*")
        .fails_with(2)
        .stderr_has("hint: for a pattern: oci-images -q 'app:*' | oci-export -");
    let tree = export(&dir).args(["both:1", "--format", "rootfs", "-o", "a.tar"]).succeeds();
    tree.stderr_has("linux/amd64 and linux/arm64; a tree is of one of them: --platform chooses");
    let one = ["both:1", "--format", "oci", "--platform", "linux/amd64,linux/arm64", "-o", "b.tar"];
    export(&dir).args(one).succeeds().stderr_is("");
}

#[test]
fn a_dry_run_says_what_would_be_written_and_writes_nothing() {
    let dir = Dir::new();
    let built = app().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let outcome = export(&dir).args(["app:1", "--dry-run", "-o", "a.tar"]).succeeds();
    let mut digests: Vec<&str> = outcome.lines().iter().filter_map(|line| line.split('\t').next()).collect();
    digests.sort_unstable();
    assert_eq!(digests, built.blobs.keys().map(String::as_str).collect::<Vec<_>>());
    assert!(!dir.join("a.tar").exists());
}

#[test]
fn images_are_read_from_standard_input() {
    let dir = Dir::new();
    let built = app().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let line = format!("oci:work:docker.io/library/app:1@{}\n", built.digest);
    let archive = dir.command(OCI_EXPORT).stdin(&line).succeeds();
    assert_eq!(archive.stdout_bytes(), export(&dir).arg("app:1").succeeds().stdout_bytes());
    dir.command(OCI_EXPORT).stdin("app:1\n").fails_with(2).stdout_is("");
    dir.command(OCI_EXPORT).stdin("").fails_with(3).stdout_is("");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let dir = Dir::new();
    app().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let script = format!("set -o pipefail; {OCI_EXPORT} -L work app:1 | head -c 1000 > /dev/null");
    let outcome = dir.command("bash").args(["-c", &script]).fails_with(141);
    outcome.stderr_is("");
}

#[test]
fn a_dash_is_standard_output_and_a_plain_tar_is_not_called_compressed() {
    let dir = Dir::new();
    app().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let plain = export(&dir).arg("app:1").succeeds();
    let dash = export(&dir).args(["-o", "-", "app:1"]).succeeds();
    assert!(dash.stdout_bytes() == plain.stdout_bytes() && !dir.join("-").exists());
    let outcome = export(&dir).args(["-o", "app.tar.gz", "app:1"]).fails_with(2);
    outcome.stderr_has("app.tar.gz: the archive is a plain tar").stderr_has("| gzip > app.tar.gz");
    assert!(!dir.join("app.tar.gz").exists());
}
