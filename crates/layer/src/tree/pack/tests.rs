use super::*;
use crate::tree::fixture::{Heard, is_root, privilege, store};
use crate::{Indexes, Unpacking, View, apply, diff, doubtful};
use image_format::{DiffId, Digest, Layer, MediaType, MemoryStore};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;
use test_support::{TarBuilder, tree_lines};

fn tar() -> TarBuilder {
    TarBuilder::new()
}

fn applied(store: &MemoryStore, layers: &[Layer]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    apply(store, layers, dir.path(), privilege(), &Indexes::none(), &Heard::default()).unwrap();
    dir
}

fn as_layer(store: &MemoryStore, tar: Vec<u8>) -> Layer {
    let diff_id = DiffId::new(Digest::sha256(&tar));
    Layer { descriptor: store.put(MediaType::OciLayer, tar), diff_id }
}

/// All lines but that of the root, which was there before.
fn lines(dir: &TempDir) -> Vec<String> {
    tree_lines(dir.path())[1..].to_vec()
}

fn odd() -> TarBuilder {
    tar()
        .dir("d")
        .mode(0o1777)
        .mtime(1)
        .file("d/f", "content")
        .mode(0o4755)
        .mtime(2)
        .xattr("user.note", "a\nb\0")
        .owner(3, 4)
        .hard_link("d/g", "d/f")
        .hard_link("a", "d/f")
        .symlink("s", "/nowhere")
        .mtime(3)
        .hard_link("t", "s")
        .fifo("p")
        .mtime(4)
        .dir("empty")
        .file(&"n".repeat(200), "long")
        .mtime(5)
        .owner(3_000_000, 7)
}

#[test]
fn a_tree_packed_and_applied_is_the_same_to_the_last_attribute() {
    let (store, layers) = store(&[odd()]);
    let tree = applied(&store, &layers);
    let packed = pack(tree.path(), privilege(), Vec::new(), &Heard::default()).unwrap();
    assert_eq!(packed, pack(tree.path(), privilege(), Vec::new(), &Heard::default()).unwrap());
    let again = applied(&store, &[as_layer(&store, packed)]);
    assert_eq!(lines(&again), lines(&tree));
}

#[test]
fn sockets_are_left_out_and_holes_kept() {
    let tree = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(tree.path().join("socket")).unwrap();
    let file = fs::File::create(tree.path().join("sparse")).unwrap();
    file.write_all_at(b"middle", 5 << 20).unwrap();
    file.set_len(100 << 20).unwrap();
    let heard = Heard::default();
    let packed = pack(tree.path(), privilege(), Vec::new(), &heard).unwrap();
    assert_eq!(
        *heard.notes.lock().unwrap(),
        ["/socket: a socket, left out, as are others: no layer can hold one"]
    );
    assert!(packed.len() < 1 << 20, "{}", packed.len());
    let store = MemoryStore::new();
    let again = applied(&store, &[as_layer(&store, packed)]);
    assert_eq!(
        lines(&again),
        lines(&tree).iter().filter(|line| !line.contains("socket")).cloned().collect::<Vec<_>>()
    );
}

/// The layer that makes `below` into the tree `upper`.
fn layer_of(store: &MemoryStore, below: &[Layer], upper: &TempDir) -> (Changes, Vec<u8>) {
    let heard = Heard::default();
    let view = View::new(store, below, &crate::Indexes::none(), &heard).unwrap();
    let mut snapshot = Snapshot::of_directory(upper.path(), privilege(), &heard).unwrap();
    let lower = Snapshot::of_view(&view, privilege());
    let differing =
        lower.differing(store, below, upper.path(), &doubtful(&lower, &snapshot, None), &heard).unwrap();
    let changes = diff(&lower, &snapshot, &differing, None);
    let tar = write_layer(upper.path(), &snapshot, &changes, Vec::new(), &heard).unwrap();
    let size = changes.size(&snapshot);
    snapshot.keep_changed(&changes);
    assert!(snapshot.iter().all(|(path, _)| changes.iter().any(|(changed, _)| changed == path)));
    assert_eq!(changes.size(&snapshot), size);
    assert_eq!(write_layer(upper.path(), &snapshot, &changes, Vec::new(), &heard).unwrap(), tar);
    (changes, tar)
}

fn said(changes: &Changes) -> Vec<String> {
    changes.iter().map(|(path, change)| format!("{change:?} {path}")).collect()
}

