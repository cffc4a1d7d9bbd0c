use super::*;
use image_format::{Layer, MemoryStore, Silent};
use layer::{Compression, Indexes, Threads, store_layer};
use test_support::TarBuilder;

fn layer_of(store: &MemoryStore, tar: TarBuilder) -> Layer {
    let tar = tar.bytes();
    store_layer(store, Compression::None, Threads::default(), |layer| Ok(layer.write_all(&tar)?)).unwrap()
}

fn with_view(tar: TarBuilder, test: impl FnOnce(&View<'_>)) {
    let store = MemoryStore::new();
    let layers = [layer_of(&store, tar)];
    test(&View::new(&store, &layers, &Indexes::none(), &Silent).unwrap());
}

fn missing_in(view: &View<'_>, path: &str) -> Vec<String> {
    let missing = missing(view, &TreePath::of(path.as_bytes())).unwrap();
    missing.iter().map(|path| String::from_utf8_lossy(path.as_bytes()).into_owned()).collect()
}

#[test]
fn just_the_directories_that_are_missing_are_made_through_symlinks_too() {
    let tar =
        TarBuilder::new().dir("a").dir("b").symlink("a/link", "/b").symlink("gone", "x/../y/z").file("f", "");
    with_view(tar, |view| {
        assert_eq!(missing_in(view, "/a/c/d"), ["a/c", "a/c/d"]);
        assert_eq!(missing_in(view, "/a/link/c"), ["b/c"]);
        assert_eq!(missing_in(view, "/a"), [""; 0]);
        assert_eq!(missing_in(view, "/gone/q"), ["x", "y", "y/z", "y/z/q"]);
        let error = missing(view, &TreePath::of(b"f/x")).unwrap_err();
        assert_eq!(error.to_string(), "/f: is there and no directory; expected a directory, or nothing");
    });
}

#[test]
fn the_directories_above_what_is_made_come_with_it_as_they_are_and_in_order() {
    let tar =
        TarBuilder::new().dir("data").mode(0o700).dir("data/deep").dir("other").symlink("data/l", "z/../a");
    with_view(tar, |view| {
        let all = |path: &str| {
            let missing = missing(view, &TreePath::of(path.as_bytes())).unwrap();
            let made = Metadata { mode: 0o755, ..Metadata::default() };
            let all = with_those_above(view, &missing, &made);
            all.iter().map(|(path, metadata)| format!("{path} {:o}", metadata.mode)).collect::<Vec<_>>()
        };
        assert_eq!(all("/data/deep/x"), ["/data 700", "/data/deep 755", "/data/deep/x 755"]);
        assert_eq!(all("/data/l/q"), ["/data 700", "/data/a 755", "/data/a/q 755", "/data/z 755"]);
        assert_eq!(all("/data"), [""; 0]);
    });
}

#[test]
fn symlinks_in_a_circle_are_an_error() {
    with_view(TarBuilder::new().symlink("a", "b").symlink("b", "a"), |view| {
        assert!(missing(view, &TreePath::of(b"a/x")).unwrap_err().to_string().contains("symlinks"));
    });
}

#[test]
fn a_path_longer_than_one_in_a_layer_is_an_error_and_so_is_a_symlink_to_one() {
    let long = "/w".repeat(1 << 19);
    let tar = TarBuilder::new().dir("a").symlink("a/link", &long[..1 << 15]);
    with_view(tar, |view| {
        for (path, message) in
            [(long.as_str(), "at most 8192 fit into a layer"), ("a/link/x", "can be followed")]
        {
            let error = missing(view, &TreePath::of(path.as_bytes())).unwrap_err().to_string();
            assert!(error.contains(message), "{}", &error[error.len() - 200..]);
        }
    });
}
