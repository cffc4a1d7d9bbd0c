use super::*;
use crate::tree::fixture::{Heard, change, layer, store};
use crate::{Compression, LayerWriter, Threads};
use image_format::{Blob, Descriptor, DiffId, Digest, FileRange, MediaType};
use proptest::prelude::*;
use std::io::Write as _;
use test_support::{TarBuilder, noise};

fn tar() -> TarBuilder {
    TarBuilder::new()
}

fn text(view: &View<'_>, path: &str) -> Option<String> {
    let (_, node) = view.follow(&TreePath::of(path.as_bytes()))?;
    let mut content = String::new();
    node.open().ok()?.read_to_string(&mut content).unwrap();
    Some(content)
}

#[test]
fn names_lead_where_they_would_lead_in_the_unpacked_tree() {
    let below = tar()
        .dir("usr/lib")
        .file("usr/lib/a", "a")
        .symlink("lib", "/usr/lib")
        .symlink("up", "usr/../lib/../../x")
        .file("x", "old");
    let above = tar()
        .file("x", "new")
        .whiteout("usr/lib/gone")
        .symlink("loop", "loop/y")
        .symlink("out", "../../usr/./lib/a")
        .symlink("dots", "usr/lib/..");
    let (store, layers) = store(&[below, above]);
    let heard = Heard::default();
    let view = View::new(&store, &layers, &crate::Indexes::none(), &heard).unwrap();
    assert_eq!(text(&view, "lib/a").as_deref(), Some("a"));
    assert_eq!(text(&view, "out").as_deref(), Some("a"));
    assert_eq!(text(&view, "up").as_deref(), Some("new"));
    assert_eq!(text(&view, "dots/lib/a").as_deref(), Some("a"));
    for gone in ["loop", "loop/z", "lib/b", "x/y", "lib"] {
        assert_eq!(text(&view, gone), None, "{gone}");
    }
    let (path, node) = view.find(&TreePath::of(b"lib/a")).unwrap();
    assert_eq!((path.as_bytes(), node.layer()), (&b"usr/lib/a"[..], Some(0)));
    assert_eq!(
        view.find(&TreePath::of(b"lib")).unwrap().1.kind(),
        Kind::Symlink { target: b"/usr/lib".to_vec() }
    );
    assert_eq!(view.follow(&TreePath::of(b"dots")).unwrap().0, TreePath::of(b"usr"));
    let names: Vec<_> = view.root().children().map(|(name, _)| name.to_vec()).collect();
    assert_eq!(names, [&b"dots"[..], b"lib", b"loop", b"out", b"up", b"usr", b"x"]);
}

#[test]
fn links_are_one_file_and_holes_are_zeros() {
    let pieces = vec![Piece { offset: 3, length: 2 }, Piece { offset: 7, length: 1 }];
    let entry = crate::Entry {
        path: b"s".to_vec(),
        kind: Kind::File { size: 10, pieces: Some(pieces) },
        metadata: Metadata::default(),
    };
    let mut writer = crate::TarWriter::new(Vec::new());
    writer.append(&entry, &mut &b"abc"[..]).unwrap();
    let (store, layers) = store(&[tar().file("f", "x").hard_link("g", "f").raw(writer.finish().unwrap())]);
    let heard = Heard::default();
    let view = View::new(&store, &layers, &crate::Indexes::none(), &heard).unwrap();
    assert_eq!(text(&view, "s").as_deref(), Some("\0\0\0ab\0\0c\0\0"));
    let [f, g] = ["f", "g"].map(|name| view.find(&TreePath::of(name.as_bytes())).unwrap().1);
    assert!(f.is_same(&g) && f.links() == 2 && !f.is_same(&view.root()));
    assert!(view.root().open().is_err());
}

/// One blob, in a file.
struct InFile(std::fs::File);

impl Source for InFile {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        let file = self.0.try_clone()?;
        Ok(Blob::from_file(FileRange { file, offset: from, length: descriptor.size - from })?)
    }
}

