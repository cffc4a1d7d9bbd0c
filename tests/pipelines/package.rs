//! What goes out of the house: `.ci/package` on the tools of this build, and the man pages that are committed.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use test_support::{Command, Dir, tool, tools, workspace};

fn package(args: &[&str]) -> Command {
    let tools: PathBuf = tool("oci").parent().expect("a tool lies in a directory").to_owned();
    Command::new(workspace().join(".ci/package")).env("OCIUTILS_BIN", tools).args(args)
}

/// The names in a directory, in order.
fn names_in(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn named(form: impl Fn(&str) -> String) -> Vec<String> {
    let mut names: Vec<String> = tools().iter().map(|tool| form(tool)).collect();
    names.sort();
    names
}

#[test]
fn the_man_pages_that_are_committed_are_those_of_the_tools() {
    let pages = workspace().join("docs/man");
    assert_eq!(
        names_in(&pages),
        named(|tool| format!("{tool}.1")),
        "run: just man, or .ci/package man docs/man"
    );
    for name in tools() {
        let page = Command::new(tool(&name)).args(["--generate", "man"]).succeeds();
        let committed = std::fs::read_to_string(pages.join(format!("{name}.1"))).expect("a page is text");
        assert!(
            committed == page.stdout(),
            "docs/man/{name}.1 is not what the tool says; run: just man, or .ci/package man docs/man"
        );
    }
}

#[test]
fn man_pages_and_completions_are_written_for_every_tool() {
    let dir = Dir::new();
    let to = |name: &str| dir.join(name).to_str().expect("text").to_owned();
    package(&["man", &to("man")]).succeeds().stderr_is("");
    assert_eq!(names_in(&dir.join("man")), named(|tool| format!("{tool}.1")));
    package(&["completions", &to("completions")]).succeeds().stderr_is("");
    assert_eq!(names_in(&dir.join("completions/bash")), named(str::to_owned));
    assert_eq!(names_in(&dir.join("completions/zsh")), named(|tool| format!("_{tool}")));
    assert_eq!(names_in(&dir.join("completions/fish")), named(|tool| format!("{tool}.fish")));
}

#[test]
fn an_installation_has_the_tools_their_pages_and_their_completions() {
    let dir = Dir::new();
    package(&["install", dir.join("usr").to_str().expect("text")]).succeeds().stderr_is("");
    let usr = dir.join("usr");
    assert_eq!(names_in(&usr.join("bin")), named(str::to_owned));
    let mode = std::fs::metadata(usr.join("bin/oci-pull")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    assert_eq!(names_in(&usr.join("share/man/man1")), named(|tool| format!("{tool}.1")));
    for (place, names) in [
        ("bash-completion/completions", named(str::to_owned)),
        ("zsh/site-functions", named(|tool| format!("_{tool}"))),
        ("fish/vendor_completions.d", named(|tool| format!("{tool}.fish"))),
    ] {
        assert_eq!(names_in(&usr.join("share").join(place)), names);
        for name in names {
            assert!(std::fs::metadata(usr.join("share").join(place).join(name)).expect("there").len() > 0);
        }
    }
    Command::new(usr.join("bin/oci")).args(["tag", "-V"]).succeeds().stdout_has("oci-tag ");
}

#[test]
fn a_release_is_one_archive_and_the_same_commit_gives_the_same_bytes() {
    let dir = Dir::new();
    for name in tools() {
        let script = dir.write(format!("bin/{name}"), "#!/bin/sh\necho \"$0\" \"$@\"\n");
        std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let release = |to: &str| {
        let to = dir.join(to).to_str().expect("text").to_owned();
        package(&["release", &to]).env("OCIUTILS_BIN", dir.join("bin")).succeeds();
        let archives = names_in(Path::new(&to));
        assert_eq!(archives.len(), 1, "{archives:?}");
        Path::new(&to).join(&archives[0])
    };
    let (first, second) = (release("first"), release("second"));
    assert!(dir.read(&first) == dir.read(&second), "two archives of one commit differ");
    let listed = Command::new("tar").arg("-tzf").arg(&first).succeeds();
    let top = first.file_name().and_then(|name| name.to_str()?.strip_suffix(".tar.gz")).expect("a tar.gz");
    for name in tools() {
        for file in [format!("bin/{name}"), format!("share/man/man1/{name}.1")] {
            assert!(listed.lines().contains(&&*format!("{top}/{file}")), "{file}: {listed}");
        }
    }
    for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(listed.lines().contains(&&*format!("{top}/{file}")), "{file}: {listed}");
    }
}

#[test]
fn without_a_verb_or_a_place_it_says_how_it_is_called() {
    for args in [&[][..], &["install"], &["nosuch", "x"]] {
        package(args).fails_with(2).stdout_is("").stderr_has(".ci/package install PREFIX");
    }
}
