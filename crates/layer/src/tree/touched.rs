//! Which names the present layer has added: a whiteout hides what lower layers have, and nothing else.

use super::TreePath;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// Names as keyed hashes of 64 bits: nobody who makes a layer can make two collide, and a million names stay small.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    key: RandomState,
    added: HashSet<u64>,
    above: HashSet<u64>,
    hidden: HashSet<u64>,
}

impl Touched {
    /// The layer has added this.
    pub(crate) fn add(&mut self, path: &TreePath) {
        self.added.insert(self.key.hash_one(path.as_bytes()));
        let mut directory = path.as_bytes();
        while let Some(slash) = directory.iter().rposition(|byte| *byte == b'/') {
            directory = &directory[..slash];
            if !self.above.insert(self.key.hash_one(directory)) {
                return;
            }
        }
        self.above.insert(self.key.hash_one(TreePath::root().as_bytes()));
    }

    /// Has the layer added exactly this?
    pub(crate) fn is_added(&self, path: &TreePath) -> bool {
        self.added.contains(&self.key.hash_one(path.as_bytes()))
    }

    /// Has the layer added this or anything below it?
    pub(crate) fn is_touched(&self, path: &TreePath) -> bool {
        self.is_added(path) || self.above.contains(&self.key.hash_one(path.as_bytes()))
    }

    /// The layer hides what lower ones have below a directory; `false` where it has already: it adds nothing of theirs.
    pub(crate) fn hide_below(&mut self, path: &TreePath) -> bool {
        self.hidden.insert(self.key.hash_one(path.as_bytes()))
    }

    /// The next layer has added and hidden nothing yet.
    pub(crate) fn clear(&mut self) {
        self.added.clear();
        self.above.clear();
        self.hidden.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_touches_all_directories_above_it() {
        let mut touched = Touched::default();
        touched.add(&TreePath::of(b"a/b/c"));
        touched.add(&TreePath::of(b"a/d"));
        for (path, added, above) in [
            ("a/b/c", true, true),
            ("a/b", false, true),
            ("a", false, true),
            ("", false, true),
            ("a/e", false, false),
        ] {
            let path = TreePath::of(path.as_bytes());
            assert_eq!((touched.is_added(&path), touched.is_touched(&path)), (added, above), "{path}");
        }
        touched.clear();
        assert!(!touched.is_touched(&TreePath::root()));
    }

    #[test]
    fn a_layer_hides_what_lies_below_a_directory_once() {
        let mut touched = Touched::default();
        let (one, other) = (TreePath::of(b"a"), TreePath::of(b"b"));
        assert!(touched.hide_below(&one) && touched.hide_below(&other) && !touched.hide_below(&one));
        touched.clear();
        assert!(touched.hide_below(&one));
    }
}
