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

#[test]
fn whiteouts_look_at_each_name_once_however_many_there_are() {
    const MANY: usize = 500;
    let names = |prefix: &'static str| (0..MANY).map(move |number| file(&format!("d/e/{prefix}{number}"), 0));
    let mut tree = Tree::new();
    tree.apply(0, names("old").collect()).unwrap();
    let marks = ["d/e/.wh..wh..opq", "d/.wh.e", ".wh.d", ".wh..wh..opq"];
    let marks = (0..MANY).flat_map(|_| marks.map(|mark| file(mark, 0)));
    tree.apply(1, names("new").chain(marks).collect()).unwrap();
    // each mark looks at one name at most, and all together at each name once
    assert!(tree.looked_at <= 4 * MANY + 2 * MANY + 10, "{}", tree.looked_at);
    let (_, directory) = tree.find(&TreePath::of(b"d/e"), false).unwrap();
    assert_eq!(tree.children(directory).count(), MANY);
    assert!(tree.children(directory).all(|(name, _)| name.starts_with(b"new")));
    // what a layer has hidden and what it has added is nothing to the next one
    tree.apply(2, vec![file("d/e/last", 0), file("d/e/.wh..wh..opq", 0)]).unwrap();
    assert_eq!(tree.children(directory).map(|(name, _)| name).collect::<Vec<_>>(), [b"last"]);
}
