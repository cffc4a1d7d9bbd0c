//! Every form of standard input, for tools that take it for granted and for those that do not (docs/contract.md).

use crate::fixture;
use test_support::{Command, Dir, Terminal, tool};

/// Takes images for granted.
fn inspect(dir: &Dir) -> Command {
    dir.command(tool("oci-inspect")).args(["-L", "work"])
}

/// Reads them only where `-` is written.
fn tag(dir: &Dir) -> Command {
    dir.command(tool("oci-tag")).args(["-L", "work"])
}

const NO_IMAGE: &str = "no image on standard input; did the command before the pipe fail?\n";

#[test]
fn nothing_is_taken_for_granted_of_a_terminal_dev_null_or_a_closed_descriptor() {
    let (dir, _) = fixture::layout();
    let terminal = Terminal::open();
    for command in [inspect(&dir), inspect(&dir).stdin_closed(), inspect(&dir).stdin_terminal(&terminal)] {
        let outcome = command.fails_with(2).stdout_is("");
        assert!(outcome.stderr().starts_with("oci-inspect: no image; expected IMAGE, or -"), "{outcome}");
    }
}

/// Each tool that reads images, with what it needs besides, once as if an image had been named by `-`.
const TOOLS: [(&str, &[&str]); 10] = [
    ("oci-pull", &["-"]),
    ("oci-push", &["-"]),
    ("oci-inspect", &["-"]),
    ("oci-history", &["-"]),
    ("oci-export", &["-"]),
    ("oci-tag", &["-", "x"]),
    ("oci-config", &["-", "x", "-c", "USER 1"]),
    ("oci-index", &["x", "-"]),
    ("oci-rmi", &["-"]),
    ("oci-unpack", &["-", "bundle"]),
];
/// So many of them take it for granted.
const GRANTED: usize = 5;

#[test]
fn every_tool_says_the_same_of_an_empty_standard_input() {
    let (dir, _) = fixture::layout();
    let before = dir.read("work/index.json");
    for (at, (name, args)) in TOOLS.into_iter().enumerate() {
        let with = |args: &[&str]| dir.command(tool(name)).args(["-L", "work"]).args(args);
        let bare: Vec<&str> = args.iter().copied().filter(|arg| *arg != "-").collect();
        let no_image = format!("{name}: {NO_IMAGE}");
        for command in [with(args), with(args).stdin_closed(), with(args).stdin("")] {
            command.fails_with(3).stderr_only(&no_image);
        }
        let if_any = [&["--if-any"], args].concat();
        for command in [with(&if_any), with(&if_any).stdin_closed(), with(&if_any).stdin("")] {
            command.succeeds().no_output();
        }
        // nobody wrote -
        for command in [with(&bare), with(&bare).stdin_closed()] {
            command.fails_with(2).stdout_is("").stderr_has(format!("{name}: "));
        }
        match at < GRANTED {
            true => drop(with(&bare).stdin("").fails_with(3).stderr_only(&no_image)),
            false => drop(with(&bare).stdin("").fails_with(2).stdout_is("")),
        }
        assert_eq!(dir.read("work/index.json"), before, "{name}");
        assert!(!dir.join("bundle").exists(), "{name}");
    }
}

#[test]
fn a_pipe_and_a_file_are_taken_for_granted() {
    let (dir, [one, _]) = fixture::layout();
    let line = format!("oci:work:app:1@{one}\n");
    assert_eq!(inspect(&dir).stdin(&line).succeeds().lines().len(), 1);
    dir.write("lines", &line);
    assert_eq!(inspect(&dir).stdin_file("lines").succeeds().lines().len(), 1);
    let operand = inspect(&dir).arg("app:2").stdin("what is no line of images\n");
    assert_eq!(operand.succeeds().lines().len(), 1, "an operand is enough");
}

#[test]
fn no_line_at_all_is_not_found_unless_that_is_allowed() {
    let (dir, _) = fixture::layout();
    dir.write("empty", "");
    for empty in ["", "\n", "# a comment\n\n   \n"] {
        inspect(&dir).stdin(empty).fails_with(3).stderr_only(format!("oci-inspect: {NO_IMAGE}"));
        inspect(&dir).arg("-").stdin(empty).fails_with(3).stderr_only(format!("oci-inspect: {NO_IMAGE}"));
        tag(&dir).args(["-", "x"]).stdin(empty).fails_with(3).stderr_only(format!("oci-tag: {NO_IMAGE}"));
        inspect(&dir).arg("--if-any").stdin(empty).succeeds().no_output();
        tag(&dir).args(["--if-any", "-", "x"]).stdin(empty).succeeds().no_output();
    }
    inspect(&dir).stdin_file("empty").fails_with(3);
    inspect(&dir).arg("-").fails_with(3).stderr_only(format!("oci-inspect: {NO_IMAGE}"));
}

#[test]
fn an_unpinned_line_taken_for_granted_ends_it_and_what_came_before_stands() {
    let (dir, [one, two]) = fixture::layout();
    let lines = format!("oci:work:app:1@{one}\napp:2\noci:work@{two}\n");
    let outcome = inspect(&dir).stdin(&lines).fails_with(2);
    assert_eq!(outcome.lines().len(), 1, "{outcome}");
    assert_eq!(
        outcome.stderr(),
        "oci-inspect: standard input, line 2: \"app:2\": not pinned; expected NAME@DIGEST, or write -\n\
         hint: to read names from standard input: oci-inspect -\n"
    );
    assert_eq!(inspect(&dir).arg("-").stdin(&lines).succeeds().lines().len(), 3);
}

