use super::*;
use crate::tree::Note;
use crate::tree::fixture::{Heard, is_root, privilege, store};
use image_format::{Class, DiffId, Digest, MemoryStore};
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;
use test_support::{TarBuilder, gzip, tree_lines};

/// A directory in one of its own, so that what is put beside it is seen.
fn applied(tars: &[TarBuilder]) -> (TempDir, Result<u64, Failure>, Vec<String>) {
    applied_as(tars, privilege())
}

fn applied_as(tars: &[TarBuilder], privilege: Privilege) -> (TempDir, Result<u64, Failure>, Vec<String>) {
    let outer = tempfile::tempdir().unwrap();
    std::fs::create_dir(outer.path().join("root")).unwrap();
    std::fs::write(outer.path().join("secret"), "secret\n").unwrap();
    let (store, layers) = store(tars);
    let heard = Heard::default();
    let result = apply(&store, &layers, &outer.path().join("root"), privilege, &Indexes::none(), &heard);
    assert_eq!(std::fs::read(outer.path().join("secret")).unwrap(), b"secret\n");
    assert_eq!(std::fs::read_dir(outer.path()).unwrap().count(), 2, "something was put outside");
    (outer, result, heard.notes.into_inner().unwrap())
}

/// The lines of the tree, without that of the root; owners, times and modes left out.
fn shape(outer: &TempDir) -> Vec<String> {
    let lines = tree_lines(outer.path().join("root"));
    let short = |line: &String| {
        let words: Vec<&str> = line.split(' ').collect();
        format!("{} {}", words[0].trim_matches('"'), words[4..].join(" "))
    };
    lines.iter().skip(1).map(short).collect()
}

fn tree(tars: &[TarBuilder]) -> Vec<String> {
    let (outer, result, _) = applied(tars);
    result.unwrap();
    shape(&outer).iter().map(|line| line.split(" file ").next().unwrap().to_owned()).collect()
}

fn refusal(tars: &[TarBuilder]) -> String {
    let failure = applied(tars).1.unwrap_err();
    assert_eq!(failure.class(), Class::Integrity, "{failure}");
    let text = failure.to_string();
    text.split_once(": ").unwrap().1.to_owned()
}

fn tar() -> TarBuilder {
    TarBuilder::new()
}

fn base() -> TarBuilder {
    tar().dir("d").file("d/a", "a").file("d/b", "b").file("top", "t")
}

