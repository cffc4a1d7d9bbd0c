//! What `oci-build` says besides its result: warnings, and hints what to do.

use super::{SEED, build, context, history, tree};
use serde_json::Value;
use std::os::unix::fs::symlink;
use test_support::{Command, Dir, Image, TarBuilder, check_layout, tool};

fn based(dockerfile: &str) -> Dir {
    let dir = context(dockerfile);
    let tar = TarBuilder::new().file("etc/passwd", "root:x:0:0::/:/bin/sh\n");
    let base = Image::new().layer(tar).config("Env", serde_json::json!(["HOME=/root", "COLOUR=red"]));
    base.write_layout(dir.join("work"), Some("docker.io/library/base:latest"));
    dir
}

/// A build whose registries are nowhere.
fn offline(dir: &Dir) -> Command {
    build(dir).env("HTTPS_PROXY", "http://127.0.0.1:1").env("HTTP_PROXY", "http://127.0.0.1:1")
}

#[test]
fn the_checks_know_the_environment_of_a_base_that_is_here() {
    let dir = based("FROM base\nENV A=$COLOUR B=$COLOR\n");
    let found = build(&dir).args(["--check", "app"]).fails_with(1);
    found.stdout_has("Usage of undefined variable '$COLOR' (did you mean $COLOUR?)").stdout_has("1 warning");
    dir.write("app/Dockerfile", "FROM other\nENV B=$COLOR\n");
    let context = ["--build-context", "other=docker-image://base", "--check", "app"];
    build(&dir).args(context).fails_with(1).stdout_has("'$COLOR'");
    dir.write("app/Dockerfile", "FROM nowhere\nENV B=$COLOR\n");
    build(&dir).args(["--check", "app"]).succeeds();
}

#[test]
fn a_build_tells_what_the_checks_find_a_line_each() {
    let dir = context("FROM scratch\nMAINTAINER me\nCOPY hello /\nARG HERE\n");
    let build = || build(&dir).args(["--build-arg", "NOPE=1", "--build-arg", "HERE=1"]);
    let built = build().arg("app").succeeds();
    built
        .stderr_has(
            "oci-build: warning: Dockerfile:2: MaintainerDeprecated: Maintainer instruction is deprecated",
        )
        .stderr_has("oci-build: warning: build-args [NOPE] were not consumed");
    build().args(["-q", "app"]).succeeds().stderr_is("");
    dir.write("app/Dockerfile", format!("FROM scratch\n{}", "ENV a b\n".repeat(25)));
    let many = build().arg("app").succeeds();
    assert_eq!(many.stderr().matches("LegacyKeyValueFormat").count(), 20);
    many.stderr_has("Dockerfile: 5 more; oci-build --check shows all");
}

#[test]
fn a_warning_that_is_an_error_is_one_before_anything_is_done() {
    let dir = context("# check=error=true\nFROM scratch\nMAINTAINER me\nCOPY hello /\n");
    let error = build(&dir).arg("app").fails_with(1).stdout_is("");
    error
        .stderr_has("warning: Dockerfile:3: MaintainerDeprecated")
        .stderr_has("lint violation found for rules: MaintainerDeprecated\nhint: ")
        .stderr_lacks("COPY hello");
    assert!(!dir.join("work").exists());
    dir.write("app/Dockerfile", "# check=error=true;skip=all\nFROM scratch\nMAINTAINER me\n");
    build(&dir).arg("app").succeeds();
}

#[test]
fn the_build_checks_can_be_read_as_objects() {
    let dir = context("FROM scratch\nMAINTAINER \\\n  me\n");
    let found = build(&dir).args(["--check", "--json", "app"]).fails_with(1).stderr_is("");
    let warning: Value = serde_json::from_str(found.line()).expect("a warning is JSON");
    assert_eq!((&warning["rule"], &warning["line"]), (&"MaintainerDeprecated".into(), &2.into()));
    assert_eq!((&warning["lastLine"], &warning["file"]), (&3.into(), &"Dockerfile".into()));
    dir.write("app/Dockerfile", SEED);
    build(&dir).args(["--check", "--json", "app"]).succeeds().no_output();
}

