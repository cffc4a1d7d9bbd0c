//! `oci-blame`: the layer, the instruction and the base of a file.
#![forbid(unsafe_code)]

use serde_json::Value;
use test_support::{Command, Dir, Image, TarBuilder, check_layout, tool};

const OCI_BLAME: &str = env!("CARGO_BIN_EXE_oci-blame");

fn blame(dir: &Dir) -> Command {
    dir.command(OCI_BLAME).args(["-L", "work"])
}

fn tar() -> TarBuilder {
    TarBuilder::new()
}

/// `base:1` of two layers, and `app:1` with three more on top of it.
fn layout() -> Dir {
    let dir = Dir::new();
    let base = Image::new()
        .layer(tar().dir("etc").file("etc/motd", "hello").file("etc/gone", ""))
        .layer(tar().dir("usr").file("usr/x", "1"));
    base.write_layout(dir.join("work"), Some("docker.io/library/base:1"));
    base.layer(tar().dir("etc").file("etc/motd", "hello, you"))
        .layer(tar().dir("etc").whiteout("etc/gone"))
        .layer(tar().symlink("s", "etc"))
        .write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    dir
}

fn lines(command: Command) -> Vec<Value> {
    let outcome = command.succeeds();
    outcome.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_file_has_a_layer_an_instruction_and_an_image() {
    let dir = layout();
    let outcome = blame(&dir).args(["app:1", "/etc/motd"]).succeeds().stderr_is("");
    let rows: Vec<Vec<&str>> = outcome.lines().iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["LAYER", "DIGEST", "DID", "TYPE", "SIZE", "CREATED", "BY", "IMAGE"]);
    assert_eq!((rows[1][0], rows[1][2], rows[1][3], rows[1][4]), ("3/5", "set", "file", "10B"));
    assert!(
        rows[1].last().is_some_and(|image| image.starts_with("oci:work:docker.io/library/app:1@sha256:"))
    );
    assert_eq!(rows.len(), 2);
    check_layout(dir.join("work"));
}

#[test]
fn what_the_base_brought_is_the_bases() {
    let dir = layout();
    let found = lines(blame(&dir).args(["--json", "app:1", "usr/x"]));
    assert_eq!(
        (&found[0]["layer"], &found[0]["layers"], &found[0]["is_base"]),
        (&2.into(), &5.into(), &true.into())
    );
    assert_eq!(found[0]["created_by"], "layer 1");
    assert!(found[0]["image"].as_str().is_some_and(|image| image.contains("library/base:1@")), "{found:?}");
    let outcome = blame(&dir).args(["app:1", "usr/x"]).succeeds();
    assert!(outcome.stdout().contains("base oci:work:docker.io/library/base:1@"), "{outcome}");
}

#[test]
fn all_that_was_done_to_a_file_is_told_newest_first() {
    let dir = layout();
    let did = |path: &str| {
        let found = lines(blame(&dir).args(["--all", "--json", "app:1", path]));
        found.iter().map(|line| (line["layer"].as_u64(), line["did"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(did("/etc/motd"), [(Some(3), "changed".into()), (Some(1), "brought".into())]);
    assert_eq!(did("/s/gone"), [(Some(4), "removed".into()), (Some(1), "brought".into())], "by a symlink");
}

#[test]
fn a_file_that_is_not_there_is_not_found_and_who_removed_it_is_told() {
    let dir = layout();
    blame(&dir)
        .args(["app:1", "/etc/gone"])
        .fails_with(3)
        .stdout_is("")
        .stderr_has("nothing has that name")
        .stderr_has("hint: layer 4 removed it");
    blame(&dir)
        .args(["app:1", "/etc/nothing"])
        .fails_with(3)
        .stderr_has("/etc/nothing: nothing has that name");
    blame(&dir).args(["nothing:1", "/etc/motd"]).fails_with(3);
}

#[test]
fn quiet_is_the_layers_digest() {
    let dir = layout();
    let found = lines(blame(&dir).args(["--json", "app:1", "/etc/motd"]));
    let digest = found[0]["digest"].as_str().expect("a digest").to_owned();
    blame(&dir).args(["-q", "app:1", "/etc/motd"]).succeeds().stdout_only(format!("{digest}\n"));
}

#[test]
fn of_an_image_in_a_registry_only_the_upper_layers_are_read() {
    let dir = layout();
    let server = dir.command(tool("oci-serve")).args(["-L", "work", "--port", "0"]).spawn();
    let address = server.wait_for_stdout("\n").trim().to_owned();
    let base = lines(blame(&dir).args(["--json", "app:1", "usr/x"]))[0]["digest"].clone();
    std::fs::remove_file(dir.join("work/blobs/sha256").join(&base.as_str().expect("a digest")[7..]))
        .expect("a layer");
    let remote = format!("docker://{address}/app:1");
    let read = |path: &str| dir.command(OCI_BLAME).args(["-L", "nowhere", "--json", &remote, path]);
    let found = lines(read("/etc/motd"));
    assert_eq!(found[0]["layer"], 3);
    assert_eq!(found[0]["is_base"], false);
    read("/usr/x").fails_with(3);
}

#[test]
fn images_come_from_a_pipe_where_that_is_written() {
    let dir = layout();
    let outcome = blame(&dir).args(["-q", "-", "/etc/motd"]).stdin("base:1\napp:1\n").succeeds();
    assert_eq!(outcome.lines().len(), 2, "{outcome}");
}
