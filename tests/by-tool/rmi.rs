//! `oci-rmi`: names go, and what only they needed.

use test_support::{Dir, Image, TarBuilder, check_layout, tool};

/// `app:1` and `app:2` share their lowest layer; `app:1` has a second name.
fn layout() -> (Dir, String, String) {
    let dir = Dir::new();
    let base = TarBuilder::new().file("etc/motd", "base\n");
    let image =
        |own: &str| Image::new().layer(base.clone()).layer(TarBuilder::new().file("own", own)).cmd([own]);
    let first = image("one").write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    image("one").write_layout(dir.join("work"), Some("docker.io/library/other:1"));
    let second = image("two").write_layout(dir.join("work"), Some("docker.io/library/app:2"));
    (dir, first.digest, second.digest)
}

fn names(dir: &Dir) -> Vec<String> {
    check_layout(dir.join("work")).names().into_iter().map(|name| name.to_string()).collect()
}

#[test]
fn the_last_name_takes_the_image_with_it_but_nothing_that_another_needs() {
    let (dir, first, _) = layout();
    let rmi = |operand: &str| dir.command(tool("oci-rmi")).args(["-L", "work", operand]);
    rmi("app:1").succeeds().stdout_is("").stderr_is(format!("Untagged: docker.io/library/app:1@{first}\n"));
    assert_eq!(names(&dir), ["docker.io/library/app:2", "docker.io/library/other:1"]);
    let before = check_layout(dir.join("work")).blobs.len();
    let said = rmi("other:1").succeeds();
    said.stderr_has(format!("Untagged: docker.io/library/other:1@{first}\nDeleted: {first}\nfreed "));
    let report = check_layout(dir.join("work"));
    assert_eq!(before - report.blobs.len(), 3, "a manifest, a config and one layer");
    assert!(report.unreachable.is_empty());
}

#[test]
fn an_image_of_several_names_is_removed_by_its_id_only_by_force() {
    let (dir, first, _) = layout();
    let id = &first["sha256:".len()..][..12];
    let rmi = |flags: &[&str]| dir.command(tool("oci-rmi")).args(["-L", "work", id]).args(flags);
    rmi(&[]).fails_with(7).stderr_has("has several names: ").stderr_has("hint: ").stderr_has("--force");
    assert_eq!(names(&dir).len(), 3);
    rmi(&["--force"]).succeeds().stderr_has("Untagged: docker.io/library/other:1");
    assert_eq!(names(&dir), ["docker.io/library/app:2"]);
}

#[test]
fn a_dry_run_says_the_same_and_leaves_everything() {
    let (dir, _, second) = layout();
    let rmi =
        |flags: &[&str]| dir.command(tool("oci-rmi")).args(["-L", "work", "app:2"]).args(flags).succeeds();
    let before = check_layout(dir.join("work")).blobs;
    let would = rmi(&["--dry-run"]);
    assert_eq!(check_layout(dir.join("work")).blobs, before);
    assert_eq!(names(&dir).len(), 3);
    let did = rmi(&[]);
    assert_eq!(would.stderr().replace("would free", "freed"), did.stderr());
    did.stderr_has(format!("Deleted: {second}"));
}

#[test]
fn with_no_prune_the_blobs_are_left_to_a_collection() {
    let (dir, _, second) = layout();
    dir.command(tool("oci-rmi")).args(["-L", "work", "--no-prune", "app:2"]).succeeds();
    assert!(check_layout(dir.join("work")).unreachable.contains(&second));
    dir.command(tool("oci-gc")).args(["-L", "work", "--grace", "0s"]).succeeds().stdout_has(&second);
    assert!(check_layout(dir.join("work")).unreachable.is_empty());
}

#[test]
fn a_name_that_has_moved_on_is_left() {
    let (dir, first, second) = layout();
    let rmi = |operand: String| dir.command(tool("oci-rmi")).args(["-L", "work"]).arg(operand);
    rmi(format!("app:2@{first}")).fails_with(7).stderr_has("points elsewhere now");
    rmi(format!("gone:1@{first}")).fails_with(3).stderr_has("no such name");
    assert_eq!(names(&dir).len(), 3);
    rmi(format!("app:2@{second}")).succeeds();
}

#[test]
fn a_name_that_has_moved_on_is_left_though_what_it_was_is_gone() {
    let (dir, ..) = layout();
    let gone = format!("sha256:{}", "0".repeat(64));
    let rmi = |operand: String| dir.command(tool("oci-rmi")).args(["-L", "work"]).arg(operand);
    rmi(format!("app:2@{gone}")).fails_with(7).stderr_has(format!("points elsewhere now, not to {gone}"));
    rmi(format!("gone:1@{gone}")).fails_with(3);
    rmi(format!("@{gone}")).fails_with(3);
    assert_eq!(names(&dir).len(), 3);
}

