//! What did not exist before a tool failed does not exist afterwards.

use crate::fixture;
use test_support::{Answer, Dir, FakeRegistry, Image, Outcome, TarBuilder, check_layout, noise, tool};

/// Runs a tool that fails; where its layout would be there is nothing.
#[track_caller]
fn fails_and_makes_nothing(dir: &Dir, name: &str, args: &[&str], stdin: &[u8], code: i32) -> Outcome {
    let command = dir.command(tool(name)).args(["-L", "new/layout"]).args(args).stdin(stdin);
    let outcome = command.fails_with(code).stdout_is("");
    assert!(!dir.join("new").exists(), "{outcome}");
    outcome
}

#[test]
fn a_failure_leaves_no_layout_behind_that_was_not_there() {
    let (dir, _) = fixture::layout();
    let image = Image::new().layer(TarBuilder::new().noise_file("n", 100_000)).build();
    let registry = FakeRegistry::with(|asked| {
        let altered = asked.is("GET", "/blobs/").then(|| Answer::new(200).body(noise(100_000, 1)));
        altered.filter(|_| asked.path().contains("/altered/"))
    });
    registry.hold("altered", "1", &image);
    let name = |text: &str| registry.name(text);
    let source = |text: &str| format!("docker://{}", registry.name(text));
    let tar = TarBuilder::new().noise_file("n", 3_000_000).bytes();
    for (tool, args, stdin, code) in [
        ("oci-pull", vec![name("gone:1")], &b""[..], 3),
        ("oci-pull", vec![name("altered:1")], b"", 6),
        ("oci-copy", vec![source("gone:1"), "x".to_owned()], b"", 3),
        ("oci-copy", vec![source("altered:1"), "x".to_owned()], b"", 6),
        ("oci-copy", vec!["oci:work:gone".to_owned(), "x".to_owned()], b"", 3),
        ("oci-import", vec![], b"no tar", 6),
        ("oci-import", vec![], &tar[..2_000_000], 6),
        ("oci-import", vec!["gone.tar".to_owned()], b"", 3),
        ("oci-import", vec!["--onto".to_owned(), "gone".to_owned()], &tar, 3),
        ("oci-tag", vec!["gone".to_owned(), "x".to_owned()], b"", 3),
        ("oci-tag", vec!["oci:work:gone".to_owned(), "x".to_owned()], b"", 3),
        ("oci-config", vec!["gone".to_owned(), "x".to_owned(), "-c".to_owned(), "USER 1".to_owned()], b"", 3),
        ("oci-index", vec!["x".to_owned(), "gone".to_owned()], b"", 3),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        fails_and_makes_nothing(&dir, tool, &args, stdin, code);
    }
    let down = registry.name("altered:1");
    drop(registry);
    fails_and_makes_nothing(&dir, "oci-pull", &[&down], b"", 5);
}

#[test]
fn an_import_that_is_interrupted_leaves_no_layout_behind() {
    const SIGTERM: i32 = 15;
    let dir = Dir::new();
    let command = dir.command(tool("oci-import")).args(["-L", "new/layout"]).stdin_pipe();
    let mut running = command.spawn();
    running.write(&TarBuilder::new().noise_file("n", 3_000_000).bytes()[..2_000_000]);
    assert!(dir.join("new/layout").exists(), "what a pipe does not hold has been taken");
    running.signal(SIGTERM);
    running.close_stdin();
    running.wait().assert_signal(SIGTERM);
    assert!(!dir.join("new").exists());
}

#[test]
fn what_a_pull_has_got_of_a_blob_stays() {
    let dir = Dir::new();
    let image = Image::new().layer(TarBuilder::new().noise_file("n", 500_000)).build();
    let registry = FakeRegistry::with(|asked| {
        let cut = Answer::as_usual_for("GET", asked.path()).cut_after(100_000);
        asked.is("GET", "/blobs/").then(|| if asked.nth == 0 { cut } else { Answer::new(404) })
    });
    registry.hold("app", "1", &image);
    let pull =
        dir.command(tool("oci-pull")).args(["-L", "new/layout", "-j", "1"]).arg(registry.name("app:1"));
    pull.fails_with(3).stdout_is("");
    assert_eq!(check_layout(dir.join("new/layout")).unfinished.len(), 1);
}