#[test]
fn a_file_is_read_from_the_chunks_that_hold_it() {
    let big: Vec<Vec<u8>> = (0..8).map(|seed| noise(seed, 1_500_000)).collect();
    let plain =
        big.iter().enumerate().fold(tar(), |tar, (n, content)| tar.file(&format!("f{n}"), content)).bytes();
    for compression in ["gzip", "zstd", "none"] {
        let mut writer =
            LayerWriter::new(Vec::new(), compression.parse::<Compression>().unwrap(), Threads::default());
        writer.write_all(&plain).unwrap();
        let (_, blob) = writer.finish().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&blob).unwrap();
        let descriptor = Descriptor::new(MediaType::OciLayerGzip, Digest::sha256(&blob), blob.len() as u64);
        let layer = Layer { descriptor, diff_id: DiffId::new(Digest::sha256(&plain)) };
        let source = InFile(file);
        let heard = Heard::default();
        let view = View::new(&source, &[layer], &crate::Indexes::none(), &heard).unwrap();
        for (number, expected) in big.iter().enumerate() {
            let (_, node) = view.find(&TreePath::of(format!("f{number}").as_bytes())).unwrap();
            let mut content = Vec::new();
            node.open().unwrap().read_to_end(&mut content).unwrap();
            assert!(content == *expected, "{compression} {number}");
        }
        if compression == "none" {
            continue;
        }
        // what lies before is not looked at: the first chunk is spoilt, and the last file read all the same
        std::os::unix::fs::FileExt::write_all_at(&source.0, &[0xff; 64], 1000).unwrap();
        let read = |name: &str| {
            let mut content = Vec::new();
            let opened = view.find(&TreePath::of(name.as_bytes())).unwrap().1.open();
            opened.map_err(std::io::Error::from).and_then(|mut file| file.read_to_end(&mut content))
        };
        assert_eq!(read("f7").unwrap(), 1_500_000);
        assert!(read("f0").is_err());
    }
}

/// Whether `names` has the names that `all` has below a directory, and knows of each what it should.
fn is_as_far_known(names: ViewNode<'_>, all: ViewNode<'_>) -> bool {
    let (ours, theirs): (Vec<_>, Vec<_>) = (names.children().collect(), all.children().collect());
    ours.len() == theirs.len()
        && ours.into_iter().zip(theirs).all(|((name, ours), (expected, theirs))| {
            let is_file = matches!(theirs.kind(), Kind::File { .. });
            let is_same = match ours.is_whole() {
                true => {
                    (ours.kind(), ours.metadata(), ours.place())
                        == (theirs.kind(), theirs.metadata(), theirs.place())
                }
                false => is_file && matches!(ours.kind(), Kind::File { .. }) && ours.open().is_err(),
            };
            name == expected && is_same && is_as_far_known(ours, theirs)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn names_alone_that_grow_layer_by_layer_are_those_of_the_whole_tree(
        layers in proptest::collection::vec(proptest::collection::vec(change(), 0..12), 1..5),
    ) {
        let tars: Vec<_> = layers.iter().map(|changes| layer(changes)).collect();
        let (store, layers) = store(&tars);
        let (indexes, heard) = (crate::Indexes::none(), Heard::default());
        let mut names = View::of_names(&store, |name| name == b"a");
        let grown = layers.chunks(2).try_for_each(|some| names.add(some, &indexes, &heard));
        match View::new(&store, &layers, &indexes, &heard) {
            Ok(all) => prop_assert!(grown.is_ok() && is_as_far_known(names.root(), all.root())),
            Err(error) => prop_assert_eq!(error.to_string(), grown.unwrap_err().to_string()),
        }
    }
}

#[test]
fn of_names_alone_only_those_files_are_whole_that_are_asked_for() {
    let tar = tar().file("etc/passwd", "root").file("f", "content").hard_link("g", "f").symlink("s", "f");
    let (store, layers) = store(&[tar]);
    let mut names = View::of_names(&store, |name| name == b"passwd");
    names.add(&layers, &crate::Indexes::none(), &Heard::default()).unwrap();
    let whole = |path: &str| names.find(&TreePath::of(path.as_bytes())).unwrap().1.is_whole();
    assert_eq!(["etc", "etc/passwd", "s", "f", "g"].map(whole), [true, true, true, false, false]);
    assert_eq!((text(&names, "etc/passwd").as_deref(), text(&names, "f")), (Some("root"), None));
}
