//! Making and opening a layout, and what is said where there is none.

use crate::child;
use crate::fixture::{blob, collect_all, create, fill, image, name, open, pull, remove, resolve};
use image_format::{Class, Expected, Failure, MediaType, Origin, Sink, Source};
use ociutils_layout::{Layout, Options, Removal};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use test_support::{Dir, check_layout};

fn failure(path: &Path) -> Failure {
    let opened = Layout::open(path, Options::default()).and_then(|layout| layout.snapshot());
    Failure::from(opened.expect_err("it is no layout"))
}

#[test]
fn what_is_no_layout_is_refused_and_said_to_be_what_it_is() {
    const MARKER: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
    const INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;
    for (files, class, said) in [
        (vec![], Class::NotFound, "no image layout here"),
        (vec![("notes", "x")], Class::NotFound, "not an image layout"),
        (vec![("index.json", INDEX)], Class::NotFound, "none called oci-layout"),
        (vec![("oci-layout", MARKER)], Class::Integrity, "index.json: missing; a layout must have it"),
        (vec![("oci-layout", MARKER), ("index.json", "")], Class::Integrity, "not an image index: EOF"),
        (vec![("oci-layout", MARKER), ("index.json", "{")], Class::Integrity, "not an image index: EOF"),
        (vec![("oci-layout", MARKER), ("index.json", "[]")], Class::Integrity, "expected an image index"),
        (vec![("oci-layout", MARKER), ("index.json", "{}")], Class::Integrity, "no member called manifests"),
        (
            vec![("oci-layout", MARKER), ("index.json", r#"{"schemaVersion":1,"manifests":[]}"#)],
            Class::Integrity,
            "schemaVersion is not 2",
        ),
        (
            vec![("oci-layout", MARKER), ("index.json", "{\"manifests\":[\"\u{0}\"]}")],
            Class::Integrity,
            "control character",
        ),
        (
            vec![("oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#)],
            Class::Integrity,
            r#"version "2.0.0"; expected "1.0.0""#,
        ),
        (vec![("oci-layout", r#"{"imageLayoutVersion":1}"#)], Class::Integrity, "not a layout's marker"),
        (vec![("oci-layout", "")], Class::Integrity, "not a layout's marker"),
        (vec![("oci-layout", &" ".repeat(100_000))], Class::Integrity, "larger than 65536 bytes"),
    ] {
        let dir = Dir::new();
        for (file, content) in &files {
            dir.write(file, content);
        }
        let failure = failure(dir.path());
        let context = format!("{:?}: {failure}", files.iter().map(|(file, _)| file).collect::<Vec<_>>());
        assert_eq!(failure.class(), class, "{context}");
        assert!(failure.to_string().contains(said), "{context}; expected {said}");
        assert!(failure.to_string().contains(&*dir.path().to_string_lossy()), "{context}");
    }
}

#[test]
fn a_path_that_is_nothing_or_a_file_is_named() {
    let dir = Dir::new();
    let missing = failure(&dir.join("missing"));
    assert_eq!((missing.class(), missing.hint().is_some()), (Class::NotFound, true), "{missing}");
    let file = failure(&dir.write("file", "x"));
    assert_eq!(file.class(), Class::Failed);
    assert!(file.to_string().ends_with("file: not a directory"), "{file}");
    let file = Layout::create(&dir.join("file"), Options::default()).unwrap_err();
    assert_eq!(Failure::from(file).class(), Class::Failed);
}

#[test]
fn no_rows_may_be_written_as_null() {
    let dir = Dir::new();
    create(dir.path());
    dir.write("index.json", r#"{"schemaVersion":2,"manifests":null}"#);
    assert_eq!(open(dir.path()).snapshot().unwrap().rows().count(), 0);
    pull(&open(dir.path()), &image("a"), "a:1").unwrap();
    assert_eq!(check_layout(dir.path()).names(), ["docker.io/library/a:1"]);
}

#[test]
fn a_layout_is_not_made_where_something_else_lies() {
    let dir = Dir::new();
    dir.write("notes", "x");
    let refused = Layout::create(dir.path(), Options::default()).unwrap_err();
    assert_eq!(Failure::from(refused).class(), Class::Failed);
    assert_eq!(dir.list("."), ["notes"]);
}

#[test]
fn a_layout_that_was_half_made_is_finished() {
    for made in [vec![], vec!["index.json"], vec!["index.json", "index.json.lock"]] {
        let dir = Dir::new();
        for file in made {
            dir.write(file, r#"{"schemaVersion":2,"manifests":[]}"#);
        }
        create(dir.path());
        check_layout(dir.path());
    }
}

#[test]
fn a_new_layout_is_its_owners_and_its_files_go_by_the_umask() {
    const NAME: &str = "opening::a_new_layout_is_its_owners_and_its_files_go_by_the_umask";
    if child::arguments().is_some() {
        let layout = create(Path::new("a/b"));
        return pull(&layout, &image("a"), "a:1").unwrap();
    }
    for (umask, directory, file) in [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600), (0, 0o755, 0o644)] {
        let dir = Dir::new();
        let command = child::command(NAME, dir.path(), &[]);
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", &format!("umask {umask:o}; exec \"$0\" \"$@\"")]).arg(command.get_program());
        shell.args(command.get_args()).current_dir(dir.path()).env("OCIUTILS_TEST_CHILD", "");
        assert!(shell.output().unwrap().status.success());
        let mode = |path: &str| std::fs::metadata(dir.join(path)).unwrap().permissions().mode() & 0o777;
        let blob = dir.list("a/b/blobs/sha256").pop().unwrap();
        assert_eq!((mode("a"), mode("a/b")), (0o700, 0o700), "umask {umask:o}");
        assert_eq!((mode("a/b/blobs"), mode("a/b/.ociutils")), (directory, directory), "umask {umask:o}");
        for path in ["index.json", "oci-layout", "index.json.lock", &format!("blobs/sha256/{blob}")] {
            assert_eq!(mode(&format!("a/b/{path}")), file, "{path}, umask {umask:o}");
        }
    }
}

#[test]
fn thirty_two_processes_make_one_layout_at_once() {
    const NAME: &str = "opening::thirty_two_processes_make_one_layout_at_once";
    if let Some(arguments) = child::arguments() {
        let content = &arguments[0];
        return pull(&create(Path::new("made/here")), &image(content), &format!("app:{content}")).unwrap();
    }
    let dir = Dir::new();
    let numbers: Vec<String> = (0..32).map(|number| number.to_string()).collect();
    child::finish(numbers.iter().map(|number| child::start(NAME, dir.path(), &[number])).collect::<Vec<_>>());
    let report = check_layout(dir.join("made/here"));
    assert_eq!(report.names().len(), 32);
    assert!(report.unfinished.is_empty() && report.unreachable.is_empty(), "{report:?}");
}

#[test]
fn a_layout_that_nothing_came_into_goes_with_the_directories_made_for_it() {
    let dir = Dir::new();
    dir.make_dir("own");
    let there = image("a");
    let (digest, bytes) = there.blobs.iter().next().unwrap();
    for path in ["own", "a/b/c"] {
        drop(fill(&dir.join(path)));
        let layout = fill(&dir.join(path));
        let sink = layout.sink().unwrap();
        drop(sink.writer(Expected::Descriptor(blob(digest, bytes))).unwrap());
        let mut wrong = sink.writer(Expected::Descriptor(blob(digest, bytes))).unwrap();
        wrong.write_all(&vec![b'?'; bytes.len()]).unwrap();
        wrong.commit().unwrap_err();
        drop((layout, sink));
        assert_eq!((dir.list("."), dir.list("own")), (vec!["own".to_owned()], vec![]), "{path}");
    }
}

#[test]
fn a_layout_that_something_came_into_stays() {
    let dir = Dir::new();
    let there = image("a");
    let (digest, bytes) = there.blobs.iter().next().unwrap();
    let layout = fill(&dir.join("partial"));
    let mut writer = layout.sink().unwrap().writer(Expected::Descriptor(blob(digest, bytes))).unwrap();
    writer.write_all(&bytes[..10]).unwrap();
    drop((writer, layout));
    let again = fill(&dir.join("partial")).sink().unwrap();
    assert_eq!(again.writer(Expected::Descriptor(blob(digest, bytes))).unwrap().have(), 10);
    fill(&dir.join("nameless")).sink().unwrap().put(MediaType::OciConfig, b"{}").unwrap();
    let layout = fill(&dir.join("foreign"));
    dir.write("foreign/notes", "x");
    drop(layout);
    drop(fill(&dir.join("wanted")));
    drop((create(&dir.join("wanted")), fill(&dir.join("wanted"))));
    assert_eq!(dir.list("."), ["foreign", "nameless", "partial", "wanted"]);
    for path in dir.list(".") {
        check_layout(dir.join(&path));
        assert!(!dir.join(format!("{path}/.ociutils/made")).exists(), "{path}");
    }
}

#[test]
fn a_layout_stays_for_as_long_as_anybody_has_it_open_to_write() {
    let dir = Dir::new();
    let path = dir.join("a/b");
    let (first, second, third) = (fill(&path), fill(&path), fill(&path));
    drop(first);
    pull(&second, &image("a"), "a:1").unwrap();
    drop((second, third));
    assert_eq!(check_layout(&path).names(), ["docker.io/library/a:1"]);
    let path = dir.join("c/d");
    let (first, second) = (fill(&path), fill(&path));
    drop(first);
    assert!(path.exists());
    drop(second);
    assert_eq!(dir.list("."), ["a"]);
}

#[test]
fn a_layout_that_cannot_be_finished_goes_as_well() {
    let dir = Dir::new();
    dir.make_dir("a/oci-layout");
    Layout::create(&dir.join("a"), Options::default()).unwrap_err();
    assert_eq!(dir.list("a"), ["oci-layout"]);
}

#[test]
fn who_gives_a_new_layout_up_spoils_it_for_nobody() {
    const NAME: &str = "opening::who_gives_a_new_layout_up_spoils_it_for_nobody";
    if let Some(arguments) = child::arguments() {
        let layout = fill(Path::new("made/here"));
        if arguments[0] != "gives up" {
            pull(&layout, &image(&arguments[0]), &format!("app:{}", arguments[0])).unwrap();
        }
        return;
    }
    let dir = Dir::new();
    let numbers: Vec<String> = (0..8).map(|number| number.to_string()).collect();
    let start = |argument: &str| child::start(NAME, dir.path(), &[argument]);
    child::finish((0..16).map(|_| start("gives up")).collect::<Vec<_>>());
    assert_eq!(dir.list("."), [""; 0]);
    let both = numbers.iter().flat_map(|number| [start("gives up"), start(number), start("gives up")]);
    child::finish(both.collect::<Vec<_>>());
    let report = check_layout(dir.join("made/here"));
    assert_eq!(report.names().len(), 8);
    assert!(report.unfinished.is_empty() && report.unreachable.is_empty(), "{report:?}");
    assert_eq!(dir.list("made/here/.ociutils"), ["ingest", "leases"]);
}

#[test]
fn every_method_works_on_the_directory_that_was_opened_wherever_the_process_goes() {
    const NAME: &str =
        "opening::every_method_works_on_the_directory_that_was_opened_wherever_the_process_goes";
    if child::arguments().is_some() {
        let (layout, other) = (create(Path::new("work")), create(Path::new("other")));
        std::env::set_current_dir("elsewhere").unwrap();
        let (a, b) = (image("a"), image("b"));
        pull(&layout, &a, "a:1").unwrap();
        pull(&layout, &b, "b:1").unwrap();
        assert_eq!(resolve(&layout, "a:1").unwrap(), a.digest);
        assert_eq!(layout.blobs().unwrap().len(), 6);
        let descriptor = crate::fixture::descriptor(&a);
        assert_eq!(layout.size_of(&descriptor.digest).unwrap(), Some(descriptor.size));
        assert_eq!(layout.read_small(&descriptor.digest).unwrap(), a.blobs[&a.digest]);
        assert_eq!(layout.reachable(&descriptor).unwrap().blobs.len(), 3);
        assert!(layout.referrers(&descriptor.digest).unwrap().is_empty());
        let sink = other.sink().unwrap();
        for (digest, bytes) in &a.blobs {
            let blob = crate::fixture::blob(digest, bytes);
            let origin = layout.origin(&blob).unwrap();
            assert!(matches!(&origin, Origin::File(path) if path.is_absolute()), "{origin:?}");
            assert!(sink.adopt(&blob, &origin).unwrap());
        }
        sink.put(MediaType::OciConfig, b"{}").unwrap();
        sink.name(Some(&name("a:1")), &descriptor).unwrap();
        drop(sink);
        remove(&layout, &["b:1"], Removal::default()).unwrap();
        assert_eq!(collect_all(&other).len(), 1);
        return;
    }
    let dir = Dir::new();
    dir.make_dir("elsewhere");
    child::finish([child::start(NAME, dir.path(), &[])]);
    assert_eq!(dir.list("."), ["elsewhere", "other", "work"]);
    assert_eq!(dir.list("elsewhere"), [""; 0]);
    for layout in ["other", "work"] {
        let report = check_layout(dir.join(layout));
        assert_eq!((report.names(), report.blobs.len()), (vec!["docker.io/library/a:1"], 3), "{layout}");
    }
}

#[test]
fn a_layout_that_may_not_be_written_is_read_without_locks() {
    const NAME: &str = "opening::a_layout_that_may_not_be_written_is_read_without_locks";
    if child::arguments().is_some() {
        let layout = open(Path::new("work"));
        let image = image("a");
        assert_eq!(resolve(&layout, "a:1").unwrap(), image.digest);
        assert_eq!(resolve(&layout, &image.digest[7..20]).unwrap(), image.digest);
        assert_eq!(resolve(&layout, &format!("@{}", image.config_digest)).unwrap(), image.digest);
        assert_eq!(layout.reachable(&crate::fixture::descriptor(&image)).unwrap().blobs.len(), 3);
        let rehearsal = Removal { dry_run: true, ..Removal::default() };
        assert_eq!(remove(&layout, &["a:1"], rehearsal).unwrap().len(), 5);
        assert_eq!(crate::fixture::collect(&layout, std::time::Duration::ZERO, true).unwrap().len(), 0);
        for failure in [
            Failure::from(layout.sink().unwrap_err()),
            crate::fixture::tag(&layout, "a:1", "b:1").unwrap_err(),
            remove(&layout, &["a:1"], Removal::default()).unwrap_err(),
        ] {
            assert!(failure.to_string().ends_with("permission denied"), "{failure}");
        }
        return;
    }
    let dir = Dir::new();
    pull(&create(&dir.join("work")), &image("a"), "a:1").unwrap();
    std::fs::remove_file(dir.join("work/index.json.lock")).unwrap();
    std::fs::remove_dir_all(dir.join("work/.ociutils")).unwrap();
    for path in [dir.path().to_owned(), dir.join("work")] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o555)).unwrap();
    }
    let mut command = child::command(NAME, dir.path(), &[]);
    // root may write anywhere
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        use std::os::unix::process::CommandExt;
        // the test program itself may lie where only root looks
        let program = Dir::new();
        std::fs::copy(command.get_program(), program.join("test")).unwrap();
        std::fs::set_permissions(program.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let mut other = std::process::Command::new(program.join("test"));
        other.args(command.get_args()).current_dir(dir.path()).env("OCIUTILS_TEST_CHILD", "");
        assert!(other.uid(65534).gid(65534).output().unwrap().status.success());
    } else {
        assert!(command.output().unwrap().status.success());
    }
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(dir.join("work"), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(dir.list("work"), ["blobs", "index.json", "oci-layout"]);
}
