use super::*;
use crate::entry::Entry;
use image_format::Class;

fn entry(path: &str, kind: Kind, bytes: usize) -> Indexed {
    let mut metadata = Metadata::default();
    metadata.xattrs.insert(b"user.note".to_vec(), vec![b'x'; bytes]);
    Indexed { entry: Entry { path: path.as_bytes().to_vec(), kind, metadata }, offset: 0 }
}

fn file(path: &str, bytes: usize) -> Indexed {
    entry(path, Kind::File { size: 0, pieces: None }, bytes)
}

#[test]
fn a_tree_that_takes_too_much_memory_is_refused() {
    let mut tree = Tree::within(10_000);
    tree.apply(0, vec![file("a", 6000)]).unwrap();
    let failure = tree.apply(1, vec![file("b", 6000)]).unwrap_err();
    assert_eq!(failure.class(), Class::Integrity);
}

#[test]
fn what_is_gone_takes_no_memory() {
    let mut tree = Tree::new();
    let empty = tree.held;
    let link = Kind::HardLink { target: b"d/file".to_vec() };
    for layer in 0..4 {
        let directory = entry("d/", Kind::Directory, 10 + layer);
        let entries =
            vec![directory, file("d/file", 500), file("d/file", 300), entry("d/link", link.clone(), 0)];
        tree.apply(layer as u32, entries).unwrap();
    }
    assert!(tree.held > empty + 300);
    tree.apply(4, vec![file(".wh.d", 0)]).unwrap();
    assert_eq!(tree.held, empty);
}
