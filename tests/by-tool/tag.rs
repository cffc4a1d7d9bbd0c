//! `oci-tag`: names given one by one and in bulk.
#![forbid(unsafe_code)]

use test_support::{Command, Dir, Image, TarBuilder, check_layout};

const OCI_TAG: &str = env!("CARGO_BIN_EXE_oci-tag");

fn image(content: &str) -> Image {
    Image::new().layer(TarBuilder::new().file("etc/motd", content))
}

/// A directory with a layout `work` that holds `app:1`, and its digest.
fn layout() -> (Dir, String) {
    let dir = Dir::new();
    let digest = image("1").write_layout(dir.join("work"), Some("docker.io/library/app:1")).digest;
    (dir, digest)
}

fn tag(dir: &Dir) -> Command {
    dir.command(OCI_TAG).args(["-L", "work"])
}

#[test]
fn each_new_name_is_printed_as_it_is_pinned() {
    let (dir, digest) = layout();
    tag(&dir).args(["app:1", "new", "registry.example/team/app:2"]).succeeds().stdout_only(format!(
        "oci:work:docker.io/library/new:latest@{digest}\noci:work:registry.example/team/app:2@{digest}\n"
    ));
    let names = ["docker.io/library/app:1", "docker.io/library/new:latest", "registry.example/team/app:2"];
    assert_eq!(check_layout(dir.join("work")).names(), names);
}

#[test]
fn an_image_whose_manifest_is_gone_gets_no_more_names() {
    let (dir, digest) = layout();
    let blob = dir.join("work/blobs/sha256").join(&digest[7..]);
    std::fs::remove_file(blob).unwrap();
    tag(&dir).args(["app:1", "app:2"]).fails_with(3).stderr_has(&digest);
}

#[test]
fn a_name_that_another_image_had_moves() {
    let (dir, digest) = layout();
    image("2").write_layout(dir.join("work"), Some("docker.io/library/app:2"));
    tag(&dir).args(["app:1", "app:2"]).succeeds();
    assert_eq!(check_layout(dir.join("work")).digest_of("docker.io/library/app:2"), Some(&*digest));
}

#[test]
fn an_image_that_loses_its_last_name_is_named_and_can_be_had_back_by_its_digest() {
    let (dir, one) = layout();
    let two = image("2").write_layout(dir.join("work"), Some("docker.io/library/app:2")).digest;
    image("3").write_layout(dir.join("work"), Some("docker.io/library/app:3"));
    let outcome = tag(&dir).args(["app:1", "app:2"]).succeeds();
    outcome.stderr_is(format!(
        "oci-tag: docker.io/library/app:2 was {two}; it has no name now, and oci-gc frees it\n"
    ));
    tag(&dir).args([&format!("@{two}"), "old:2"]).succeeds().stderr_is("");
    tag(&dir).args(["app:1", "old:2", "app:3"]).succeeds().stderr_has(", and 1 more; they have no name now");
    assert_eq!(check_layout(dir.join("work")).digest_of("docker.io/library/old:2"), Some(&*one));
    tag(&dir).args([&*two, "old:2"]).succeeds().stderr_is("");
    tag(&dir).args(["-q", "app:1", "old:2"]).succeeds().stderr_is("");
    dir.command(test_support::tool("oci-gc")).args(["-L", "work", "--grace", "0", "-q"]).succeeds();
    tag(&dir).args([&format!("@{two}"), "old:2"]).fails_with(3).stdout_is("");
}

#[test]
fn an_image_that_keeps_a_name_or_is_the_same_is_not_spoken_of() {
    let (dir, _) = layout();
    image("2").write_layout(dir.join("work"), Some("docker.io/library/app:2"));
    tag(&dir).args(["app:2", "also:2"]).succeeds();
    tag(&dir).args(["app:1", "app:2"]).succeeds().stderr_is("");
    tag(&dir).args(["app:1", "app:2"]).succeeds().stderr_is("");
}

#[test]
fn tagging_an_image_with_its_own_name_changes_nothing() {
    let (dir, _) = layout();
    tag(&dir).args(["app:1", "app:1"]).succeeds();
    let before = dir.read("work/index.json");
    tag(&dir).args(["app:1", "app:1"]).succeeds();
    assert_eq!(dir.read("work/index.json"), before);
}