#[test]
fn what_is_no_line_of_images_ends_it() {
    let (dir, _) = fixture::layout();
    for (line, says) in [
        ("app:1@sha256:12", "line 1: app:1@sha256:12: digest"),
        ("{\"created\":null,\"empty_layer\":true}", "without \"ref\""),
        ("{\"ref\":", "not an image object"),
        ("oci:a@b:c", "may not hold '@'"),
        ("\u{1b}[31m@@", "@@: digest"),
    ] {
        let outcome = inspect(&dir).arg("-").stdin(line).fails_with(2).stdout_is("");
        assert!(outcome.stderr().contains(says), "{line}: {outcome}");
    }
    let outcome = inspect(&dir).stdin([0xff, 0xfe, b'\n']).fails_with(2);
    assert!(outcome.stderr().contains("line 1"), "{outcome}");
}

#[test]
fn objects_are_looked_up_in_their_layout_and_need_no_pin() {
    let (dir, [one, _]) = fixture::layout();
    fixture::image("3").write_layout(dir.join("other"), Some("docker.io/library/app:3"));
    let other = dir.join("other");
    let lines = format!(
        "{{\"ref\":\"app:3\",\"layout\":\"{}\"}}\n{{\"ref\":\"app:1@{one}\",\"unknown\":[1]}}\n",
        other.display()
    );
    let outcome = inspect(&dir).stdin(lines).succeeds().stderr_is("");
    assert!(
        outcome.lines()[0].contains(&format!("\"ref\":\"oci:{}:docker.io/library/app:3@", other.display())),
        "{outcome}"
    );
    assert!(outcome.lines()[1].contains("\"ref\":\"oci:work:docker.io/library/app:1@"), "{outcome}");
}

#[test]
fn standard_input_is_named_at_most_once() {
    let (dir, _) = fixture::layout();
    let outcome = inspect(&dir).args(["-", "-"]).stdin("app:1\n").fails_with(2).stdout_is("");
    assert!(outcome.stderr().contains("named twice"), "{outcome}");
    assert_eq!(inspect(&dir).args(["app:2", "-", "app:2"]).stdin("app:1\n").succeeds().lines().len(), 3);
}

#[test]
fn tools_that_do_not_take_it_for_granted_leave_it_alone() {
    let (dir, [one, _]) = fixture::layout();
    let line = format!("oci:work:app:1@{one}\n");
    tag(&dir).arg("new").stdin(&line).fails_with(2);
    dir.command(tool("oci-index")).args(["-L", "work", "new"]).stdin(&line).fails_with(2);
    dir.command(tool("oci-images")).args(["-L", "work"]).stdin("garbage").succeeds();
}

#[test]
fn blank_lines_comments_and_ends_of_lines_of_windows_are_passed_over() {
    let (dir, _) = fixture::layout();
    let outcome = inspect(&dir).arg("-").stdin("# mine\r\n\r\n  app:1\r\n\tapp:2").succeeds().stderr_is("");
    assert_eq!(outcome.lines().len(), 2);
}

#[test]
fn each_line_is_acted_on_as_it_comes() {
    let (dir, [one, _]) = fixture::layout();
    let mut running = inspect(&dir).stdin_pipe().spawn();
    running.write(format!("oci:work:app:1@{one}\n"));
    running.wait_for_stdout("app:1@");
    // an image that comes into the layout while it waits is found
    let three = fixture::image("3").write_layout(dir.join("work"), Some("docker.io/library/app:3")).digest;
    running.write(format!("oci:work:app:3@{three}\n"));
    running.wait_for_stdout("app:3@");
    running.wait().assert_code(0).stderr_is("");
}

#[test]
fn who_waits_for_lines_on_a_terminal_is_told() {
    let (dir, _) = fixture::layout();
    let terminal = Terminal::open();
    let running = inspect(&dir).stdin_pipe().stderr_terminal(&terminal).spawn();
    terminal.wait_for("on standard input\n");
    drop(running.wait());
    assert!(terminal.screen().starts_with("oci-inspect: waiting for images on standard input\n"));
}

#[test]
fn a_signal_ends_a_tool_that_waits() {
    let (dir, [one, _]) = fixture::layout();
    for signal in [2, 15] {
        let mut running = inspect(&dir).stdin_pipe().spawn();
        running.write(format!("oci:work:app:1@{one}\n"));
        running.wait_for_stdout("app:1@");
        running.signal(signal);
        running.wait().assert_signal(signal).stderr_is("");
    }
}

#[test]
fn json_that_is_not_an_object_a_line_is_answered_with_what_makes_it_one() {
    let (dir, _) = fixture::layout();
    for text in ["{\n  \"ref\": \"app:1\"\n}\n", "[{\"ref\":\"app:1\"}]\n", "[\n"] {
        inspect(&dir).arg("-").stdin(text).fails_with(2).stderr_has("jq -c");
    }
}