#[test]
fn a_time_that_no_image_can_say_is_refused() {
    let dir = context(SEED);
    for wrong in ["99999999999999", "253402300800", "-5", "soon"] {
        build(&dir)
            .args(["--timestamp", wrong, "app"])
            .fails_with(2)
            .stderr_has("expected seconds since 1970");
        build(&dir).env("SOURCE_DATE_EPOCH", wrong).arg("app").fails_with(2).stderr_has("since 1970");
        let argument = format!("SOURCE_DATE_EPOCH={wrong}");
        build(&dir).args(["--build-arg", &argument, "app"]).fails_with(2).stderr_has("since 1970");
    }
    assert!(!dir.join("work").exists());
}

#[test]
fn several_files_to_what_is_no_directory_leave_the_last_as_docker_has_it() {
    let dir = context("FROM scratch\nCOPY hello other /x\n");
    dir.write("app/other", "other");
    build(&dir).arg("app").succeeds().stderr_has("warning: Dockerfile:2: /x is no directory");
    assert_eq!(tree(&dir), ["x: other"]);
    dir.write("app/Dockerfile", "FROM scratch\nWORKDIR /x\nCOPY hello other /x\nCOPY hello other /y/\n");
    build(&dir).arg("app").succeeds().stderr_lacks("warning");
    assert_eq!(tree(&dir), ["x/", "x/hello: hi", "x/other: other", "y/", "y/hello: hi", "y/other: other"]);
    dir.write("app/dir/file", "");
    dir.write("app/Dockerfile", "FROM scratch\nCOPY hello dir /x\n");
    let error = build(&dir).arg("app").fails_with(1);
    error.stderr_has("/x: a file by now").stderr_has(" --> Dockerfile:2:16\n").stderr_has("/x/ says that");
}

#[test]
fn an_owner_whom_the_stage_does_not_know_is_told_with_the_line() {
    let dir = based("FROM base\nENV A=1\nCOPY --chown=nouser hello /\n");
    let built = build(&dir).arg("app").succeeds();
    built.stderr_has(
        "warning: Dockerfile:3: the stage has no user \"nouser\": taken for root, as docker does",
    );
    dir.write("app/Dockerfile", "FROM base AS a\nONBUILD COPY --chown=noone hello /\n\nFROM a\n");
    build(&dir).arg("app").succeeds().stderr_has("warning: Dockerfile:4: the stage has no user \"noone\"");
}

#[test]
fn a_name_longer_than_any_files_is_refused_with_its_line() {
    let long = "n".repeat(256);
    for (line, column) in [(format!("COPY hello /a/{long}/b"), 12), (format!("WORKDIR /a/{long}"), 1)] {
        let dir = context(&format!("FROM scratch\n{line}\n"));
        let error = build(&dir).arg("app").fails_with(1);
        error
            .stderr_has("a name of 256 bytes; expected at most 255")
            .stderr_has(format!("Dockerfile:2:{column}\n"));
        let dir = context(&format!("FROM scratch\n{}\n", line.replace(&long, &long[1..])));
        build(&dir).arg("app").succeeds();
    }
}

#[test]
fn options_that_docker_has_are_told_what_to_do_instead() {
    let dir = context(SEED);
    for (option, hint) in [
        ("--secret=id=x", "hint: secrets are for RUN, which comes later"),
        ("--ssh=default", "hint: ssh agents are for RUN"),
        ("--push", "| oci-push"),
        ("--load", "| oci-export | docker load"),
        ("--output=x", "| oci-export -o FILE"),
        ("--squash", "COPY --from=STAGE / /"),
        ("--network=host", "hint: networks are for RUN"),
        ("--rm", "leave it out"),
        ("--no-rm", "leave it out"),
    ] {
        build(&dir).args([option, "app"]).fails_with(2).stderr_has(hint).stderr_lacks("did you mean");
    }
}

