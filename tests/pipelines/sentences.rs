//! Pipelines, as a user would type them.

use test_support::{Dir, Served, TarBuilder, check_layout};

/// A directory with `rootfs.tar` and `app`.
fn rootfs() -> Dir {
    let dir = Dir::new();
    dir.write("app", "#!");
    dir.write("rootfs.tar", TarBuilder::new().dir("bin").file("bin/sh", "#!").bytes());
    dir
}

/// The default layout of a command that `dir` makes.
const DEFAULT: &str = "home/.local/share/oci";

#[test]
fn a_root_filesystem_becomes_an_image_with_two_names() {
    let dir = rootfs();
    let script =
        r#"oci-import --name base:1 --change 'CMD ["sh"]' < rootfs.tar | oci-tag - localhost:5000/base:1"#;
    let outcome = dir.sh(script).succeeds().stderr_is("");
    assert!(outcome.line().starts_with("localhost:5000/base:1@sha256:"), "{outcome}");
    assert_eq!(
        check_layout(dir.join(DEFAULT)).names(),
        ["docker.io/library/base:1", "localhost:5000/base:1"]
    );
}

#[test]
fn what_is_built_goes_on_through_a_pipe() {
    let dir = rootfs();
    dir.write("seed/Dockerfile", "FROM scratch\nCOPY hello /\n");
    dir.write("seed/hello", "hi\n");
    let served = Served::new(&dir, "served");
    let host = served.host();
    let outcome = dir.sh(&format!("oci-build -q -t app seed | oci-push --to {host}/app")).succeeds();
    assert!(outcome.line().starts_with(&format!("{host}/app:latest@sha256:")), "{outcome}");
    let outcome = dir.sh("oci-build -q -t app seed | oci-history --json").succeeds().stderr_is("");
    assert!(outcome.stdout().contains("COPY hello / # buildkit"), "{outcome}");
}

#[test]
fn history_takes_what_import_prints_wherever_the_layout_is() {
    for settings in ["", "OCI_LAYOUT=./other", "XDG_DATA_HOME=$PWD/data"] {
        let dir = rootfs();
        let script = format!("export A=b {settings}; oci-import < rootfs.tar | oci-history --json");
        let outcome = dir.sh(&script).succeeds().stderr_is("");
        assert!(outcome.line().contains("Imported from -"), "{settings}: {outcome}");
    }
}

#[test]
fn a_line_from_another_layout_needs_no_option() {
    let dir = rootfs();
    let outcome = dir.sh("oci-import -L ./work < rootfs.tar | oci-inspect | wc -l").succeeds().stderr_is("");
    assert_eq!(outcome.line().trim(), "1");
    let outcome = dir.sh("oci-import -L ./work -n a < rootfs.tar | oci-tag -L work - b").succeeds();
    assert!(
        outcome.line().starts_with("oci:work:docker.io/library/b:latest@"),
        "as it was written there: {outcome}"
    );
}

#[test]
fn all_tags_of_a_repository_go_through_a_pipe() {
    let dir = rootfs();
    dir.sh("oci-import -n base:1 < rootfs.tar | oci-tag - base:2 base:3 other").succeeds();
    let outcome = dir.sh("oci-images -q base | oci-tag - mirror/").succeeds().stderr_is("");
    assert_eq!(outcome.lines().len(), 3);
    let outcome = dir.sh("oci-images --json | oci-inspect | wc -l").succeeds().stderr_is("");
    assert_eq!(outcome.line().trim(), "7");
    let outcome =
        dir.sh("oci-images -q -0 | oci-inspect -0 | tr '\\0' '\\n' | wc -l").succeeds().stderr_is("");
    assert_eq!(outcome.line().trim(), "7");
}

#[test]
fn a_layer_on_an_image_is_one_more_line_of_history() {
    let dir = rootfs();
    dir.sh("oci-import -n base < rootfs.tar").succeeds();
    let script =
        r#"tar -c app | oci-import --onto base --name app:1 --change 'CMD ["/app"]' | oci-history -q"#;
    assert_eq!(dir.sh(script).succeeds().stderr_is("").lines().len(), 2);
    let outcome = dir.sh("oci-config app:1 app:2 -c 'USER 1' | oci-history -q").succeeds();
    assert_eq!(outcome.lines()[0], "-");
    let names = check_layout(dir.join(DEFAULT)).rows.len();
    assert_eq!(names, 3);
}

