//! Images of several platforms, and of another one than was asked for.

use crate::fixture;
use test_support::{Command, Dir, Image, TarBuilder, check_layout, tool};

/// `work` with `multi:1` of two platforms, and `app:amd64` and `app:arm64`, which it is made of.
fn layout() -> Dir {
    let dir = Dir::new();
    for architecture in ["amd64", "arm64"] {
        Image::new()
            .layer(TarBuilder::new().file("a", architecture))
            .platform("linux", architecture)
            .write_layout(dir.join("work"), Some(&format!("docker.io/library/app:{architecture}")));
    }
    command(&dir, "oci-index").args(["multi:1", "app:amd64", "app:arm64"]).succeeds();
    dir
}

fn command(dir: &Dir, name: &str) -> Command {
    dir.command(tool(name)).args(["-L", "work"])
}

#[test]
fn no_tool_takes_an_image_of_another_platform_for_the_one_that_was_asked_for() {
    let dir = layout();
    let tar = TarBuilder::new().file("b", "").bytes();
    let rows: &[(&str, &[&str])] = &[
        ("oci-unpack", &["--rootfs", "--rootless", "app:amd64", "tree"]),
        ("oci-inspect", &["app:amd64"]),
        ("oci-inspect", &["--raw", "app:amd64"]),
        ("oci-config", &["app:amd64", "new:1", "-c", "USER 1"]),
        ("oci-history", &["app:amd64"]),
        ("oci-import", &["--onto", "app:amd64"]),
        ("oci-export", &["app:amd64"]),
        ("oci-copy", &["app:amd64", "new:1"]),
    ];
    let before = dir.read("work/index.json");
    for (name, args) in rows {
        let asked = |platform| {
            let command = command(&dir, name).args(["--platform", platform]).args(*args);
            if *name == "oci-import" { command.stdin(&tar) } else { command }
        };
        let outcome = asked("linux/arm64").fails_with(3).stdout_is("");
        assert!(outcome.stderr().contains("no image for linux/arm64; there is linux/amd64"), "{outcome}");
        assert_eq!(dir.read("work/index.json"), before, "{outcome}");
    }
    for (name, args) in &rows[..5] {
        command(&dir, name).args(["--platform", "linux/amd64"]).args(*args).succeeds();
    }
}

#[test]
fn platforms_that_are_left_out_are_named_unless_one_was_chosen() {
    let dir = layout();
    let several = "docker.io/library/multi:1 has linux/amd64 and linux/arm64; ";
    let tar = TarBuilder::new().file("b", "").bytes();
    let rows: &[(&str, &[&str], &str)] = &[
        ("oci-config", &["multi:1", "new:1", "-c", "USER 1"], "linux/amd64 alone is changed\n"),
        ("oci-import", &["--onto", "multi:1", "--name", "new:1"], "linux/amd64 alone is the base\n"),
        ("oci-export", &["--format", "docker", "multi:1"], "a docker-archive holds one of them"),
    ];
    for (name, args, says) in rows {
        let run = |more: &[&str]| {
            let command = command(&dir, name).args(*args).args(more);
            if *name == "oci-import" { command.stdin(&tar).succeeds() } else { command.succeeds() }
        };
        run(&[]).stderr_has(format!("{name}: warning: {several}{says}"));
        run(&["--platform", "linux/amd64"]).stderr_lacks(several);
        run(&["-q"]).stderr_is("");
    }
    command(&dir, "oci-export").arg("multi:1").succeeds().stderr_is("");
}

#[test]
fn an_index_does_not_lose_its_name_to_one_of_its_images_unless_that_was_chosen() {
    let dir = layout();
    let before = dir.read("work/index.json");
    let tar = TarBuilder::new().file("b", "").bytes();
    let change =
        |more: &[&str]| command(&dir, "oci-config").args(["multi:1", "multi:1", "-c", "USER 1"]).args(more);
    let onto = |more: &[&str]| {
        command(&dir, "oci-import").args(["--onto", "multi:1", "-n", "multi:1"]).args(more).stdin(&tar)
    };
    for refused in [change(&[]), onto(&[])] {
        let outcome = refused.fails_with(2).stdout_is("");
        let outcome =
            outcome.stderr_has("docker.io/library/multi:1 has linux/amd64 and linux/arm64; all but one");
        outcome.stderr_has("hint: take another name, or choose one with --platform");
        assert_eq!(dir.read("work/index.json"), before);
    }
    change(&["--platform", "linux/arm64"]).succeeds();
    command(&dir, "oci-index").args(["multi:1", "app:amd64", "app:arm64"]).succeeds();
    onto(&["--platform", "linux/arm64"]).succeeds();
    check_layout(dir.join("work"));
}

#[test]
fn only_who_has_not_chosen_a_platform_is_told_to_choose_one() {
    let (dir, _) = fixture::layout();
    Image::new().platform("plan9", "mips").write_layout(dir.join("work"), Some("docker.io/library/app:mips"));
    command(&dir, "oci-index").args(["other:1", "app:mips"]).succeeds();
    let hint = "hint: choose one with --platform";
    command(&dir, "oci-history").arg("other:1").fails_with(3).stderr_has(hint);
    command(&dir, "oci-history")
        .args(["--platform", "linux/s390x", "other:1"])
        .fails_with(3)
        .stderr_lacks(hint);
}
