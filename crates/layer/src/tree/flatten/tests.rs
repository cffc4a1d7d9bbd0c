use super::*;
use crate::tree::fixture::{Heard, privilege, store};
use crate::tree::fixture::{change, layer};
use crate::{TreePath, apply};
use image_format::{Class, DiffId, Digest, MediaType, MemoryStore};
use proptest::prelude::*;
use std::collections::HashSet;
use test_support::{TarBuilder, tree_lines};

fn tar() -> TarBuilder {
    TarBuilder::new()
}

fn flat(tars: &[TarBuilder]) -> Result<Vec<u8>, Failure> {
    let (store, layers) = store(tars);
    flatten(&store, &layers, &crate::Indexes::none(), Vec::new(), &Heard::default())
}

fn applied(store: &MemoryStore, layers: &[Layer]) -> Result<Vec<String>, Failure> {
    let dir = tempfile::tempdir().unwrap();
    apply(store, layers, dir.path(), privilege(), &Indexes::none(), &Heard::default())?;
    let lines = tree_lines(dir.path());
    // no entry described the root: it is the directory that was there
    Ok(lines[usize::from(!lines[0].contains(" 1.000000000 "))..].to_vec())
}

/// The tree that the one tar makes.
fn applied_flat(flat: Vec<u8>) -> Result<Vec<String>, Failure> {
    let store = MemoryStore::new();
    let diff_id = DiffId::new(Digest::sha256(&flat));
    let layer = Layer { descriptor: store.put(MediaType::OciLayer, flat), diff_id };
    applied(&store, &[layer])
}

/// All that a reader of the tar may rely on.
fn check_order(flat: &[u8]) {
    let mut reader = TarReader::new(flat);
    let (mut names, mut directories) = (HashSet::new(), HashSet::from([TreePath::root()]));
    while let Some(entry) = reader.next_entry().unwrap() {
        let path = TreePath::of(&entry.path);
        let parent = path.split().map(|(parent, _)| parent).unwrap_or_default();
        assert!(directories.contains(&parent), "{path}: below what is no directory before it");
        if let Kind::HardLink { target } = &entry.kind {
            assert!(names.contains(&TreePath::of(target)), "{path}: before its target");
        }
        assert!(path.parts().all(|part| crate::Whiteout::of(part).is_none()), "{path}");
        if entry.kind == Kind::Directory {
            directories.insert(path.clone());
        }
        assert!(names.insert(path.clone()), "{path}: twice");
    }
}

fn same(tars: &[TarBuilder]) {
    let (store, layers) = store(tars);
    match (
        applied(&store, &layers),
        flatten(&store, &layers, &crate::Indexes::none(), Vec::new(), &Heard::default()),
    ) {
        (Ok(expected), Ok(flat)) => {
            check_order(&flat);
            assert_eq!(applied_flat(flat).unwrap(), expected);
        }
        (Err(refused), Err(also)) => assert_eq!(also.to_string(), refused.to_string()),
        (applied, flat) => panic!("{applied:?} but {:?}", flat.map(|_| "a tar")),
    }
}

#[test]
fn the_tar_makes_the_tree_that_the_layers_make() {
    let base = tar()
        .dir("./")
        .mtime(1)
        .dir("d")
        .mtime(2)
        .file("d/a", "a")
        .mtime(3)
        .xattr("user.a", "1")
        .file("d/b", "b")
        .file("top", "t");
    same(&[
        base.clone(),
        tar().whiteout("d/a").file("d/c", "c"),
        tar().file("d/b", "new").hard_link("e/link", "top"),
    ]);
    same(&[base.clone(), tar().opaque("d").file("d/new", "x")]);
    same(&[base.clone(), tar().whiteout("d").symlink("d", "top")]);
    same(&[
        tar().dir("usr/lib").symlink("lib", "/usr/lib"),
        tar().file("lib/x", "x"),
        tar().dir("lib").file("lib/y", "y"),
    ]);
    same(&[tar().symlink("out", "../../x").file("out/deep/f", "x")]);
    same(&[tar().fifo("p").hard_link("q", "p").symlink("s", "t").hard_link("r", "s")]);
    same(&[tar().file("f", "x").hard_link("g", "f"), tar().whiteout("f")]);
    same(&[tar().file("f", "x").hard_link("g", "f"), tar().file("f", "other")]);
    same(&[base, tar().hard_link("d", "d/a")]);
    same(&[]);
}