#[test]
fn everything_that_goes_with_a_file_arrives() {
    let bits = tar()
        .dir("d")
        .mode(0o1777)
        .mtime(1)
        .file("d/f", "x")
        .mode(0o4755)
        .mtime(1_234_567_890)
        .xattr("user.note", "one\ntwo\0")
        .symlink("d/s", "/nowhere")
        .mtime(5)
        .fifo("d/p")
        .mode(0o604)
        .mtime(6)
        .hard_link("d/h", "d/f")
        .file("d/deep/er/g", "y");
    let (outer, result, _) = applied(&[bits]);
    assert_eq!(result.unwrap(), 12 * 512);
    let lines = tree_lines(outer.path().join("root"));
    let own = if is_root() {
        "0:0".to_owned()
    } else {
        format!("{}:{}", rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
    };
    let expected = [
        format!("\"d\" 1777 {own} 1.000000000 dir"),
        format!("\"d/deep\" 0755 {own} 0.000000000 dir"),
        format!("\"d/deep/er\" 0755 {own} 0.000000000 dir"),
        format!("\"d/deep/er/g\" 0644 {own} 0.000000000 file 1 a1fce4363854"),
        format!(
            "\"d/f\" 4755 {own} 1234567890.000000000 file 1 2d711642b726 =\"d/f\" user.note=\"one\\\\ntwo\\\\x00\""
        ),
        format!(
            "\"d/h\" 4755 {own} 1234567890.000000000 file 1 2d711642b726 =\"d/f\" user.note=\"one\\\\ntwo\\\\x00\""
        ),
        format!("\"d/p\" 0604 {own} 6.000000000 fifo"),
        format!("\"d/s\" 0777 {own} 5.000000000 symlink \"/nowhere\""),
    ];
    assert_eq!(lines[1..], expected);
}

#[test]
fn owners_and_devices_are_made_by_root_and_recorded_or_left_out_otherwise() {
    let tars = [tar()
        .file("f", "x")
        .owner(1000, 100)
        .device("null", 1, 3)
        .dir("d")
        .owner(7, 8)
        .device("zero", 1, 5)];
    if is_root() {
        let (outer, result, notes) = applied_as(&tars, Privilege::Root);
        result.unwrap();
        let lines = tree_lines(outer.path().join("root"));
        assert!(
            lines[1].starts_with("\"d\" 0755 7:8 ") && lines[2].starts_with("\"f\" 0644 1000:100 "),
            "{lines:?}"
        );
        assert!(lines[3].ends_with("char 1:3"), "{lines:?}");
        assert!(notes.is_empty(), "{notes:?}");
    }
    let (outer, result, notes) = applied_as(&tars, Privilege::Rootless);
    result.unwrap();
    let lines = tree_lines(outer.path().join("root"));
    assert!(lines[2].ends_with(r#" user.rootlesscontainers="\\x08\\xe8\\x07\\x10d""#), "{lines:?}");
    assert_eq!(lines.len(), 3);
    let path = |name: &[u8]| TreePath::of(name);
    let expected = [Note::Owner(path(b"f")), Note::Device(path(b"null"))];
    assert_eq!(notes, expected.map(|note| note.to_string()));
}

#[test]
fn a_whiteout_hides_what_lies_below_and_never_what_its_own_layer_adds() {
    assert_eq!(tree(&[base(), tar().whiteout("d/a")]), ["d dir", "d/b", "top"]);
    assert_eq!(tree(&[base(), tar().whiteout("d")]), ["top"]);
    assert_eq!(tree(&[base(), tar().whiteout("d/a").file("d/a", "2")]), ["d dir", "d/a", "d/b", "top"]);
    assert_eq!(tree(&[base(), tar().file("d/a", "2").whiteout("d/a")]), ["d dir", "d/a", "d/b", "top"]);
    assert_eq!(tree(&[base(), tar().file("d/new", "2").whiteout("d")]), ["d dir", "d/new", "top"]);
    assert_eq!(
        tree(&[base(), tar().file("d/new", "2").whiteout("d"), tar().whiteout("d/new")]),
        ["d dir", "top"]
    );
    assert_eq!(tree(&[tar().whiteout("x").file("nowhere/.wh.y", "").file("f", "")]), ["f"]);
}

#[test]
fn an_opaque_directory_hides_all_that_lies_below_wherever_its_mark_stands() {
    assert_eq!(tree(&[base(), tar().opaque("d").file("d/new", "")]), ["d dir", "d/new", "top"]);
    assert_eq!(tree(&[base(), tar().dir("d").file("d/new", "").opaque("d")]), ["d dir", "d/new", "top"]);
    assert_eq!(tree(&[base(), tar().file(".wh..wh..opq", "").file("new", "")]), ["new"]);
    assert_eq!(tree(&[base(), tar().opaque("top").opaque("nowhere")]), ["d dir", "d/a", "d/b", "top"]);
}

#[test]
fn reserved_names_of_aufs_mean_nothing_and_malformed_marks_are_refused() {
    let aufs = tar().dir(".wh..wh.plnk").file(".wh..wh.plnk/1.2", "x").file(".wh..wh.aufs", "");
    assert_eq!(tree(&[base(), aufs]), ["d dir", "d/a", "d/b", "top"]);
    for name in [".wh.", "d/.wh..", "d/.wh..."] {
        assert_eq!(refusal(&[base(), tar().file(name, "")]), format!("/{name}: a whiteout of no file"));
    }
    assert_eq!(refusal(&[tar().dir(".wh.a").file(".wh.a/x", "")]), "/.wh.a/x: lies below a whiteout");
}

#[test]
fn whatever_was_there_is_replaced_and_never_written_through() {
    assert_eq!(tree(&[base(), tar().file("d", "x")]), ["d", "top"]);
    assert_eq!(
        tree(&[base(), tar().dir("top").file("top/child", "")]),
        ["d dir", "d/a", "d/b", "top dir", "top/child"]
    );
    let link = tar().dir("real").symlink("link", "real");
    assert_eq!(
        tree(&[link.clone(), tar().dir("link").file("link/f", "")]),
        ["link dir", "link/f", "real dir"]
    );
    assert_eq!(
        tree(&[link.clone(), tar().file("link/f", "")]),
        ["link symlink \"real\"", "real dir", "real/f"]
    );
    let secret = tar().symlink("f", "../secret");
    assert_eq!(tree(&[secret.clone().file("f", "new")]), ["f"]);
    assert_eq!(tree(&[secret, tar().file("f", "new")]), ["f"]);
    assert_eq!(tree(&[tar().fifo("p").file("p", "x")]), ["p"]);
    assert_eq!(tree(&[base(), tar().symlink("d", "top").dir("d")]), ["d dir", "top"]);
}

#[test]
fn names_and_links_that_point_outside_stay_inside() {
    assert_eq!(tree(&[tar().file("../escape", "").file("etc/../../x", "")]), ["escape", "x"]);
    assert_eq!(tree(&[tar().symlink("l", "..").file("l/escape", "")]), ["escape", "l symlink \"..\""]);
    let swapped = [tar().dir("d").file("d/a", ""), tar().symlink("d", "../.."), tar().file("d/b", "")];
    assert_eq!(tree(&swapped), ["b", "d symlink \"../..\""]);
    let stale = tar().dir("d").file("d/a", "").symlink("./d", "../..").file("d/b", "");
    assert_eq!(tree(&[stale]), ["b", "d symlink \"../..\""]);
    assert_eq!(
        tree(&[tar().symlink("l", "../new").file("l/sub/f", "")]),
        ["l symlink \"../new\"", "new dir", "new/sub dir", "new/sub/f"]
    );
}

#[test]
fn whiteouts_through_links_hide_nothing_outside() {
    let out = tar().symlink("l", "..").file("keep", "");
    for marks in [tar().file("l/.wh.secret", ""), tar().opaque("l").file("../.wh.secret", "")] {
        let (outer, result, _) = applied(&[out.clone(), marks]);
        result.unwrap();
        assert!(outer.path().join("secret").exists());
    }
}

#[test]
fn a_hard_link_is_to_a_file_that_is_there_beneath_the_root() {
    let same = tree(&[tar().file("f", "x").dir("d"), tar().hard_link("d/h", "f").hard_link("i", "d/../f")]);
    assert_eq!(same, ["d dir", "d/h", "f", "i"]);
    for (target, message) in [
        ("../secret", "a hard link to ../secret, which is not there"),
        ("nowhere", "a hard link to nowhere, which is not there"),
        ("l/secret", "a hard link to l/secret, which is not there"),
        ("d", "a hard link to a directory"),
        ("..", "a hard link to the root of the tree"),
    ] {
        let links = tar().dir("d").symlink("l", "..").hard_link("h", target);
        assert_eq!(refusal(&[links]), format!("/h: {message}"));
    }
    assert_eq!(
        tree(&[tar().symlink("s", "../secret").hard_link("h", "s")]),
        ["h symlink \"../secret\" =\"h\"", "s symlink \"../secret\" =\"h\""]
    );
    assert_eq!(refusal(&[tar().hard_link("h", "h")]), "/h: a hard link to h, which is not there");
    assert_eq!(tree(&[tar().file("h", "x").hard_link("h", "h")]), ["h"]);
}

#[test]
fn a_directory_without_rights_is_filled_all_the_same() {
    let (outer, result, _) = applied(&[tar().dir(".").mode(0o500).dir("d").mode(0).file("d/f", "x")]);
    result.unwrap();
    let lines = tree_lines(outer.path().join("root"));
    assert!(lines[0].starts_with("\".\" 0500 ") && lines[1].starts_with("\"d\" 0000 "), "{lines:?}");
    assert_eq!(lines.len(), if is_root() { 3 } else { 2 });
    crate::clear_directory(&outer.path().join("root")).unwrap();
}

#[test]
fn attributes_that_overlayfs_would_take_for_its_own_are_left_out() {
    let (outer, result, notes) =
        applied(&[tar().dir("d").xattr("user.overlay.opaque", "y").xattr("trusted.overlay.redirect", "/x")]);
    result.unwrap();
    assert!(!tree_lines(outer.path().join("root"))[1].contains("overlay"));
    assert_eq!(notes.len(), 1);
}

#[test]
fn the_attributes_of_a_lower_layers_directory_do_not_show_through() {
    let (outer, result, _) =
        applied(&[tar().dir("d").xattr("user.low", "1").mode(0o700), tar().dir("d").xattr("user.high", "2")]);
    result.unwrap();
    let line = &tree_lines(outer.path().join("root"))[1];
    assert!(line.starts_with("\"d\" 0755 ") && line.ends_with(" dir user.high=\"2\""), "{line}");
}

#[test]
fn a_sparse_file_keeps_its_holes() {
    use std::os::unix::fs::MetadataExt as _;
    let pieces = vec![crate::Piece { offset: 1 << 20, length: 5 }];
    let kind = crate::Kind::File { size: 1 << 30, pieces: Some(pieces) };
    let entry = crate::Entry { path: b"s".to_vec(), kind, metadata: crate::Metadata::default() };
    let mut writer = crate::TarWriter::new(Vec::new());
    writer.append(&entry, &mut &b"hello"[..]).unwrap();
    let sparse = tar().raw(writer.finish().unwrap());
    let (outer, result, _) = applied(&[sparse]);
    result.unwrap();
    let file = std::fs::File::open(outer.path().join("root/s"));
    if is_root() {
        let file = file.unwrap();
        let mut read = [0; 5];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut read, 1 << 20).unwrap();
        assert_eq!(&read, b"hello");
        let meta = file.metadata().unwrap();
        assert!(meta.len() == 1 << 30 && meta.blocks() < 1000);
    }
}

#[test]
fn blobs_and_tars_that_are_not_what_they_claim_are_refused() {
    let (store, layers) = store(&[base()]);
    let dir = tempfile::tempdir().unwrap();
    let class = |store: &MemoryStore, layer: &Layer| {
        let error = apply(
            store,
            std::slice::from_ref(layer),
            dir.path(),
            privilege(),
            &Indexes::none(),
            &Heard::default(),
        )
        .unwrap_err();
        (error.class(), error.to_string().split_once(": ").unwrap().1.to_owned())
    };
    let layer = &layers[0];
    let wrong = Layer { diff_id: DiffId::new(Digest::sha256(b"other")), ..layer.clone() };
    let (class_of, message) = class(&store, &wrong);
    assert!(class_of == Class::Integrity && message.contains("; the config says sha256:"), "{message}");
    let blob = store.get(&layer.descriptor.digest).unwrap();
    let changed = MemoryStore::new();
    changed.insert(layer.descriptor.digest, gzip(base().file("more", "").bytes()));
    assert_eq!(class(&changed, layer).0, Class::Integrity);
    changed.insert(layer.descriptor.digest, [&blob[..], &[0; 512]].concat());
    assert_eq!(class(&changed, layer).0, Class::Integrity);
    assert_eq!(class(&MemoryStore::new(), layer).0, Class::NotFound);
}

#[test]
fn an_observer_stops_the_work() {
    struct Stop;
    impl Observer for Stop {
        fn advance(&self, _: u64) -> Result<(), Failure> {
            Err(Failure::new(Class::Interrupted, "stopped"))
        }
    }
    let (store, layers) = store(&[base()]);
    let dir = tempfile::tempdir().unwrap();
    let error = apply(&store, &layers, dir.path(), privilege(), &Indexes::none(), &Stop).unwrap_err();
    assert_eq!(error.class(), Class::Interrupted);
}

#[test]
fn a_group_that_the_directory_hands_on_is_nobodys_in_the_tree() {
    if !is_root() {
        return;
    }
    let (store, layers) = store(&[tar().file("implicit/f", "x").symlink("s", "f").fifo("p").dir("d")]);
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(dir.path(), Some(0), Some(50)).unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o2755)).unwrap();
    apply(&store, &layers, dir.path(), Privilege::Root, &Indexes::none(), &Heard::default()).unwrap();
    let lines = tree_lines(dir.path());
    assert_eq!(lines.len(), 6);
    assert!(lines[1..].iter().all(|line| line.contains(" 0:0 ")), "{lines:?}");
}

#[test]
fn a_whiteout_above_what_its_own_layer_added_hides_the_rest_however_deep_that_is() {
    let few = rustix::process::Rlimit {
        current: Some(1024),
        ..rustix::process::getrlimit(rustix::process::Resource::Nofile)
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
    let deep = vec!["d"; 1500].join("/");
    let below = tar().file(&format!("{deep}/old"), "x").file("d/d/old", "x");
    let above = tar().file(&format!("{deep}/new"), "x").whiteout("d");
    let (store, layers) = store(&[below, above]);
    let dir = tempfile::tempdir().unwrap();
    apply(&store, &layers, dir.path(), privilege(), &Indexes::none(), &Heard::default()).unwrap();
    let names = |path: &str| -> Vec<_> {
        let names = std::fs::read_dir(dir.path().join(path)).unwrap().map(|entry| entry.unwrap().file_name());
        names.collect()
    };
    assert_eq!(names(&deep), ["new"]);
    assert_eq!(names("d/d"), ["d"]);
    crate::clear_directory(dir.path()).unwrap();
}