#[test]
fn an_unpacked_tree_that_nobody_changed_has_no_changes() {
    let (store, layers) = store(&[
        odd(),
        tar()
            .file("implicit/deep/f", "")
            .symlink("link", "x")
            .mode(0o644)
            .file("o", "")
            .xattr("user.overlay.x", "y"),
    ]);
    let tree = applied(&store, &layers);
    assert_eq!(said(&layer_of(&store, &layers, &tree).0), Vec::<String>::new());
}

#[test]
fn each_kind_of_change_is_found_and_named_with_its_directories() {
    let (store, layers) = store(&[odd().dir("keep").file("keep/same", "same").file("gone/deep/f", "x")]);
    let tree = applied(&store, &layers);
    let at = |path: &str| tree.path().join(path);
    fs::remove_dir_all(at("gone")).unwrap();
    fs::remove_file(at("p")).unwrap();
    fs::create_dir(at("p")).unwrap();
    fs::write(at("p/new"), "new").unwrap();
    fs::hard_link(at("a"), at("third")).unwrap();
    let (changes, tar) = layer_of(&store, &layers, &tree);
    // the root's own time is not compared, and d is named since a file in it has a name more
    let expected = [
        "Modified /a",
        "Parent /d",
        "Modified /d/f",
        "Modified /d/g",
        "Removed /gone",
        "Modified /p",
        "Added /p/new",
        "Added /third",
    ];
    assert_eq!(said(&changes), expected);
    let again = applied(&store, &[layers[0].clone(), as_layer(&store, tar)]);
    assert_eq!(lines(&again), lines(&tree));
}

#[test]
fn a_file_that_lost_a_name_is_not_packed_again() {
    let (store, layers) =
        store(&[tar().file("f", "content").hard_link("g", "f").hard_link("h", "f").file("x", "")]);
    let tree = applied(&store, &layers);
    fs::remove_file(tree.path().join("g")).unwrap();
    fs::remove_file(tree.path().join("h")).unwrap();
    fs::rename(tree.path().join("x"), tree.path().join("h")).unwrap();
    let (changes, tar) = layer_of(&store, &layers, &tree);
    assert_eq!(said(&changes), ["Removed /g", "Modified /h", "Removed /x"]);
    let again = applied(&store, &[layers[0].clone(), as_layer(&store, tar)]);
    assert_eq!(lines(&again), lines(&tree));
}

#[test]
fn a_directory_that_nobody_describes_is_as_old_as_whoever_unpacks_makes_it() {
    let (store, layers) = store(&[tar().file("implicit/f", "")]);
    let tree = applied(&store, &layers);
    let at = tree.path().join("implicit");
    let made = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
    fs::File::open(&at).unwrap().set_modified(made).unwrap();
    let heard = Heard::default();
    let changes = |since: Option<i64>| {
        let view = View::new(&store, &layers, &crate::Indexes::none(), &heard).unwrap();
        let snapshot = Snapshot::of_directory(tree.path(), privilege(), &heard).unwrap();
        let lower = Snapshot::of_view(&view, privilege());
        let since = since.map(|seconds| crate::Time { seconds, nanoseconds: 0 });
        let unpacking = since.map(|since| Unpacking { since, layers: 1 });
        said(&diff(&lower, &snapshot, &BTreeSet::new(), unpacking))
    };
    assert_eq!(changes(Some(1_000)), Vec::<String>::new());
    assert_eq!(changes(Some(999)), ["Modified /implicit"]);
    assert_eq!(changes(None), ["Modified /implicit"]);
    fs::set_permissions(&at, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(changes(Some(1_000)), ["Modified /implicit"]);
}

#[test]
fn a_name_that_would_delete_another_is_refused() {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join(".wh.f"), "").unwrap();
    let failure = pack(tree.path(), privilege(), Vec::new(), &Heard::default()).unwrap_err();
    assert_eq!(failure.to_string(), "/.wh.f: a name that means in a layer that another is gone");
}

#[test]
fn what_changes_while_it_is_read_is_a_conflict() {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("f"), "before").unwrap();
    let snapshot = Snapshot::of_directory(tree.path(), privilege(), &Heard::default()).unwrap();
    let all = snapshot.iter().map(|(path, _)| (path.clone(), vec![Change::Added])).collect();
    fs::write(tree.path().join("f"), "after it").unwrap();
    let failure =
        write_layer(tree.path(), &snapshot, &Changes(all), Vec::new(), &Heard::default()).unwrap_err();
    assert_eq!(
        (failure.class(), failure.to_string()),
        (Class::Conflict, "/f: changed while it was read".to_owned())
    );
}

