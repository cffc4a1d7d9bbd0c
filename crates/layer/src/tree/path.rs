//! A name in a tree: relative to its root, in its one spelling.

use crate::failure::{refused, shown};
use image_format::Failure;
use std::fmt;

/// Twice what any system call takes at once. What is deeper, nobody can use, and walking it costs the square.
pub(crate) const MAX_LENGTH: usize = 8192;

/// `usr/bin/env`: parts that are neither empty, `.` nor `..`, between single slashes. The root is empty.
///
/// It orders as its bytes do; below a directory lies what begins with its name and a slash.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Vec<u8>);

impl TreePath {
    /// The root itself.
    pub const ROOT: TreePath = TreePath(Vec::new());

    /// The root itself.
    pub fn root() -> TreePath {
        TreePath::default()
    }

    /// The name that `path` is in a tree, from its root, whatever it begins with: `..` goes no higher than that.
    ///
    /// Like Go's `filepath.Clean`, and so docker, it takes `a/..` for nothing, wherever `a` leads.
    pub fn of(path: &[u8]) -> TreePath {
        let mut cleaned = TreePath::root();
        for part in path.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => cleaned.pop(),
                name => cleaned.push(name),
            }
        }
        cleaned
    }

    /// The name that an entry of a layer has.
    ///
    /// # Errors
    /// It is longer than 8192 bytes.
    pub(crate) fn of_entry(path: &[u8]) -> Result<TreePath, Failure> {
        let cleaned = TreePath::of(path);
        if cleaned.0.len() <= MAX_LENGTH {
            return Ok(cleaned);
        }
        let length = cleaned.0.len();
        Err(refused(format_args!("{cleaned}: a name of {length} bytes; at most {MAX_LENGTH} are taken")))
    }

    /// The name as bytes, without slashes at either end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Is it the root?
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The directory that it lies in and its own name; `None` for the root.
    pub fn split(&self) -> Option<(TreePath, &[u8])> {
        let (parent, name) = self.split_bytes()?;
        Some((TreePath(parent.to_vec()), name))
    }

    pub(crate) fn split_bytes(&self) -> Option<(&[u8], &[u8])> {
        if self.is_root() {
            return None;
        }
        let slash = self.0.iter().rposition(|byte| *byte == b'/');
        Some(slash.map_or((&[][..], &self.0[..]), |at| (&self.0[..at], &self.0[at + 1..])))
    }

    /// What lies in it under `name`, a single part.
    #[must_use]
    pub fn join(&self, name: &[u8]) -> TreePath {
        // snapshots hold many: none has room to spare
        let mut joined = TreePath(Vec::with_capacity(self.0.len() + 1 + name.len()));
        joined.0.extend_from_slice(&self.0);
        joined.push(name);
        joined
    }

    /// Its parts from the root on.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
    }

    pub(crate) fn push(&mut self, name: &[u8]) {
        if !self.0.is_empty() {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(name);
    }

    pub(crate) fn pop(&mut self) {
        let length = self.split_bytes().map_or(0, |(parent, _)| parent.len());
        self.0.truncate(length);
    }
}

impl fmt::Display for TreePath {
    /// For messages: from the root on, shortened where it is long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", shown(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_name_is_one() {
        for (path, cleaned) in [
            (&b"usr/bin"[..], &b"usr/bin"[..]),
            (b"./usr//bin/", b"usr/bin"),
            (b"/usr/./bin/.", b"usr/bin"),
            (b"../../usr/../usr/bin", b"usr/bin"),
            (b"etc/../../../escape", b"escape"),
            (b"..", b""),
            (b"///", b""),
            (b"", b""),
            (b"a\\..\\b", b"a\\..\\b"),
            (b"...", b"..."),
        ] {
            assert_eq!(TreePath::of(path).as_bytes(), cleaned, "{path:?}");
        }
    }

    #[test]
    fn a_name_comes_apart_as_it_is_put_together() {
        let path = TreePath::of(b"a/b/c");
        let (parent, name) = path.split().unwrap();
        assert_eq!((parent.as_bytes(), name), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(parent.join(name), path);
        assert_eq!(path.parts().collect::<Vec<_>>(), [b"a", b"b", b"c"]);
        assert_eq!(TreePath::root().split(), None);
        assert_eq!(TreePath::root().join(b"a").split().unwrap().0, TreePath::root());
    }
}
