//! `oci`: every tool by its verb, as if it had been called by its own name.
#![forbid(unsafe_code)]

use test_support::{Command, Dir, Image, tool, tools};

fn oci() -> Command {
    Command::new(env!("CARGO_BIN_EXE_oci"))
}

/// The verbs of all tools but this one.
fn verbs() -> Vec<String> {
    tools().iter().filter_map(|name| name.strip_prefix("oci-").map(str::to_owned)).collect()
}

#[test]
fn alone_it_lists_every_tool_with_one_line() {
    let outcome = oci().succeeds().stderr_is("");
    let mut listed: Vec<String> = Vec::new();
    for line in outcome.lines() {
        let (name, about) = line.split_once(' ').expect("a name and what it does");
        assert!(!about.trim().is_empty() && line.len() <= 79, "{line}");
        listed.push(name.strip_prefix("oci-").expect("a tool").to_owned());
    }
    listed.sort();
    assert_eq!(listed, verbs());
}

#[test]
fn a_verb_is_its_tool() {
    for verb in verbs() {
        let name = format!("oci-{verb}");
        let by_name = Command::new(tool(&name)).arg("-h").succeeds();
        oci().args([&verb, "-h"]).succeeds().stdout_only(by_name.stdout());
        let long = Command::new(tool(&name)).arg("--help").succeeds();
        oci().args(["help", &verb]).succeeds().stdout_only(long.stdout());
        let wrong = oci().args([&verb, "--nosuch-option"]).fails_with(2);
        assert!(wrong.stderr().starts_with(&format!("{name}: --nosuch-option: no such option\n")), "{wrong}");
    }
}

#[test]
fn operands_status_and_output_are_the_tools_own() {
    let dir = Dir::new();
    let image = Image::new().cmd(["a"]).write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let oci = |args: &[&str]| dir.command(env!("CARGO_BIN_EXE_oci")).args(args);
    let line = format!("oci:work:docker.io/library/app:2@{}\n", image.digest);
    oci(&["tag", "-L", "work", "app:1", "app:2"]).succeeds().stdout_only(line);
    oci(&["inspect", "-L", "work", "nosuch"]).fails_with(3).stderr_has("oci-inspect: nosuch: no such image");
}

#[test]
fn called_by_a_tools_name_it_is_that_tool() {
    let dir = Dir::new();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_oci"), dir.join("oci-tag")).expect("a link");
    dir.command(dir.join("oci-tag")).arg("-V").succeeds().stdout_has("oci-tag ");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_oci"), dir.join("oci-static")).expect("a link");
    dir.command(dir.join("oci-static")).args(["tag", "-V"]).succeeds().stdout_has("oci-tag ");
}

#[test]
fn a_verb_that_is_none_is_a_usage_error_with_a_guess() {
    let outcome = oci().arg("pul").fails_with(2).stdout_is("");
    assert_eq!(outcome.stderr(), "oci: pul: no such tool\nhint: did you mean pull?\n");
    let outcome = oci().args(["help", "frobnicate"]).fails_with(2).stdout_is("");
    assert_eq!(outcome.stderr(), "oci: frobnicate: no such tool\nhint: oci -h shows the usage\n");
}

#[test]
fn completions_and_the_page_know_the_tools_and_their_options() {
    for shell in ["bash", "zsh", "fish"] {
        let outcome = oci().args(["--generate", shell]).succeeds().stderr_is("");
        for word in ["pull", "history", "all-platforms", "no-trunc"] {
            assert!(outcome.stdout().contains(word), "{shell}: {word}");
        }
    }
    let page = oci().args(["--generate", "man"]).succeeds().stderr_is("");
    assert!(page.stdout().contains("oci\\-pull(1)"), "{page}");
}

#[test]
fn verbs_of_others_are_answered_with_the_tool_that_does_so() {
    for (theirs, ours) in [("ls", "images"), ("save", "export"), ("load", "import"), ("rm", "rmi")] {
        oci().arg(theirs).fails_with(2).stderr_has(format!("hint: did you mean {ours}?"));
    }
}
