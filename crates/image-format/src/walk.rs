//! The way through an image: from an index to its manifests, from a manifest to its config and layers.

use crate::{Class, Descriptor, Digest, Failure, MediaType, Source, read_node};
use std::collections::HashSet;
use std::rc::Rc;

/// How deep indexes may nest.
pub const MAX_INDEX_DEPTH: usize = 8;

/// Where a walk has come to.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// What is here.
    pub descriptor: &'a Descriptor,
    /// The document that led here first; `None` for a root.
    pub parent: Option<&'a Descriptor>,
    /// How many documents led here.
    pub depth: usize,
}

/// Whoever goes along on a walk. A closure is one, if it needs no [`Visitor::leave`].
pub trait Visitor {
    /// What is here, and returns what it is made of: the walk goes there next. See [`parts`].
    ///
    /// # Errors
    /// Any: it ends the walk.
    fn enter(&mut self, place: Place<'_>) -> Result<Vec<Descriptor>, Failure>;

    /// All that `descriptor` is made of has been visited, here or earlier on the walk.
    ///
    /// # Errors
    /// Any: it ends the walk.
    fn leave(&mut self, descriptor: &Descriptor) -> Result<(), Failure> {
        let _ = descriptor;
        Ok(())
    }
}

impl<F: FnMut(Place<'_>) -> Result<Vec<Descriptor>, Failure>> Visitor for F {
    fn enter(&mut self, place: Place<'_>) -> Result<Vec<Descriptor>, Failure> {
        self(place)
    }
}

/// A walk from one root or from several: nothing is visited twice.
///
/// One blob may stand in one place as a manifest and in another as a layer; it is visited once as each.
#[derive(Debug)]
pub struct Walk {
    seen: HashSet<(Digest, MediaType)>,
    deepest: usize,
}

impl Default for Walk {
    fn default() -> Walk {
        Walk { seen: HashSet::new(), deepest: MAX_INDEX_DEPTH }
    }
}

impl Walk {
    /// A walk that refuses nothing, however deep indexes nest: for who must not lose what somebody refers to.
    pub fn without_limit() -> Walk {
        Walk { deepest: usize::MAX, ..Walk::default() }
    }

    /// Visits what `root` reaches and has not been visited yet, parents before their parts, in the order of the
    /// documents.
    ///
    /// # Errors
    /// The first of the visitor's; indexes that nest deeper than [`MAX_INDEX_DEPTH`] ([`Class::Integrity`]).
    pub fn from(&mut self, root: &Descriptor, visitor: &mut dyn Visitor) -> Result<(), Failure> {
        let mut stack = vec![Step::Enter { descriptor: Rc::new(root.clone()), parent: None, depth: 0 }];
        while let Some(step) = stack.pop() {
            let (descriptor, parent, depth) = match step {
                Step::Enter { descriptor, parent, depth } => (descriptor, parent, depth),
                Step::Leave(descriptor) => {
                    visitor.leave(&descriptor)?;
                    continue;
                }
            };
            if !self.seen.insert((descriptor.digest, descriptor.media_type.clone())) {
                continue;
            }
            if depth > self.deepest && descriptor.media_type.is_document() {
                return Err(too_deep(&descriptor.digest));
            }
            let parts = visitor.enter(Place { descriptor: &descriptor, parent: parent.as_deref(), depth })?;
            stack.push(Step::Leave(Rc::clone(&descriptor)));
            stack.extend(parts.into_iter().rev().map(|part| Step::Enter {
                descriptor: Rc::new(part),
                parent: Some(Rc::clone(&descriptor)),
                depth: depth + 1,
            }));
        }
        Ok(())
    }
}

enum Step {
    Enter { descriptor: Rc<Descriptor>, parent: Option<Rc<Descriptor>>, depth: usize },
    Leave(Rc<Descriptor>),
}

fn too_deep(digest: &Digest) -> Failure {
    let message = format!("{digest}: indexes nest deeper than {MAX_INDEX_DEPTH}");
    Failure::new(Class::Integrity, message)
}

/// Visits all that `root` reaches, as [`Walk::from`].
///
/// # Errors
/// As [`Walk::from`].
pub fn walk(root: &Descriptor, visitor: &mut dyn Visitor) -> Result<(), Failure> {
    Walk::default().from(root, visitor)
}

/// What a blob is made of: an index of its manifests, a manifest of its config and layers, anything else of nothing.
///
/// # Errors
/// A manifest or index is not there, or not what its descriptor says.
pub fn parts(source: &dyn Source, descriptor: &Descriptor) -> Result<Vec<Descriptor>, Failure> {
    if !descriptor.media_type.is_document() {
        return Ok(Vec::new());
    }
    Ok(read_node(source, descriptor)?.children())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Index, Manifest, MemoryStore, Raw};

