use super::*;
use crate::tree::fixture::{Heard, store};
use image_format::Class;
use test_support::TarBuilder;

/// A layer of one file with an attribute of about so many bytes.
fn heavy(name: &str, bytes: usize) -> TarBuilder {
    TarBuilder::new().file(name, "content").xattr("user.note", "x".repeat(bytes))
}

fn names_within(most: usize, tars: &[TarBuilder], verify: Verify) -> Result<Vec<Vec<u8>>, Failure> {
    let (store, layers) = store(tars);
    let mut names = Vec::new();
    let (indexes, observer) = (Indexes::none(), Heard::default());
    let (layers, observer): (_, &dyn Observer) = (&layers[..], &observer);
    let indexing = Indexing { source: &store, layers, indexes: &indexes, verify, observer };
    index_within(most, indexing, |_, index| {
        names.extend(index.entries.into_iter().map(|indexed| indexed.entry.path));
        Ok(())
    })?;
    Ok(names)
}

#[test]
fn a_layer_whose_names_and_metadata_take_too_much_memory_is_refused() {
    for verify in [Verify::Now, Verify::Later] {
        let failure = names_within(10_000, &[heavy("a", 20_000)], verify).unwrap_err();
        assert_eq!(failure.class(), Class::Integrity);
        assert!(failure.to_string().contains("names and metadata of more than 10000 bytes"), "{failure}");
    }
}

#[test]
fn layers_that_fit_one_by_one_pass_in_their_order_whatever_they_take_together() {
    let names: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    let layers: Vec<TarBuilder> = names.iter().map(|name| heavy(name, 8000)).collect();
    let read = names_within(10_000, &layers, Verify::Later).unwrap();
    assert_eq!(read, names.iter().map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>());
}