#[test]
fn the_upper_directory_of_an_overlay_becomes_whiteouts_and_opaque_directories() {
    if !is_root() {
        return test_support::skip("root, to make the devices that are whiteouts");
    }
    let upper = tempfile::tempdir().unwrap();
    let at = |path: &str| upper.path().join(path);
    fs::create_dir_all(at("d/opaque")).unwrap();
    fs::write(at("d/opaque/new"), "new").unwrap();
    let character = rustix::fs::FileType::CharacterDevice;
    rustix::fs::mknodat(rustix::fs::CWD, at("d/gone"), character, rustix::fs::Mode::empty(), 0).unwrap();
    // overlayfs makes them one file of many names
    fs::hard_link(at("d/gone"), at("also")).unwrap();
    let opaque = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(at("d/opaque"), "trusted.overlay.opaque", b"y", opaque).unwrap();
    let (snapshot, changes) = overlay_changes(upper.path(), Privilege::Root, &Heard::default()).unwrap();
    let expected = [
        "Removed /also",
        "Modified /d",
        "Removed /d/gone",
        "Modified /d/opaque",
        "Opaque /d/opaque",
        "Modified /d/opaque/new",
    ];
    assert_eq!(said(&changes), expected);
    let layer = write_layer(upper.path(), &snapshot, &changes, Vec::new(), &Heard::default()).unwrap();
    let (store, mut layers) =
        store(&[tar().file("also", "").file("d/gone", "").file("d/kept", "").file("d/opaque/old", "")]);
    layers.push(as_layer(&store, layer));
    let names: Vec<_> = lines(&applied(&store, &layers))
        .iter()
        .map(|line| line.split('"').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(names, ["d", "d/kept", "d/opaque", "d/opaque/new"]);
}

#[test]
fn content_that_changed_behind_an_unchanged_time_is_found_if_the_file_was_touched() {
    use std::os::unix::fs::MetadataExt as _;
    let (store, layers) =
        store(&[tar().file("f", "before").hard_link("g", "f").mtime(7).file("h", "before")]);
    let tree = applied(&store, &layers);
    let path = tree.path().join("g");
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "beyond").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
    assert_eq!(said(&layer_of(&store, &layers, &tree).0), ["Modified /f", "Modified /g"]);

    let heard = Heard::default();
    let snapshot = Snapshot::of_directory(tree.path(), privilege(), &heard).unwrap();
    let view = View::new(&store, &layers, &crate::Indexes::none(), &heard).unwrap();
    let lower = Snapshot::of_view(&view, privilege());
    let touched = |name: &str| {
        let meta = fs::metadata(tree.path().join(name)).unwrap();
        crate::Time { seconds: meta.ctime(), nanoseconds: meta.ctime_nsec() as u32 }
    };
    let after = crate::Time { seconds: touched("g").seconds + 1, ..touched("g") };
    let doubts = |since, layers| doubtful(&lower, &snapshot, Some(Unpacking { since, layers }));
    assert_eq!(doubts(after, 1), []);
    for doubts in [doubts(touched("g"), 1), doubts(after, 0)] {
        assert!(doubts.contains(&TreePath::of(b"f")) && doubts.contains(&TreePath::of(b"g")));
    }
}

#[test]
fn whose_a_file_is_and_its_attributes_are_asked_of_what_was_touched_alone() {
    let (store, layers) = store(&[tar().file("f", "content").mtime(7).xattr("user.note", "before")]);
    let tree = applied(&store, &layers);
    let file = tree.path().join("f");
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(&file, "user.note", b"after", flags).unwrap();
    let heard = Heard::default();
    let view = View::new(&store, &layers, &crate::Indexes::none(), &heard).unwrap();
    let lower = Snapshot::of_view(&view, privilege());
    let note = |since: Option<crate::Time>| {
        let untouched = since.map(|since| crate::Untouched { tree: &lower, since });
        let snapshot = Snapshot::of_changed(tree.path(), privilege(), untouched, &heard).unwrap();
        let xattrs = &snapshot.get(&TreePath::of(b"f")).unwrap().metadata.xattrs;
        String::from_utf8(xattrs[&b"user.note"[..]].clone()).unwrap()
    };
    let touched = Snapshot::of_directory(tree.path(), privilege(), &heard).unwrap();
    let touched = touched.get(&TreePath::of(b"f")).unwrap().touched.unwrap();
    let later = crate::Time { seconds: touched.seconds + 1, ..touched };
    assert_eq!(note(None), "after");
    assert_eq!(note(Some(touched)), "after", "a clock may stand still between two changes");
    assert_eq!(note(Some(later)), "before");
    fs::File::options().write(true).open(&file).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let snapshot = Snapshot::of_directory(tree.path(), privilege(), &heard).unwrap();
    let touched = snapshot.get(&TreePath::of(b"f")).unwrap().touched.unwrap();
    let later = crate::Time { seconds: touched.seconds + 1, ..touched };
    assert_eq!(note(Some(later)), "after", "another time than it was made with");
}

