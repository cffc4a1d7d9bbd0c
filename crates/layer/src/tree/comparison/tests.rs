use super::*;
use crate::PackageManager;
use crate::tree::fixture::{Heard, store};
use image_format::{Class, DiffId, Digest, Layer, MediaType, MemoryStore, Stack};
use proptest::prelude::*;
use test_support::TarBuilder;

fn tar() -> TarBuilder {
    TarBuilder::new()
}

fn stack<'a>(store: &'a MemoryStore, layers: &[Layer]) -> Stack<'a> {
    Stack::hold(store, layers.to_vec()).unwrap()
}

fn contents(tars: &[TarBuilder]) -> Contents {
    let (store, layers) = store(tars);
    let mut contents = Contents::default();
    contents.add(&store, &layers, &Heard::default()).unwrap();
    contents
}

fn lines(comparison: Comparison<'_>) -> Vec<String> {
    let mark = |found: &FileDifference| match (&found.before, &found.after) {
        (None, _) => "+".to_owned(),
        (_, None) => "-".to_owned(),
        _ => format!("{:?}", found.what),
    };
    comparison.map(|found| format!("{} {}", found.path, mark(&found))).collect()
}

fn differences(before: TarBuilder, after: TarBuilder) -> Vec<String> {
    lines(contents(&[before]).compare(&contents(&[after]), false))
}

#[test]
fn every_aspect_is_told_from_the_others() {
    let before = tar()
        .file("content", "a")
        .file("length", "a")
        .file("same", "a")
        .symlink("link", "a")
        .device("null", 1, 3)
        .file("mode", "a")
        .file("owner", "a")
        .file("xattr", "a")
        .symlink("type", "a")
        .fifo("pipe");
    let after = tar()
        .file("content", "b")
        .file("length", "ab")
        .file("same", "a")
        .mtime(7)
        .symlink("link", "b")
        .device("null", 1, 5)
        .file("mode", "a")
        .mode(0o4755)
        .file("owner", "a")
        .owner(0, 5)
        .file("xattr", "a")
        .xattr("user.x", "1")
        .file("type", "a")
        .fifo("pipe");
    let expected = [
        "/content [Content]",
        "/length [Content]",
        "/link [Target]",
        "/mode [Mode]",
        "/null [Device]",
        "/owner [Owner]",
        "/type [Type]",
        "/xattr [Xattrs]",
    ];
    assert_eq!(differences(before.clone(), after.clone()), expected);
    let (before, after) = (contents(&[before]), contents(&[after]));
    assert!(lines(before.compare(&after, true)).contains(&"/same [Time]".to_owned()));
    assert!(lines(before.compare(&before, true)).is_empty());
}

#[test]
fn names_come_as_in_a_tree_and_a_directory_before_what_is_in_it() {
    let before = tar().file("a.b", "").dir("gone").file("gone/x", "").file("kind", "");
    let after = tar().file("a/new", "").file("a.b", "").file("kind/below", "");
    assert_eq!(
        differences(before, after),
        ["/a +", "/a/new +", "/gone -", "/gone/x -", "/kind [Type]", "/kind/below +"]
    );
}

#[test]
fn a_directory_that_no_layer_describes_is_as_one_of_the_usual_mode() {
    assert!(differences(tar().file("d/a", ""), tar().dir("d").mode(0o755).file("d/a", "")).is_empty());
    assert_eq!(differences(tar().file("d/a", ""), tar().dir("d").mode(0o700).file("d/a", "")), ["/d [Mode]"]);
    assert_eq!(differences(tar(), tar().dir("./").mode(0o700)), ["/ [Mode]"]);
}

#[test]
fn a_file_of_several_names_is_compared_under_each_and_its_bytes_are_counted_once() {
    let before = contents(&[tar().file("a", "old").hard_link("b", "a").file("c", "new")]);
    let after = contents(&[tar().file("a", "new").hard_link("b", "a").hard_link("c", "a")]);
    let found: Vec<_> = before.compare(&after, false).collect();
    let bytes = |found: &FileDifference| {
        (
            found.path.to_string(),
            found.before.as_ref().unwrap().bytes(),
            found.after.as_ref().unwrap().bytes(),
        )
    };
    assert_eq!(
        found.iter().map(bytes).collect::<Vec<_>>(),
        [("/a".to_owned(), 3, 3), ("/b".to_owned(), 0, 0)]
    );
}