/// What `oci-serve` writes for manifests that are put by digest alone.
fn with_pinned_rows(dir: &Dir, digest: &str, repositories: &[&str]) {
    let mut index: serde_json::Value = serde_json::from_slice(&dir.read("work/index.json")).expect("JSON");
    let rows = index["manifests"].as_array_mut().expect("rows");
    let row = rows.iter().find(|row| row["digest"] == digest).expect("the image has a row").clone();
    for repository in repositories {
        let (mut pinned, name) = (row.clone(), format!("{repository}@{digest}"));
        pinned["annotations"] = serde_json::json!({
            "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name
        });
        rows.push(pinned);
    }
    dir.write("work/index.json", index.to_string());
}

#[test]
fn an_image_of_a_repository_without_a_tag_is_removed_by_that_name_and_nothing_else_is() {
    let (dir, _, second) = layout();
    with_pinned_rows(&dir, &second, &["docker.io/team/app", "quay.io/a/b"]);
    let listed =
        || dir.command(tool("oci-images")).args(["-L", "work", "--digests"]).succeeds().stdout().to_owned();
    let rows = |repository: &str| listed().lines().filter(|line| line.starts_with(repository)).count();
    let line = listed().lines().find(|line| line.starts_with("team/app ")).expect("it is listed").to_owned();
    assert!(line.contains(" <none> ") && line.contains(&second), "{line}");
    let rmi = |operand: String| dir.command(tool("oci-rmi")).args(["-L", "work"]).arg(operand);
    rmi(format!("team/app:latest@{second}")).fails_with(3);
    rmi(format!("team/app@{second}"))
        .succeeds()
        .stderr_is(format!("Untagged: docker.io/team/app@{second}\n"));
    assert_eq!(["team/app ", "quay.io/a/b ", "app "].map(rows), [0, 1, 2]);
    rmi("app:2".to_owned()).succeeds().stderr_is(format!("Untagged: docker.io/library/app:2@{second}\n"));
    rmi(format!("quay.io/a/b@{second}")).succeeds().stderr_has(format!("Deleted: {second}\nfreed "));
    assert!(check_layout(dir.join("work")).unreachable.is_empty());
}

#[test]
fn all_operands_are_tried_and_the_first_failure_is_the_status() {
    let (dir, ..) = layout();
    let all = ["-L", "work", "gone:1", "app:2", "app:2", "app:1"];
    let said = dir.command(tool("oci-rmi")).args(all).fails_with(3);
    said.stderr_has("gone:1: no such").stderr_has("app:2: removed already");
    assert_eq!(names(&dir), ["docker.io/library/other:1"]);
}

#[test]
fn images_come_from_standard_input_only_where_it_is_named() {
    let (dir, ..) = layout();
    let lines = dir.command(tool("oci-images")).args(["-L", "work", "-q", "app"]).succeeds();
    let rmi = |operands: &[&str]| {
        dir.command(tool("oci-rmi")).args(["-L", "work"]).args(operands).stdin(lines.stdout_bytes())
    };
    rmi(&[]).fails_with(2).stderr_has("no image");
    assert_eq!(names(&dir).len(), 3);
    rmi(&["-"]).succeeds();
    assert_eq!(names(&dir), ["docker.io/library/other:1"]);
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    let (dir, ..) = layout();
    let before = dir.read("work/index.json");
    dir.command(tool("oci-rmi"))
        .args(["-L", "work", "nothing"])
        .fails_with(3)
        .stderr_has("nothing: no such image");
    assert_eq!(dir.read("work/index.json"), before);
    dir.command(tool("oci-rmi")).args(["-L", "absent", "app:1"]).fails_with(3).stderr_has("absent");
}

#[test]
fn with_json_each_thing_that_goes_is_an_object_and_standard_error_is_as_ever() {
    let (dir, _, second) = layout();
    let plain = dir.command(tool("oci-rmi")).args(["-L", "work", "--dry-run", "app:2"]).succeeds();
    let said = dir.command(tool("oci-rmi")).args(["-L", "work", "--json", "app:2"]).succeeds();
    assert_eq!(plain.stderr().replace("would free", "freed"), said.stderr());
    let objects: Vec<serde_json::Value> =
        said.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<&str> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    assert_eq!(kinds, ["untagged", "deleted", "freed", "freed", "freed"]);
    assert_eq!(objects[0]["name"], "docker.io/library/app:2");
    assert_eq!([&objects[0]["digest"], &objects[1]["digest"]], [&second, &second]);
}

#[test]
fn records_may_be_split_by_nul() {
    let (dir, ..) = layout();
    let lines = dir.command(tool("oci-images")).args(["-L", "work", "-q0", "app"]).succeeds();
    dir.command(tool("oci-rmi")).args(["-L", "work", "-0", "-"]).stdin(lines.stdout_bytes()).succeeds();
    assert_eq!(names(&dir), ["docker.io/library/other:1"]);
}