#[test]
fn what_the_tree_refuses_the_tar_refuses_with_the_same_words() {
    for refused in [
        tar().hard_link("h", "nowhere"),
        tar().file("f", "").file("f/child", ""),
        tar().symlink("l", "l").file("l/x", ""),
        tar().file(".wh.", ""),
        tar().dir("d").hard_link("h", "d"),
        tar().file("./", ""),
        tar().dir("d").file(&format!("d{}/f", "/x".repeat(5000)), ""),
    ] {
        same(std::slice::from_ref(&refused));
        assert_eq!(flat(&[refused]).unwrap_err().class(), Class::Integrity);
    }
}

#[test]
fn the_same_layers_give_the_same_bytes_and_links_follow_their_file() {
    let layers =
        [tar().file("z", "content").hard_link("a", "z").hard_link("m", "z"), tar().dir("dir").file("b", "b")];
    let flat = flat(&layers).unwrap();
    assert_eq!(flat, super::tests::flat(&layers).unwrap());
    let mut reader = TarReader::new(&flat[..]);
    let mut names = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        names.push(String::from_utf8(entry.path).unwrap());
    }
    assert_eq!(names, ["dir/", "a", "m", "z", "b"]);
}

#[test]
fn a_layer_that_is_not_what_it_claims_is_refused_even_if_nothing_of_it_is_left() {
    let (store, mut layers) = store(&[tar().file("f", "old"), tar().file("f", "new")]);
    layers[0].diff_id = DiffId::new(Digest::sha256(b"other"));
    let failure =
        flatten(&store, &layers, &crate::Indexes::none(), Vec::new(), &Heard::default()).unwrap_err();
    assert!(
        failure.class() == Class::Integrity && failure.to_string().contains("the config says"),
        "{failure}"
    );
}

#[test]
fn whole_names_that_take_too_much_memory_are_refused() {
    let deep = format!("{}/", vec!["x".repeat(200); 20].join("/"));
    for content in ["content", ""] {
        let layer = (0..20).fold(tar(), |tar, number| {
            let name = format!("{deep}{number}");
            tar.file(&name, content).hard_link(&format!("y{number}"), &name)
        });
        let (store, layers) = store(&[layer]);
        let flat = |most| {
            flatten_within(most, &store, &layers, &Indexes::none(), Vec::new(), &Heard::default()).map(drop)
        };
        assert_eq!(flat(60_000).unwrap_err().class(), Class::Integrity);
        assert!(flat(100_000).is_ok());
    }
}

#[test]
fn holes_stay_holes() {
    let pieces = vec![crate::Piece { offset: 1 << 30, length: 3 }];
    let kind = Kind::File { size: 1 << 40, pieces: Some(pieces) };
    let entry = Entry { path: b"s".to_vec(), kind, metadata: crate::Metadata::default() };
    let mut writer = TarWriter::new(Vec::new());
    writer.append(&entry, &mut &b"end"[..]).unwrap();
    let flat = flat(&[tar().raw(writer.finish().unwrap())]).unwrap();
    assert_eq!(TarReader::new(&flat[..]).next_entry().unwrap().unwrap(), entry);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn flatten_is_apply_all(
        layers in proptest::collection::vec(proptest::collection::vec(change(), 0..12), 1..5),
    ) {
        let layers: Vec<_> = layers.iter().map(|changes| layer(changes)).collect();
        same(&layers);
    }
}
