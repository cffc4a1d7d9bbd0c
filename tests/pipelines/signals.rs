//! SIGINT and SIGTERM come while a tool waits for the index, or when it has edited it.

use crate::fixture;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use test_support::{Dir, TarBuilder, check_layout, tool};

/// `work`, whose `index.json.lock` is held for as long as the file lives.
fn locked() -> (Dir, File) {
    let (dir, _) = fixture::layout();
    fixture::image("garbage").write_layout(dir.join("work"), None);
    dir.command(tool("oci-tag")).args(["-L", "work", "app:1", "twice"]).succeeds();
    let nameless = fixture::image("garbage").build().digest;
    dir.command(tool("oci-rmi")).args(["-L", "work", "--no-prune", &format!("@{nameless}")]).succeeds();
    let lock = File::create(dir.join("work/index.json.lock")).expect("the lock can be made");
    lock.lock().expect("nobody else has it");
    (dir, lock)
}

#[test]
fn who_waits_for_the_index_ends_by_the_signal_and_changes_nothing() {
    let tar = TarBuilder::new().file("etc/motd", "new").bytes();
    for (name, args, stdin) in [
        ("oci-tag", &["app:1", "new:1"][..], &b""[..]),
        ("oci-rmi", &["app:1", "app:2"], b""),
        ("oci-config", &["app:1", "new:1", "-c", "USER 1"], b""),
        ("oci-index", &["new:1", "app:1"], b""),
        ("oci-import", &["--name", "new:1"], &tar),
        ("oci-gc", &["--grace", "0s"], b""),
    ] {
        for signal in [2, 15] {
            let (dir, lock) = locked();
            let before = (dir.read("work/index.json"), dir.list("work/blobs/sha256"));
            let command = dir.command("env").arg("--default-signal=INT").arg(tool(name));
            let mut running = command.args(["-L", "work"]).args(args).stdin(stdin).spawn();
            running.wait_until_it_waits_for_a_lock();
            running.signal(signal);
            running.wait().assert_signal(signal).no_output();
            drop(lock);
            assert_eq!((dir.read("work/index.json"), dir.list("work/blobs/sha256")), before, "{name}");
            check_layout(dir.join("work"));
        }
    }
}

#[test]
fn what_the_index_has_is_printed_and_the_tool_has_done_it() {
    for name in ["oci-import", "oci-tag"] {
        let (dir, lock) = locked();
        drop(lock);
        let (mut reader, writer) = full_pipe();
        let args: &[&str] = if name == "oci-tag" { &["app:1", "new:1"] } else { &["--name", "new:1"] };
        let tar = TarBuilder::new().file("etc/motd", "new").bytes();
        let command = dir.command(tool(name)).args(["-L", "work"]).args(args).stdin(tar);
        let mut running = command.stdout_to(writer).spawn();
        while !dir.read_text("work/index.json").contains("docker.io/library/new:1") {
            assert!(running.is_running(), "{name}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        running.signal(15);
        let mut printed = String::new();
        reader.read_to_string(&mut printed).expect("text");
        running.wait().assert_code(0).stderr_is("");
        check_layout(dir.join("work"));
        assert!(printed.trim_start_matches('.').starts_with("oci:work:docker.io/library/new:1@"), "{name}");
    }
}

/// A pipe that takes nothing more until it is read.
fn full_pipe() -> (File, File) {
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
    rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a pipe can be without waiting");
    let mut file = File::from(writer);
    while file.write(&[b'.'; 4096]).is_ok() {}
    while file.write(b".").is_ok() {}
    assert_eq!(rustix::io::write(&file, b"."), Err(Errno::AGAIN));
    rustix::fs::fcntl_setfl(&file, OFlags::empty()).expect("and with it");
    (reader.into(), file)
}
