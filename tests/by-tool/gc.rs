//! `oci-gc`: what nothing needs goes, and nothing else.

use std::time::{Duration, SystemTime};
use test_support::{Dir, Image, TarBuilder, check_layout, digest_of, tool};

fn layout() -> Dir {
    let dir = Dir::new();
    let image = Image::new().layer(TarBuilder::new().file("etc/motd", "hi\n")).cmd(["sh"]);
    image.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    dir
}

fn garbage(dir: &Dir, content: &str) -> String {
    let digest = digest_of(content);
    dir.write(blob(&digest), content);
    digest
}

fn blob(digest: &str) -> String {
    format!("work/blobs/{}", digest.replace(':', "/"))
}

#[test]
fn what_no_row_reaches_goes_once_it_is_older_than_the_grace() {
    let dir = layout();
    let digest = garbage(&dir, "nobody needs this");
    let gc = |flags: &[&str]| dir.command(tool("oci-gc")).args(["-L", "work"]).args(flags).succeeds();
    gc(&[]).stdout_is("").stderr_is(
        "freed 0B in 0 blobs\n\
         left 17B in 1 blob, younger than --grace or about to be named by a writer\n",
    );
    let line = format!("{digest}\n");
    gc(&["--grace", "0s", "--dry-run"]).stdout_is(&line).stderr_is("would free 17B in 1 blob\n");
    let object = format!("{{\"digest\":\"{digest}\",\"size\":17}}\n");
    gc(&["--grace", "0s", "--dry-run", "--json", "-q"]).stdout_is(object).stderr_is("");
    gc(&["--grace", "0s"]).stdout_is(&line).stderr_is("freed 17B in 1 blob\n");
    let report = check_layout(dir.join("work"));
    assert_eq!((report.unreachable.len(), report.blobs.len()), (0, 3));
}

#[test]
fn what_a_dead_writer_left_is_swept_but_a_named_part_stays_to_be_gone_on_with() {
    let dir = layout();
    let part = format!("work/.ociutils/ingest/sha256-{}", "a".repeat(64));
    dir.write(&part, "the beginning of a blob");
    dir.write("work/.ociutils/ingest/new-00112233445566778899aabb", "nobody knows what");
    dir.command(tool("oci-gc")).args(["-L", "work"]).succeeds();
    assert_eq!(dir.list("work/.ociutils/ingest"), [format!("sha256-{}", "a".repeat(64))]);
}

#[test]
fn uploads_that_a_client_broke_off_are_swept_when_nobody_goes_on_with_them() {
    let dir = layout();
    let [old, new] = ["1", "2"].map(|digit| format!("upload-0000000{digit}-0000-4000-8000-000000000000"));
    for name in [&old, &new] {
        dir.write(format!("work/.ociutils/ingest/{name}"), "half a blob");
    }
    dir.write("work/.ociutils/leases/0123", "");
    let two_hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 60 * 60);
    let file =
        std::fs::File::options().append(true).open(dir.join(format!("work/.ociutils/ingest/{old}"))).unwrap();
    file.set_modified(two_hours_ago).unwrap();
    drop(file);
    dir.command(tool("oci-gc")).args(["-L", "work"]).succeeds();
    assert_eq!(dir.list("work/.ociutils/ingest"), [new]);
    assert!(dir.list("work/.ociutils/leases").is_empty(), "a lease of nobody");
}

#[test]
fn nothing_is_collected_where_a_manifest_cannot_be_read() {
    let dir = layout();
    let digest = garbage(&dir, "nobody needs this");
    let report = check_layout(dir.join("work"));
    let manifest = report.digest_of("docker.io/library/app:1").expect("the name is there").to_owned();
    dir.write(format!("work/blobs/sha256/{}", &manifest["sha256:".len()..]), "{");
    let said = dir.command(tool("oci-gc")).args(["-L", "work", "--grace", "0s"]).fails_with(6);
    said.stdout_is("").stderr_has("nothing was collected");
    assert!(dir.path().join(format!("work/blobs/sha256/{}", &digest["sha256:".len()..])).exists());
}

#[test]
fn a_grace_that_is_none_is_a_usage_error() {
    let dir = layout();
    dir.command(tool("oci-gc")).args(["-L", "work", "--grace", "soon"]).fails_with(2).stderr_has("10m");
}

#[test]
fn who_wonders_why_a_blob_stays_is_told() {
    let dir = layout();
    let young = garbage(&dir, "young");
    // surely older than the writer, however coarse the file system's clock is
    let file = std::fs::File::options().write(true).open(dir.join(blob(&young))).expect("a file");
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("a time");
    let gc = || dir.command(tool("oci-gc")).args(["-L", "work", "-v"]).succeeds();
    gc().stderr_has("oci-gc: layout work (from -L)\n")
        .stderr_has("oci-gc: left 0 blobs for writers at work, and 1 blob for --grace alone\n");
    let writer = dir.command(tool("oci-import")).args(["-L", "work"]).stdin_pipe();
    let mut writer = writer.spawn();
    writer.write(&TarBuilder::new().noise_file("n", 1_000_000).bytes()[..500_000]);
    garbage(&dir, "being written");
    gc().stderr_has("oci-gc: left 1 blob for writers at work, and 1 blob for --grace alone\n");
    writer.signal(9);
    writer.wait();
}