#[test]
fn platforms_are_gathered_under_one_name() {
    let dir = rootfs();
    let script = "for p in amd64 arm64; do oci-import --platform $p < rootfs.tar; done | oci-index multi - | oci-inspect";
    let outcome = dir.sh(script).succeeds().stderr_is("");
    assert!(outcome.line().contains(r#""platforms":["linux/amd64","linux/arm64"]"#), "{outcome}");
    check_layout(dir.join(DEFAULT));
}

#[test]
fn a_command_that_failed_before_the_pipe_is_noticed() {
    let dir = rootfs();
    let outcome = dir.sh("oci-import nosuch.tar | oci-history").fails_with(3).stdout_is("");
    assert!(
        outcome
            .stderr()
            .ends_with("oci-history: no image on standard input; did the command before the pipe fail?\n"),
        "{outcome}"
    );
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_writer_quietly() {
    let dir = rootfs();
    dir.sh("oci-import -n base < rootfs.tar; oci-tag base $(seq -f 'many:%g' 3000) > /dev/null").succeeds();
    let script = "{ oci-images -q; echo $? >status; } | head -n 1; cat status";
    let outcome = dir.sh(script).succeeds().stderr_is("");
    assert_eq!(outcome.lines()[1], "141", "{outcome}");
}

#[test]
fn what_is_imported_goes_to_a_registry_and_comes_back_under_another_name() {
    let dir = rootfs();
    let served = Served::new(&dir, "served");
    let host = served.host();
    let script = format!("oci-import -n base:1 < rootfs.tar | oci-tag - {host}/base:1 | oci-push");
    let pushed = dir.sh(&script).succeeds().stderr_is("").line().to_owned();
    assert!(pushed.starts_with(&format!("{host}/base:1@sha256:")), "{pushed}");
    let script =
        format!("export OCI_LAYOUT=./other; oci-pull {host}/base:1 | oci-tag - {host}/copy/ | oci-push");
    let outcome = dir.sh(&script).succeeds().stderr_is("");
    let digest = pushed.split_once('@').expect("a pin").1;
    assert_eq!(outcome.line(), format!("{host}/copy/base:1@{digest}"));
    dir.write("mirror.list", format!("# mine\n{host}/base:1\n{host}/copy/base:1\n"));
    let script = format!("oci-pull -L ./new - < mirror.list | oci-push --to {host}/mirror/");
    let outcome = dir.sh(&script).succeeds().stderr_is("");
    let both = ["base", "copy/base"].map(|name| format!("{host}/mirror/{name}:1@{digest}"));
    assert_eq!(outcome.lines(), both);
    for layout in ["other", "new", "served"] {
        check_layout(dir.join(layout));
    }
}

#[test]
fn what_is_pushed_is_pulled_by_its_line_and_by_its_object() {
    let dir = rootfs();
    let served = Served::new(&dir, "served");
    let host = served.host();
    dir.sh(&format!("oci-import -n base:1 < rootfs.tar | oci-tag - {host}/x:1")).succeeds();
    for (json, layout) in [("", "b"), ("--json", "c")] {
        let script = format!("oci-push {json} {host}/x:1 | oci-pull -L {layout}");
        let outcome = dir.sh(&script).succeeds().stderr_is("");
        assert!(outcome.line().starts_with(&format!("oci:{layout}:{host}/x:1@sha256:")), "{outcome}");
        let script =
            format!("oci-copy {json} {host}/x:1 docker://{host}/y:1 | oci-pull -L {layout} | oci-inspect");
        dir.sh(&script).succeeds().stderr_is("");
        assert_eq!(check_layout(dir.join(layout)).names(), [format!("{host}/x:1"), format!("{host}/y:1")]);
    }
}

#[test]
fn an_image_goes_from_one_layout_into_another_in_one_pipe() {
    let dir = rootfs();
    let served = Served::new(&dir, "served");
    let host = served.host();
    dir.sh(&format!("oci-import -n {host}/x:1 < rootfs.tar | oci-push")).succeeds().stderr_is("");
    for (json, layout) in [("", "b"), ("--json", "c")] {
        let script = format!("oci-pull {json} -L a {host}/x:1 | oci-tag -L {layout} - y");
        let outcome = dir.sh(&script).succeeds().stderr_is("");
        let line = outcome.line();
        assert!(line.starts_with(&format!("oci:{layout}:docker.io/library/y:latest@sha256:")), "{outcome}");
        assert_eq!(check_layout(dir.join(layout)).names(), ["docker.io/library/y:latest"]);
    }
    assert_eq!(check_layout(dir.join("a")).names(), [format!("{host}/x:1")]);
}

#[test]
fn an_image_moves_to_another_machine_and_only_what_it_lacks() {
    let dir = rootfs();
    let script = "oci-import -n base:1 < rootfs.tar | oci-export | oci-import -L there";
    let outcome = dir.sh(script).succeeds().stderr_is("");
    assert!(outcome.line().starts_with("oci:there:docker.io/library/base:1@sha256:"), "{outcome}");
    dir.sh("tar -c app | oci-import --onto base:1 --name app:1").succeeds();
    let script =
        "oci-images -L there --blobs | oci-export --not-in - app:1 | tee moved.tar | oci-import -L there";
    let outcome = dir.sh(script).succeeds().stderr_is("");
    assert!(outcome.line().starts_with("oci:there:docker.io/library/app:1@sha256:"), "{outcome}");
    let blobs = dir.sh("tar -tf moved.tar | grep -c blobs/").succeeds();
    assert_eq!(blobs.line(), "3", "a manifest, a config and the one new layer");
    assert_eq!(check_layout(dir.join("there")).rows.len(), 2);
    let outcome = dir.sh("oci-export app:1 nosuch:1 | oci-import -L elsewhere").fails_with(3).stdout_is("");
    assert!(outcome.stderr().contains("hint: did the command before the pipe fail?"), "{outcome}");
}