#[test]
fn an_image_that_is_nowhere_may_have_been_meant_for_a_stage() {
    let dir = context("FROM scratch AS build\nCOPY hello /\nFROM scratch\nCOPY --from=buidl /hello /\n");
    offline(&dir).arg("app").fails_with(5).stderr_has("did you mean the stage build?").stderr_has("4 | COPY");
}

#[test]
fn a_base_that_is_nowhere_may_have_been_meant_for_a_stage() {
    let dir = context("FROM scratch AS build\nFROM biuld\n");
    offline(&dir).arg("app").fails_with(5).stderr_has("did you mean the stage build?").stderr_has("2 | FROM");
}

#[test]
fn a_word_that_is_neither_a_stage_nor_an_image_here_is_said_to_have_been_asked_for() {
    let dir = context("FROM scratch\nCOPY --from=tools /hello /\n");
    let hint = "tools is no stage and not in the layout, so a registry was asked";
    offline(&dir).arg("app").fails_with(5).stderr_has(hint);
}

#[test]
fn an_image_that_is_here_for_another_platform_alone_is_said_to_be() {
    let dir = context("FROM tools\n");
    Image::new()
        .platform("linux", "s390x")
        .write_layout(dir.join("work"), Some("docker.io/library/tools:latest"));
    offline(&dir).arg("app").fails_with(5).stderr_has("it is here only for linux/s390x");
}

#[test]
fn a_source_that_is_not_there_is_told_why() {
    let dir = context("");
    dir.write("outside", "");
    symlink("../outside", dir.join("app/link")).expect("a link can be made");
    for (source, hint) in [
        ("../outside", "nothing above the context can be copied"),
        ("helo", "did you mean hello?"),
        ("link", "it is a symlink to ../outside, which is not there"),
    ] {
        dir.write("app/Dockerfile", format!("FROM scratch\nCOPY {source} /\n"));
        build(&dir).arg("app").fails_with(1).stderr_has(hint).stderr_has("Dockerfile:2:6\n");
    }
    dir.write("app/Dockerfile", "FROM scratch\nENTRYPOINT[\"/hello\"]\n");
    build(&dir).arg("app").fails_with(1).stderr_has("a blank is missing: ENTRYPOINT [");
}

#[test]
fn what_is_given_in_the_wrong_place_is_told_its_own() {
    let dir = context(SEED);
    build(&dir)
        .arg("-")
        .stdin(SEED)
        .fails_with(6)
        .stderr_has("hint: if it is a Dockerfile: oci-build -f - CONTEXT");
    let image = build(&dir).args(["--build-context", "a=debian:x", "app"]).fails_with(3);
    image.stderr_has("hint: for an image: a=docker-image://debian:x");
}

#[test]
fn all_that_git_says_is_shown() {
    let dir = context("FROM scratch\nADD http://127.0.0.1:1/nowhere.git#main /\n");
    let error = build(&dir).arg("app").fails_with(3);
    error.stderr_has("git fetch: fatal: ").stderr_has("127.0.0.1").stderr_has("2 | ADD");
}

#[test]
fn a_base_whose_triggers_run_is_told_of_in_the_recovered_page() {
    let dir = context("FROM base\nENV A=1\n");
    let base =
        Image::new().layer(TarBuilder::new().file("f", "")).config("OnBuild", serde_json::json!(["ENV B=2"]));
    base.write_layout(dir.join("work"), Some("docker.io/library/base:latest"));
    build(&dir).arg("app").succeeds();
    assert_eq!(history(&dir)[1..], ["ENV B=2", "ENV A=1"]);
    let page = dir.command(tool("oci-history")).args(["-L", "work", "--dockerfile", "app"]).succeeds();
    page.stdout_has("# FROM runs the triggers of this base again").stdout_has("# ONBUILD ENV B=2\nFROM ");
    check_layout(dir.join("work"));
}