#[test]
fn a_tree_without_privileges_keeps_what_only_root_can_set_where_content_stays() {
    // cap_net_bind_service+p, as the kernel stores it
    let capability = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let able = |tar: TarBuilder| tar.mtime(7).xattr("security.capability", capability);
    let (store, layers) =
        store(&[able(able(able(tar().file("mode", "a")).file("kept", "b")).file("new", "c"))]);
    let tree = tempfile::tempdir().unwrap();
    let heard = Heard::default();
    apply(&store, &layers, tree.path(), crate::Privilege::Rootless, &crate::Indexes::none(), &heard).unwrap();
    heard.notes.lock().unwrap().clear();
    fs::set_permissions(tree.path().join("mode"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(tree.path().join("new"), "changed").unwrap();
    let view = View::new(&store, &layers, &crate::Indexes::none(), &heard).unwrap();
    let lower = Snapshot::of_view(&view, crate::Privilege::Rootless);
    let mut upper = Snapshot::of_directory(tree.path(), crate::Privilege::Rootless, &heard).unwrap();
    let changes = diff(&lower, &upper, &BTreeSet::new(), None);
    assert_eq!(said(&changes), ["Modified /mode", "Modified /new"]);
    upper.keep_privileged(&lower, &changes, &BTreeSet::new(), &heard);
    let has = |name: &str| {
        let item = upper.get(&TreePath::of(name.as_bytes())).unwrap();
        item.metadata.xattrs.contains_key(&b"security.capability"[..])
    };
    assert!(has("mode") && !has("new"));
    assert_eq!(
        *heard.notes.lock().unwrap(),
        [
            "/new: its attribute security.capability, as others', is lost: its content changed where only root can set it"
        ]
    );
}

#[test]
fn a_layer_that_cannot_be_compared_with_is_named() {
    let (store, mut layers) = store(&[tar().file("f", "content").mtime(7)]);
    let tree = applied(&store, &layers);
    let heard = Heard::default();
    let view = View::new(&store, &layers, &crate::Indexes::none(), &heard).unwrap();
    let lower = Snapshot::of_view(&view, privilege());
    layers[0].descriptor = store.put(MediaType::OciLayer, vec![b'x'; 1024]);
    let paths = [TreePath::of(b"f")];
    let failure = lower.differing(&store, &layers, tree.path(), &paths, &heard).unwrap_err();
    assert_eq!(failure.class(), Class::Integrity);
    let digest = layers[0].descriptor.digest;
    assert!(failure.to_string().starts_with(&format!("layer {digest}: ")), "{failure}");
}

/// Something done to a tree on disk.
fn deed() -> impl Strategy<Value = (u8, String, String)> {
    let name = || proptest::collection::vec("[abc]", 1..3).prop_map(|parts| parts.join("/"));
    (0u8..8, name(), name())
}

/// Does it where it can be done.
fn perform(root: &Path, (deed, name, other): &(u8, String, String)) {
    // relative, so that it leads to no other tree
    let target = other;
    let (path, other) = (root.join(name), root.join(other));
    let _ = match deed {
        0 | 1 => fs::write(&path, name),
        2 => fs::create_dir_all(&path),
        3 => fs::remove_file(&path),
        4 => fs::remove_dir_all(&path),
        5 => fs::hard_link(&other, &path),
        6 => std::os::unix::fs::symlink(target, &path),
        _ => fs::rename(&other, &path),
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn a_diff_applied_makes_the_tree_that_it_was_made_from(
        before in proptest::collection::vec(deed(), 0..14),
        after in proptest::collection::vec(deed(), 0..14),
    ) {
        let first = tempfile::tempdir().unwrap();
        before.iter().for_each(|deed| perform(first.path(), deed));
        let store = MemoryStore::new();
        let heard = Heard::default();
        let below = as_layer(&store, pack(first.path(), privilege(), Vec::new(), &heard).unwrap());
        let tree = applied(&store, std::slice::from_ref(&below));
        assert_eq!(lines(&tree), lines(&first));
        after.iter().for_each(|deed| perform(tree.path(), deed));
        let (_, tar) = layer_of(&store, std::slice::from_ref(&below), &tree);
        let again = applied(&store, &[below, as_layer(&store, tar)]);
        // the packed layer describes the root too
        assert_eq!(tree_lines(again.path()), tree_lines(tree.path()));
    }
}
