use super::*;
use crate::tree::fixture::{Files, Heard, change, directory, layer, leaf, store};
use image_format::Class;
use proptest::prelude::*;
use test_support::TarBuilder;

fn tar() -> TarBuilder {
    TarBuilder::new()
}

fn all(tars: &[TarBuilder], path: &str) -> Vec<(usize, Deed)> {
    let (store, layers) = store(tars);
    let stack = Stack::hold(&store, layers).unwrap();
    let path = TreePath::of(path.as_bytes());
    let blames = Blame::all(&stack, &Indexes::none(), &path, &Heard::default()).unwrap();
    blames.iter().map(|blame| (blame.layer, blame.deed)).collect()
}

/// And how many bytes of layers were read for it.
fn last(tars: &[TarBuilder], path: &str) -> (Option<(usize, Deed)>, u64) {
    let (store, layers) = store(tars);
    let (stack, heard) = (Stack::hold(&store, layers).unwrap(), Heard::default());
    let path = TreePath::of(path.as_bytes());
    let blame = Blame::last(&stack, &Indexes::none(), &path, &heard).unwrap();
    let read = *heard.bytes.lock().unwrap();
    (blame.map(|blame| (blame.layer, blame.deed)), read)
}

#[test]
fn each_layer_that_did_something_to_a_file_is_named() {
    let tars = [
        tar().dir("d").file("d/f", "1"),
        tar().file("other", ""),
        tar().dir("d").file("d/f", "22"),
        tar().whiteout("d"),
        tar().file("d/f", "3"),
    ];
    assert_eq!(
        all(&tars, "/d/f"),
        [(0, Deed::Brought), (2, Deed::Changed), (3, Deed::Removed), (4, Deed::Brought)]
    );
    assert_eq!(all(&tars, "d"), [(0, Deed::Brought), (3, Deed::Removed), (4, Deed::Brought)]);
    assert_eq!(all(&tars, "nothing"), []);
}

#[test]
fn a_change_of_a_mode_is_one_and_a_directory_that_is_only_described_again_is_none() {
    let tars =
        [tar().dir("d").file("d/f", "1"), tar().dir("d").file("d/g", ""), tar().file("d/f", "1").mode(0o600)];
    assert_eq!(all(&tars, "d/f"), [(0, Deed::Brought), (2, Deed::Changed)]);
    assert_eq!(all(&tars, "d"), [(0, Deed::Brought)]);
}

#[test]
fn symlinks_on_the_way_are_followed_and_one_at_the_end_is_not() {
    let tars = [
        tar().dir("usr").dir("usr/bin").symlink("bin", "usr/bin"),
        tar().file("usr/bin/dash", "x").symlink("usr/bin/sh", "dash"),
        tar().file("bin/dash", "yy"),
    ];
    assert_eq!(all(&tars, "/bin/sh"), [(1, Deed::Brought)]);
    assert_eq!(all(&tars, "/usr/bin/dash"), [(1, Deed::Brought), (2, Deed::Changed)]);
    assert_eq!(last(&tars, "/usr/bin/dash").0, Some((2, Deed::Changed)));
    assert_eq!(last(&tars, "/bin/dash").0, Some((2, Deed::Set)));
}

#[test]
fn what_the_uppermost_layer_set_is_found_without_those_below() {
    let big = || tar().dir("d").file("d/f", "1").noise_file("d/noise", 100_000);
    let tars = [big(), tar().dir("d").file("d/f", "2"), tar().dir("d").dir("d/e").file("d/e/f", "other")];
    let (blame, read) = last(&tars, "d/f");
    assert_eq!(blame, Some((1, Deed::Set)));
    assert!(read < 20_000, "{read} bytes were read");
    assert_eq!(last(&[big(), tar().dir("d").whiteout("d/f")], "d/f").0, Some((1, Deed::Removed)));
}

#[test]
fn a_layer_that_is_not_what_it_claims_is_named() {
    let (memory, layers) = store(&[tar().file("f", "1")]);
    drop(memory);
    let files = Files::new();
    files.insert(&layers[0].descriptor.digest, &vec![0; layers[0].descriptor.size as usize]);
    let digest = layers[0].descriptor.digest.to_string();
    let stack = Stack::hold(&files, layers).unwrap();
    let path = TreePath::of(b"f");
    for error in [
        Blame::all(&stack, &Indexes::none(), &path, &Heard::default()).unwrap_err(),
        Blame::last(&stack, &Indexes::none(), &path, &Heard::default()).unwrap_err(),
    ] {
        assert_eq!(error.class(), Class::Integrity);
        assert!(error.to_string().contains(&digest), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_last_is_the_last_of_all(
        layers in proptest::collection::vec(proptest::collection::vec(change(), 0..8), 1..5),
        path in prop_oneof![leaf(), directory()],
    ) {
        let tars: Vec<_> = layers.iter().map(|changes| layer(changes)).collect();
        let (store, layers) = store(&tars);
        let stack = Stack::hold(&store, layers).unwrap();
        let path = TreePath::of(path.as_bytes());
        // what cannot be applied as a whole is refused by whoever looks at all of it
        if let Ok(all) = Blame::all(&stack, &Indexes::none(), &path, &Heard::default()) {
            let last = Blame::last(&stack, &Indexes::none(), &path, &Heard::default()).unwrap();
            let without_deed = |blame: &Blame| (blame.layer, blame.kind, blame.size);
            prop_assert_eq!(last.as_ref().map(without_deed), all.last().map(without_deed));
        }
    }
}