#[test]
fn a_prefix_keeps_repository_and_tag_without_the_host() {
    let (dir, digest) = layout();
    image("2").write_layout(dir.join("work"), Some("quay.io/team/web:3"));
    let lines = format!("oci:work:app:1@{digest}\nquay.io/team/web:3\n");
    tag(&dir).args(["-", "mirror.example/x/"]).stdin(lines).succeeds();
    let names = check_layout(dir.join("work"));
    assert!(names.names().contains(&"mirror.example/x/library/app:1"), "{:?}", names.names());
    assert!(names.names().contains(&"mirror.example/x/team/web:3"), "{:?}", names.names());
}

#[test]
fn two_images_on_one_name_are_refused_before_anything_is_tagged() {
    let (dir, _) = layout();
    image("2").write_layout(dir.join("work"), Some("docker.io/library/app:2"));
    let before = dir.read("work/index.json");
    for name in ["new:1", "new"] {
        let outcome = tag(&dir).args(["-", name]).stdin("app:1\napp:2\n").fails_with(2).stdout_is("");
        assert!(outcome.stderr().contains("two images would have this name"), "{outcome}");
    }
    assert_eq!(dir.read("work/index.json"), before);
}

#[test]
fn of_several_images_for_one_name_none_has_it_if_one_is_not_there() {
    let (dir, _) = layout();
    let before = dir.read("work/index.json");
    for lines in ["app:1\nnope:1\n", "nope:1\napp:1\n", "nope:1\nnope:2\n"] {
        for name in ["new:1", "new"] {
            let outcome = tag(&dir).args(["-", name]).stdin(lines).fails_with(2).stdout_is("");
            outcome.stderr_has("nope:1: no such image").stderr_has("2 images would have this name");
        }
    }
    tag(&dir).args(["nope:1", "new:1"]).fails_with(3);
    assert_eq!(dir.read("work/index.json"), before);
}

#[test]
fn an_image_without_a_name_cannot_follow_a_prefix() {
    let (dir, _) = layout();
    let digest = image("2").write_layout(dir.join("work"), None).digest;
    let outcome = tag(&dir).args([&format!("@{digest}"), "mirror/"]).fails_with(2);
    assert!(outcome.stderr().contains("has no name to put behind mirror/"), "{outcome}");
    tag(&dir).args([&format!("@{digest}"), "named"]).succeeds();
    assert_eq!(check_layout(dir.join("work")).rows.len(), 2, "the row without a name became the name");
}

#[test]
fn what_is_not_there_is_told_and_the_rest_is_tagged() {
    let (dir, digest) = layout();
    let outcome = tag(&dir).args(["-", "mirror/"]).stdin("gone:1\napp:1\napp:9\n").fails_with(3);
    let outcome = outcome.stdout_is(format!("oci:work:docker.io/mirror/library/app:1@{digest}\n"));
    assert_eq!(
        outcome.stderr(),
        "oci-tag: gone:1: no such image in this layout\noci-tag: app:9: no such tag; this layout has: 1\n"
    );
}

#[test]
fn an_image_of_another_layout_is_brought_into_this_one() {
    let (dir, _) = layout();
    let other = image("2").write_layout(dir.join("other"), Some("docker.io/library/app:2"));
    let outcome = tag(&dir).args(["oci:other:app:2", "new"]).succeeds().stderr_is("");
    outcome.stdout_is(format!("oci:work:docker.io/library/new:latest@{}\n", other.digest));
    let line = serde_json::json!({ "ref": format!("app:2@{}", other.digest), "layout": dir.join("other") });
    tag(&dir).args(["-", "json"]).stdin(line.to_string()).succeeds();
    std::fs::remove_dir_all(dir.join("other")).expect("it is there");
    let report = check_layout(dir.join("work"));
    assert_eq!(report.digest_of("docker.io/library/new:latest"), Some(&*other.digest));
    assert_eq!(report.digest_of("docker.io/library/json:latest"), Some(&*other.digest));
    dir.command(OCI_TAG).args(["-L", "./work/../work", "oci:work:app:1", "same"]).succeeds();
}