#[test]
fn what_both_images_begin_with_is_read_once_and_what_is_above_it_tells_them_apart() {
    let base = tar().file("kept", "1").file("gone", "1").file("back", "1");
    let (store, layers) = store(&[
        base,
        tar().whiteout("gone").file("back", "2"),
        tar().file("back", "1").file("kept", "1"),
        tar().file("other", "1"),
    ]);
    let before = [layers[0].clone(), layers[1].clone(), layers[2].clone()];
    let after = [layers[0].clone(), layers[3].clone()];
    let heard = Heard::default();
    let (old, new) = Contents::of_both(&stack(&store, &before), &stack(&store, &after), &heard).unwrap();
    assert_eq!(lines(old.compare(&new, false)), ["/gone +", "/other +"]);
    let (old, new) = Contents::of_both(&stack(&store, &before), &stack(&store, &before), &heard).unwrap();
    assert!(lines(old.compare(&new, true)).is_empty());
}

#[test]
fn an_image_that_cannot_be_read_is_named_whichever_it_is() {
    let (store, layers) = store(&[tar().file("a", "1"), tar().file("b", "1")]);
    let broken = Layer { diff_id: DiffId::new(Digest::sha256(b"another")), ..layers[1].clone() };
    let (good, bad) = (&layers[..1], &[broken][..]);
    for (before, after) in [(good, bad), (bad, good)] {
        let error =
            Contents::of_both(&stack(&store, before), &stack(&store, after), &Heard::default()).unwrap_err();
        assert_eq!(error.class(), Class::Integrity);
        assert!(error.to_string().contains("the config says"), "{error}");
    }
}

const STATUS: &str = "Package: curl\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n";

fn packages(tars: &[TarBuilder]) -> Vec<String> {
    let mut names: Vec<String> = contents(tars).packages().into_iter().map(|package| package.name).collect();
    names.sort();
    names
}

#[test]
fn packages_are_those_of_the_databases_that_the_tree_shows() {
    let status = |name: &str| STATUS.replace("curl", name);
    assert_eq!(packages(&[tar().file("var/lib/dpkg/status", STATUS)]), ["curl"]);
    assert_eq!(
        packages(&[
            tar().file("var/lib/dpkg/status", STATUS).file("lib/apk/db/installed", "P:musl\nV:1\n"),
            tar().file("var/lib/dpkg/status", status("wget")).whiteout("lib/apk/db/installed"),
        ]),
        ["wget"]
    );
    assert!(packages(&[tar().file("var/lib/dpkg/status", STATUS), tar().opaque("var/lib")]).is_empty());
    assert!(packages(&[tar().file("backup/var/lib/dpkg/status", STATUS)]).is_empty());
    let elsewhere = tar().symlink("var/lib/dpkg", "../../usr/lib/db").file("usr/lib/db/status", STATUS);
    assert_eq!(packages(&[elsewhere]), ["curl"], "behind a link to a directory");
    let linked = tar().symlink("var/lib/dpkg/status", "/usr/lib/status").file("usr/lib/status", STATUS);
    assert_eq!(packages(&[linked]), ["curl"], "behind a link to a file");
    assert_eq!(
        packages(&[tar()
            .file("var/lib/dpkg/status.d/base", status("base-files"))
            .file("var/lib/dpkg/status.d/tz", status("tzdata"))
            .file("var/lib/dpkg/status.d/tz.md5sums", status("none"))]),
        ["base-files", "tzdata"]
    );
    let merged = tar().symlink("lib", "usr/lib").file("lib/apk/db/installed", "P:musl\nV:1\n");
    assert_eq!(packages(&[merged]), ["musl"], "one database, although two names lead to it");
}

