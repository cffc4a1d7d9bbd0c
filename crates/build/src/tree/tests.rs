use super::*;
use image_format::{Blob, Descriptor, MemoryStore};
use layer::{Compression, Kind, Threads, TreePath, store_layer};
use test_support::TarBuilder;

/// Remembers which blobs were opened.
#[derive(Default)]
struct Watched {
    store: MemoryStore,
    opened: Mutex<Vec<Descriptor>>,
}

impl Watched {
    fn layer(&self, tar: TarBuilder) -> Layer {
        let tar = tar.bytes();
        let write = |layer: &mut dyn std::io::Write| Ok(layer.write_all(&tar)?);
        store_layer(&self.store, Compression::None, Threads::default(), write).unwrap()
    }

    fn opened(&self) -> Vec<Descriptor> {
        std::mem::take(&mut self.opened.lock().unwrap())
    }
}

impl Source for Watched {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        self.opened.lock().unwrap().push(descriptor.clone());
        self.store.open(descriptor, from)
    }
}

fn has(tree: &Tree<'_>, path: &str) -> bool {
    tree.names().unwrap().find(&TreePath::of(path.as_bytes())).is_some()
}

#[test]
fn the_names_of_a_stage_are_read_once_a_layer_until_they_are_forgotten() {
    let source = Watched::default();
    let [one, two, three] = [
        TarBuilder::new().file("a", "a"),
        TarBuilder::new().whiteout("a").file("b", "b"),
        TarBuilder::new().file("c", "c"),
    ]
    .map(|tar| source.layer(tar));
    let first = Tree::new(&source, vec![one.clone()], Indexes::none());
    assert!(has(&first, "a") && has(&first, "a"));
    assert_eq!(source.opened(), std::slice::from_ref(&one.descriptor));
    let second = first.with(two.clone()).with(three.clone());
    assert!(!has(&second, "a") && has(&second, "b") && has(&second, "c"));
    let mut opened = source.opened();
    opened.sort_by_key(|descriptor| *descriptor == three.descriptor);
    assert_eq!(opened, [two.descriptor, three.descriptor]);
    second.forget_names();
    assert!(has(&second, "b"));
    assert_eq!(source.opened().len(), 3);
}

#[test]
fn a_tree_whose_names_went_into_another_still_has_them() {
    let source = Watched::default();
    let below = Tree::new(&source, vec![source.layer(TarBuilder::new().file("a", "a"))], Indexes::none());
    let names = below.names().unwrap();
    let above = below.with(source.layer(TarBuilder::new().whiteout("a")));
    assert!(!has(&above, "a") && has(&below, "a"));
    assert_eq!(names.root().children().count(), 1);
}

#[test]
fn names_are_those_of_the_whole_view_where_that_is_known() {
    let source = Watched::default();
    let tree = Tree::new(&source, vec![source.layer(TarBuilder::new().file("a", "four"))], Indexes::none());
    tree.view().unwrap();
    let names = tree.names().unwrap();
    let (_, node) = names.find(&TreePath::of(b"a")).unwrap();
    assert_eq!(node.kind(), Kind::File { size: 4, pieces: None });
    assert_eq!(source.opened().len(), 1);
}
