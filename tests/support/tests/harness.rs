//! The harness itself: what it promises about a program's environment, standard input, terminal and end.
#![forbid(unsafe_code)]

use std::io::Write;

use test_support::{Command, Dir, TarBuilder, Terminal, peers_required, sha256_hex, skip, tool, workspace};

fn sh(script: &str) -> Command {
    Command::new("/bin/sh").args(["-c", script])
}

#[test]
fn a_command_sees_a_fresh_home_and_nothing_of_the_machine() {
    let dir = Dir::new();
    let script = r#"echo "$HOME $XDG_DATA_HOME ${OCI_LAYOUT-unset} ${CARGO-unset}""#;
    let home = dir.join("home");
    let expected = format!("{0} {0}/.local/share unset unset\n", home.display());
    dir.command("/bin/sh").args(["-c", script]).succeeds().stdout_only(expected);
}

#[test]
fn standard_input_is_null_bytes_a_file_closed_or_a_terminal() {
    let say = "readlink /proc/self/fd/0 || echo closed";
    sh("cat; readlink /proc/self/fd/0").succeeds().stdout_only("/dev/null\n");
    sh("cat").stdin("given").succeeds().stdout_only("given");
    let dir = Dir::new();
    dir.write("file", "from a file");
    dir.command("cat").stdin_file("file").succeeds().stdout_only("from a file");
    sh("[ -e /proc/$$/fd/0 ] || echo closed").stdin_closed().succeeds().stdout_only("closed\n");
    sh(say).stdin_terminal(&Terminal::open()).succeeds().stdout_has("/dev/pts/");
}

#[test]
fn an_end_by_status_and_by_signal_are_told_apart() {
    sh("echo no >&2; exit 3").fails_with(3).stderr_only("no\n");
    sh("kill -TERM $$").killed_by(15).no_output();
}

#[test]
fn a_failed_assertion_shows_all_channels() {
    let message = std::panic::catch_unwind(|| sh("echo out; echo err >&2; exit 4").succeeds()).err();
    let message = message.and_then(|m| m.downcast::<String>().ok()).expect("it panics with a text");
    for part in ["expected exit status 0", "exit status: 4", "out\n", "err\n"] {
        assert!(message.contains(part), "{part} is missing in:\n{message}");
    }
}

#[test]
fn a_terminal_takes_what_is_typed_and_keeps_what_is_written() {
    let mut terminal = Terminal::open();
    let running = sh("read name; echo hello $name; stty size; [ -t 2 ] && echo bar >&2")
        .stdin_terminal(&terminal)
        .stderr_terminal(&terminal)
        .spawn();
    terminal.type_text("you\n");
    running.wait().assert_code(0).stdout_only("hello you\n24 80\n");
    assert_eq!(terminal.screen(), "bar\n");
}

#[test]
fn a_running_program_is_fed_watched_and_signalled() {
    let mut running = sh("read line; echo got $line; cat").stdin_pipe().spawn();
    running.write("one\n");
    running.wait_for_stdout("got one");
    assert!(running.is_running());
    running.signal(15);
    running.wait().assert_signal(15).stdout_only("got one\n");
}

#[test]
fn the_tar_that_code_makes_is_one_that_tar_reads() {
    let long = format!("{}/file", "d".repeat(120));
    let tar = TarBuilder::new()
        .dir("/etc")
        .file("/etc/motd", "hi\n")
        .mode(0o4755)
        .owner(5_000_000, 1)
        .mtime(86_400)
        .symlink("bin", "usr/bin")
        .hard_link("etc/link", "/etc/motd")
        .fifo("pipe")
        .device("null", 1, 3)
        .whiteout("etc/gone")
        .opaque("etc")
        .file(&long, "")
        .xattr("user.note", "x");
    let expected = format!(
        "drwxr-xr-x 0/0               0 1970-01-01 00:00 etc/\n\
         -rwsr-xr-x 5000000/1         3 1970-01-02 00:00 etc/motd\n\
         lrwxrwxrwx 0/0               0 1970-01-01 00:00 bin -> usr/bin\n\
         hrw-r--r-- 0/0               0 1970-01-01 00:00 etc/link link to etc/motd\n\
         prw-r--r-- 0/0               0 1970-01-01 00:00 pipe\n\
         crw-rw-rw- 0/0             1,3 1970-01-01 00:00 null\n\
         -rw-r--r-- 0/0               0 1970-01-01 00:00 etc/.wh.gone\n\
         -rw-r--r-- 0/0               0 1970-01-01 00:00 etc/.wh..wh..opq\n\
         -rw-r--r-- 0/0               0 1970-01-01 00:00 {long}\n"
    );
    Command::new("tar")
        .args(["--numeric-owner", "-tvf", "-"])
        .stdin(tar.bytes())
        .succeeds()
        .stdout_only(expected);
}

#[test]
fn noise_depends_only_on_its_seed() {
    assert_eq!(sha256_hex(test_support::noise(7, 1000)), sha256_hex(test_support::noise(7, 1000)));
    assert_ne!(test_support::noise(7, 16), test_support::noise(8, 16));
}

/// Run by the next test in a process of its own, since it must not skip here.
#[test]
fn a_skip_for_the_next_test() {
    if std::env::var_os("SHOW_A_SKIP").is_some() {
        skip("a peer");
    }
}

#[test]
fn a_skip_is_visible_though_the_test_passes_and_fails_where_peers_are_required() {
    let this =
        || Command::new(std::env::current_exe().expect("a test has a path")).arg("a_skip_for_the_next_test");
    this().env("SHOW_A_SKIP", "1").succeeds().stderr_has("a_skip_for_the_next_test: skipped: needs a peer\n");
    this()
        .env("SHOW_A_SKIP", "1")
        .env("OCIUTILS_PEERS", "required")
        .fails_with(101)
        .stdout_has("needs a peer");
    assert_eq!(peers_required(), std::env::var("OCIUTILS_PEERS").is_ok_and(|v| v == "required"));
}

#[test]
fn a_tool_is_found_and_one_that_does_not_exist_is_named() {
    assert!(workspace().join("Cargo.lock").is_file());
    let message = std::panic::catch_unwind(|| tool("oci-nonsense")).expect_err("there is no such tool");
    let message = message.downcast::<String>().expect("a text");
    drop(std::io::stderr().flush());
    assert!(message.contains("oci-nonsense: no such tool"), "{message}");
}