    fn store_with_an_index() -> (MemoryStore, Descriptor) {
        let store = MemoryStore::new();
        let config = store.put(MediaType::OciConfig, *b"{}");
        let layer = store.put(MediaType::OciLayerGzip, *b"layer");
        let manifest = Raw::write(Manifest::new(config, vec![layer]));
        let child = store.put(MediaType::OciManifest, manifest.into_bytes());
        let index = Raw::write(Index::new(vec![child.clone(), child]));
        let root = store.put(MediaType::OciIndex, index.into_bytes());
        (store, root)
    }

    const KINDS: [MediaType; 4] =
        [MediaType::OciIndex, MediaType::OciManifest, MediaType::OciConfig, MediaType::OciLayerGzip];

    struct Noting(MemoryStore, Vec<MediaType>, Vec<MediaType>);

    impl Visitor for Noting {
        fn enter(&mut self, place: Place<'_>) -> Result<Vec<Descriptor>, Failure> {
            self.1.push(place.descriptor.media_type.clone());
            parts(&self.0, place.descriptor)
        }

        fn leave(&mut self, descriptor: &Descriptor) -> Result<(), Failure> {
            self.2.push(descriptor.media_type.clone());
            Ok(())
        }
    }

    #[test]
    fn a_walk_meets_every_blob_once_parents_first_and_leaves_them_last() {
        let (store, root) = store_with_an_index();
        let mut noting = Noting(store, Vec::new(), Vec::new());
        walk(&root, &mut noting).unwrap();
        assert_eq!(noting.1, KINDS);
        let left = [2, 3, 1, 0].map(|position| KINDS[position].clone());
        assert_eq!(noting.2, left);
    }

    #[test]
    fn a_second_root_is_not_walked_where_the_first_has_been() {
        let (store, root) = store_with_an_index();
        let (mut walk, mut count) = (Walk::default(), 0);
        let mut visitor = |place: Place<'_>| {
            count += 1;
            parts(&store, place.descriptor)
        };
        walk.from(&root, &mut visitor).unwrap();
        walk.from(&root, &mut visitor).unwrap();
        assert_eq!(count, KINDS.len());
    }

    #[test]
    fn a_blob_that_is_a_layer_here_and_a_manifest_there_is_visited_as_both() {
        let (store, root) = store_with_an_index();
        let as_layer = Descriptor { media_type: MediaType::OciLayer, ..root.clone() };
        let config = store.put(MediaType::OciConfig, *b"{}");
        let manifest = Raw::write(Manifest::new(config, vec![as_layer]));
        let first = store.put(MediaType::OciManifest, manifest.into_bytes());
        let index = store.put(MediaType::OciIndex, Raw::write(Index::new(vec![first, root])).into_bytes());
        let mut kinds = HashSet::new();
        walk(&index, &mut |place: Place<'_>| {
            kinds.insert(place.descriptor.media_type.clone());
            parts(&store, place.descriptor)
        })
        .unwrap();
        assert!(
            kinds.contains(&MediaType::OciLayer) && kinds.contains(&MediaType::OciLayerGzip),
            "{kinds:?}"
        );
    }

    #[test]
    fn indexes_that_nest_without_end_are_refused_but_where_nothing_may_be_lost() {
        let store = MemoryStore::new();
        let mut root = store.put(MediaType::OciIndex, Raw::write(Index::new(Vec::new())).into_bytes());
        for _ in 0..=MAX_INDEX_DEPTH {
            root = store.put(MediaType::OciIndex, Raw::write(Index::new(vec![root])).into_bytes());
        }
        let mut visitor = |place: Place<'_>| parts(&store, place.descriptor);
        let failure = walk(&root, &mut visitor).unwrap_err();
        assert_eq!(failure.class(), Class::Integrity);
        Walk::without_limit().from(&root, &mut visitor).unwrap();
    }
}
