//! Every exit status, forced: a row for each way there.

use crate::fixture;
use std::fs::File;
use test_support::{Answer, Dir, FakeRegistry, check_layout, tool};

/// What the command's standard output is.
#[derive(PartialEq)]
enum Stdout {
    Pipe,
    Full,
}

/// Prepares a directory that holds `work`.
type Prepare = fn(&Dir);

/// Status, tool, arguments, what is there before, where standard output goes, what standard error has.
type Row = (i32, &'static str, &'static [&'static str], Prepare, Stdout, &'static str);

const ROWS: &[Row] = &[
    (0, "oci-images", &["-L", "work"], |_| {}, Stdout::Pipe, ""),
    (0, "oci-images", &["--version"], |_| {}, Stdout::Pipe, ""),
    (1, "oci-images", &["-L", "work"], |_| {}, Stdout::Full, "standard output: no space left on device"),
    (
        1,
        "oci-tag",
        &["-L", "files", "oci:work:app:1", "x"],
        |dir| drop(dir.write("files/a", "")),
        Stdout::Pipe,
        "files: not an image layout",
    ),
    (
        3,
        "oci-images",
        &["-L", "work"],
        |dir| drop(std::fs::remove_file(dir.join("work/oci-layout"))),
        Stdout::Pipe,
        "work: not an image layout: it has an index.json and blobs, but no oci-layout",
    ),
    (
        3,
        "oci-images",
        &["-L", "files"],
        |dir| drop(dir.write("files/a", "")),
        Stdout::Pipe,
        "files: not an image layout",
    ),
    (1, "oci-tag", &["-L", "work", "app:1", "x"], read_only, Stdout::Pipe, "work/"),
    (2, "oci-images", &["--nosuch"], |_| {}, Stdout::Pipe, "--nosuch: no such option"),
    (2, "oci-tag", &["-L", "work", "app:1"], |_| {}, Stdout::Pipe, "missing <NAME>"),
    (2, "oci-tag", &["-L", "work", "app:1", "UPPER"], |_| {}, Stdout::Pipe, "must be lower case"),
    (2, "oci-images", &["-L", "a:b"], |_| {}, Stdout::Pipe, "may not hold ':'"),
    (2, "oci-inspect", &["-L", "work", "@"], |_| {}, Stdout::Pipe, "expected @ALGORITHM:HEX"),
    (
        2,
        "oci-config",
        &["-L", "work", "app:1", "x", "-c", "RUN x"],
        |_| {},
        Stdout::Pipe,
        "cannot change a config",
    ),
    (3, "oci-images", &["-L", "nosuch"], |_| {}, Stdout::Pipe, "nosuch: no image layout here"),
    (3, "oci-inspect", &["-L", "work", "gone:1"], |_| {}, Stdout::Pipe, "gone:1: no such image"),
    (3, "oci-import", &["-L", "work", "gone.tar"], |_| {}, Stdout::Pipe, "gone.tar: no such file"),
    (3, "oci-inspect", &["-L", "work", "app:1"], lose_blobs, Stdout::Pipe, "lacks this blob"),
    (6, "oci-inspect", &["-L", "work", "app:1"], alter_blobs, Stdout::Pipe, "ended after 2 bytes; expected "),
    (
        6,
        "oci-images",
        &["-L", "work"],
        |dir| drop(dir.write("work/index.json", "{")),
        Stdout::Pipe,
        "work/index.json: ",
    ),
    (6, "oci-images", &["-L", "work"], other_version, Stdout::Pipe, "version \"2.0.0\""),
    (
        6,
        "oci-import",
        &["-L", "work", "no.tar"],
        |dir| drop(dir.write("no.tar", "hello")),
        Stdout::Pipe,
        "not a tar",
    ),
];

fn blobs(dir: &Dir) -> Vec<std::path::PathBuf> {
    dir.list("work/blobs/sha256").iter().map(|name| dir.join("work/blobs/sha256").join(name)).collect()
}

fn lose_blobs(dir: &Dir) {
    blobs(dir).iter().for_each(|path| std::fs::remove_file(path).expect("it is there"));
}

fn alter_blobs(dir: &Dir) {
    blobs(dir).iter().for_each(|path| std::fs::write(path, "{}").expect("it can be written"));
}

fn other_version(dir: &Dir) {
    dir.write("work/oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#);
}

/// Not by its mode: root may write everywhere.
fn read_only(dir: &Dir) {
    dir.make_dir("work/index.json.lock");
}

#[test]
fn every_status_has_its_ways() {
    for (status, name, args, prepare, stdout, says) in ROWS {
        let (dir, _) = fixture::layout();
        prepare(&dir);
        let mut command = dir.command(tool(name)).args(*args);
        if *stdout == Stdout::Full {
            command = command.stdout_to(File::options().write(true).open("/dev/full").expect("/dev/full"));
        }
        let outcome = command.run();
        assert_eq!(outcome.code(), Some(*status), "{name} {args:?}: {outcome}");
        if *status == 0 {
            assert_eq!(outcome.stderr(), "", "{outcome}");
            continue;
        }
        let first = outcome.stderr().lines().next().unwrap_or_default();
        assert!(
            first.starts_with(&format!("{name}: ")) && first.contains(says),
            "{name} {args:?}: {outcome}"
        );
        assert!(!first.ends_with('.'), "no full stop: {outcome}");
        assert!(outcome.stderr().lines().skip(1).all(|line| line.starts_with("hint: ")), "{outcome}");
        assert_eq!(outcome.stdout(), "", "{outcome}");
    }
}

#[test]
fn the_first_failure_of_several_decides() {
    let (dir, _) = fixture::layout();
    let path = dir.join("work/blobs/sha256");
    let inspect = |images: &[&str]| dir.command(tool("oci-inspect")).args(["-L", "work"]).args(images).run();
    assert_eq!(inspect(&["app:1", "gone", "app:2"]).code(), Some(3));
    let (broken, _) = (fixture::image("1").build(), path);
    std::fs::write(dir.join("work/blobs").join(broken.digest.replace(':', "/")), "{}")
        .expect("it can be written");
    let outcome = inspect(&["gone", "app:1", "app:2"]);
    assert_eq!((outcome.code(), outcome.lines().len()), (Some(3), 1), "{outcome}");
    let outcome = inspect(&["app:1", "gone", "app:2"]);
    assert_eq!((outcome.code(), outcome.lines().len()), (Some(6), 1), "{outcome}");
}

#[test]
fn registries_and_what_is_in_use_or_has_moved_on_have_theirs() {
    let (dir, [one, _]) = fixture::layout();
    let closed = FakeRegistry::with(|asked| (asked.path() != "/v2/").then(|| Answer::new(401)));
    let gone = FakeRegistry::new().name("app:1");
    let (app, moved) = (closed.name("app:1"), format!("app:2@{one}"));
    dir.command(tool("oci-tag")).args(["-L", "work", "app:1", "twice:1"]).succeeds();
    let in_use = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = in_use.local_addr().expect("an address").port().to_string();
    let rows: [(i32, &str, &[&str], &str); 7] = [
        (4, "oci-pull", &[&app], "access refused"),
        (4, "oci-push", &["app:1", "--to", &app], "access refused"),
        (5, "oci-pull", &[&gone], "cannot reach "),
        (5, "oci-push", &["app:1", "--to", &gone], "cannot reach "),
        (7, "oci-rmi", &[&moved], "points elsewhere now"),
        (7, "oci-rmi", &[&one[7..19]], "has several names"),
        (7, "oci-serve", &["--port", &port], "address already in use"),
    ];
    let before = dir.read("work/index.json");
    for (status, name, args, says) in rows {
        let outcome =
            dir.command(tool(name)).args(["-L", "work"]).args(args).fails_with(status).stdout_is("");
        let first = outcome.stderr().lines().next().unwrap_or_default();
        assert!(first.starts_with(&format!("{name}: ")) && first.contains(says), "{outcome}");
        check_layout(dir.join("work"));
        assert_eq!(dir.read("work/index.json"), before, "{outcome}");
    }
}