#[test]
fn a_database_that_holds_too_much_is_left_out_and_that_is_said_once() {
    let (store, layers) = store(&[tar()
        .file("var/lib/dpkg/status.d/a", "Package: a\nVersion: 1\n\n".repeat(70_000))
        .file("var/lib/dpkg/status.d/b", "Package: a\nVersion: 1\n\n".repeat(70_000))
        .file("var/lib/dpkg/status.d/c", STATUS)]);
    let (mut contents, heard) = (Contents::default(), Heard::default());
    contents.add(&store, &layers, &heard).unwrap();
    assert_eq!(contents.packages().len(), 1);
    assert_eq!(contents.packages()[0].manager, PackageManager::Dpkg);
    let notes = heard.notes.into_inner().unwrap();
    let [note] = &notes[..] else { panic!("{notes:?}") };
    assert!(note.starts_with("/var/lib/dpkg/status.d/a: its packages are left out: more than"));
}

#[test]
fn names_that_are_no_text_are_whole_in_the_object() {
    let bytes = tar().file("bad\u{fffd}", "x").bytes();
    let at = bytes.windows(3).position(|three| three == "\u{fffd}".as_bytes()).unwrap();
    let mut renamed = bytes.clone();
    renamed[at..at + 3].copy_from_slice(b"\xff\xfe\xfd");
    let sum: u32 = renamed[..512]
        .iter()
        .enumerate()
        .map(|(n, b)| if (148..156).contains(&n) { 32 } else { u32::from(*b) })
        .sum();
    renamed[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let store = MemoryStore::new();
    let diff_id = DiffId::new(Digest::sha256(&renamed));
    let layer = Layer { descriptor: store.put(MediaType::OciLayer, renamed), diff_id };
    let mut contents = Contents::default();
    contents.add(&store, &[layer], &Heard::default()).unwrap();
    let nothing = Contents::default();
    let found = nothing.compare(&contents, false).next().unwrap();
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["path"], "/bad\u{fffd}\u{fffd}\u{fffd}");
    assert_eq!(json["path_base64"], "L2JhZP/+/Q==");
    assert_eq!(json["after"]["size"], 1);
    assert_eq!(json["after"]["mode"], "0644");
}

fn entry() -> impl Strategy<Value = (usize, usize, usize)> {
    (0..6usize, 0..6usize, 0..5usize)
}

/// One of a few files, directories and whiteouts, in each other's way.
fn build(entries: &[(usize, usize, usize)]) -> TarBuilder {
    let names = ["a", "b", "a/x", "a/y", "b/x", "b/x/z"];
    entries.iter().fold(tar(), |tar, (name, content, kind)| {
        let name = names[*name];
        match kind {
            0 | 1 => tar.file(name, "x".repeat(*content)),
            2 => tar.dir(name),
            3 => tar.symlink(name, names[*content]),
            _ => match name.rsplit_once('/') {
                Some((parent, name)) => tar.whiteout(&format!("{parent}/{name}")),
                None => tar.whiteout(name),
            },
        }
    })
}

proptest! {
    #[test]
    fn a_tree_compared_both_ways_differs_in_the_same_names_and_not_from_itself(
        base in prop::collection::vec(entry(), 0..8),
        one in prop::collection::vec(entry(), 0..8),
        other in prop::collection::vec(entry(), 0..8),
    ) {
        let (store, layers) = store(&[build(&base), build(&one), build(&other)]);
        let heard = Heard::default();
        let (before, after) = ([layers[0].clone(), layers[1].clone()], [layers[0].clone(), layers[2].clone()]);
        let Ok((old, new)) = Contents::of_both(&stack(&store, &before), &stack(&store, &after), &heard) else { return Ok(()) };
        let there: Vec<_> = old.compare(&new, true).map(|found| (found.path, found.before, found.after)).collect();
        let back: Vec<_> = new.compare(&old, true).map(|found| (found.path, found.after, found.before)).collect();
        prop_assert_eq!(&there, &back);
        let mut again = Contents::default();
        again.add(&store, &before, &heard).unwrap();
        prop_assert!(again.compare(&old, true).next().is_none());
        prop_assert!(there.windows(2).all(|pair| pair[0].0 != pair[1].0));
    }
}