#[test]
fn a_layout_is_made_for_an_image_of_another_but_not_for_one_that_is_not_there() {
    let (dir, digest) = layout();
    let into = |layout: &str| dir.command(OCI_TAG).args(["-L", layout]);
    into("fresh").args(["oci:work:app:1", "new"]).succeeds().stdout_has(&digest);
    check_layout(dir.join("fresh"));
    into("none").args(["oci:work:gone:1", "new"]).fails_with(3).stdout_is("");
    into("none").args(["app:1", "new"]).fails_with(3).stdout_is("");
    assert!(!dir.join("none").exists());
}

#[test]
fn an_image_of_another_layout_that_lacks_a_blob_gets_no_name() {
    let (dir, _) = layout();
    let other = image("2").write_layout(dir.join("other"), Some("docker.io/library/app:2"));
    let layer = other.blobs.keys().find(|blob| **blob != other.digest).expect("a blob");
    std::fs::remove_file(dir.join("other/blobs").join(layer.replace(':', "/"))).expect("it is there");
    let before = dir.read("work/index.json");
    tag(&dir).args(["oci:other:app:2", "new"]).fails_with(3).stdout_is("").stderr_has(layer);
    assert_eq!(dir.read("work/index.json"), before);
    check_layout(dir.join("work"));
}

#[test]
fn an_image_that_lacks_a_blob_gets_no_name() {
    let (dir, digest) = layout();
    let layer =
        check_layout(dir.join("work")).blobs.into_keys().find(|blob| *blob != digest).expect("a blob");
    std::fs::remove_file(dir.join("work/blobs").join(layer.replace(':', "/"))).expect("it is there");
    let before = dir.read("work/index.json");
    tag(&dir).args(["app:1", "new"]).fails_with(3);
    assert_eq!(dir.read("work/index.json"), before);
}

#[test]
fn json_is_the_image_object() {
    let (dir, digest) = layout();
    let outcome = tag(&dir).args(["app:1", "new", "--json"]).succeeds();
    let object: serde_json::Value = serde_json::from_str(outcome.line()).expect("JSON");
    assert_eq!(object["ref"], format!("oci:work:docker.io/library/new:latest@{digest}"));
    assert_eq!(object["name"], "docker.io/library/new:latest");
    assert_eq!(object["platform"], "linux/amd64");
    assert_eq!(object["bytes"], check_layout(dir.join("work")).bytes());
    assert_eq!(object["bytes"], object["unique"]);
    assert_eq!(object["layout"], dir.join("work").display().to_string());
}

#[test]
fn records_end_with_nul_and_are_split_at_nul() {
    let (dir, digest) = layout();
    tag(&dir).args(["-0", "-", "a", "b"]).stdin("app:1\0").succeeds().stdout_only(format!(
        "oci:work:docker.io/library/a:latest@{digest}\0oci:work:docker.io/library/b:latest@{digest}\0"
    ));
}

#[test]
fn ten_thousand_lines_are_one_edit() {
    let (dir, digest) = layout();
    let names: Vec<String> = (0..10_000).map(|n| format!("many:{n}")).collect();
    tag(&dir).arg("app:1").args(&names).succeeds();
    let lines: String = names.iter().map(|name| format!("oci:work:{name}@{digest}\n")).collect();
    let outcome = tag(&dir).args(["-", "mirror/"]).stdin(lines).succeeds();
    assert_eq!(outcome.lines().len(), 10_000);
    assert_eq!(check_layout(dir.join("work")).rows.len(), 20_001);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let (dir, _) = layout();
    let names: Vec<String> = (0..2000).map(|n| format!("many:{n}")).collect();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let full: std::os::fd::OwnedFd = writer.into();
    tag(&dir).arg("app:1").args(&names).stdout_to(full).killed_by(13).stderr_is("");
}

#[test]
fn a_full_disk_is_an_error() {
    let (dir, _) = layout();
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let outcome = tag(&dir).args(["app:1", "new"]).stdout_to(full).fails_with(1);
    assert_eq!(outcome.stderr(), "oci-tag: standard output: no space left on device\n");
}
