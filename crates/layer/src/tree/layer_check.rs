//! Whether a tar that passes by is a layer that any tool unpacks, as far as one layer alone says so.

use super::TreePath;
use super::apply::check_count;
use super::target::mark;
use crate::entry::{Entry, Kind, TarCheck, TarSummary};
use crate::failure::refused;
use image_format::Failure;
use std::io;

/// Follows a tar, and refuses the entries that [`super::apply()`] refuses whatever tree they meet: whiteouts of nothing,
/// names that are too long, a root that is no directory.
#[derive(Debug)]
pub struct LayerCheck {
    tar: TarCheck,
    entries: u64,
}

impl LayerCheck {
    /// A check of a layer, which may link to files of those below.
    pub fn new() -> LayerCheck {
        LayerCheck { tar: TarCheck::new(), entries: 0 }
    }

    /// A check of a layer with none below: its hard links lead to entries before them.
    pub fn alone() -> LayerCheck {
        LayerCheck { tar: TarCheck::alone(), entries: 0 }
    }

    /// Takes the next bytes of the tar.
    ///
    /// # Errors
    /// [`crate::TarError`] or a [`Failure`] inside an [`io::Error`]. The check is of no use after that.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let LayerCheck { tar, entries } = self;
        tar.push_each(bytes, |entry| {
            *entries += 1;
            check_count(*entries).and_then(|()| check(entry)).map_err(io::Error::from)
        })
    }

    /// What the tar was, when it has passed.
    ///
    /// # Errors
    /// Those of [`TarCheck::finish`].
    pub fn finish(self) -> io::Result<TarSummary> {
        Ok(self.tar.finish()?)
    }
}

impl Default for LayerCheck {
    fn default() -> LayerCheck {
        LayerCheck::new()
    }
}

fn check(entry: &Entry) -> Result<(), Failure> {
    let path = TreePath::of_entry(&entry.path)?;
    match path.split() {
        None if entry.kind != Kind::Directory => {
            Err(refused("the root of the tree is no directory").at(&path))
        }
        None => Ok(()),
        Some((parent, name)) => mark(&parent, name).map(drop).map_err(|error| error.at(&path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Metadata, TarWriter};
    use crate::tree::path::MAX_LENGTH;

    fn checked(path: &[u8]) -> Result<TarSummary, String> {
        let kind = Kind::File { size: 0, pieces: None };
        let mut tar = TarWriter::new(Vec::new());
        tar.append(&Entry { path: path.to_vec(), kind, metadata: Metadata::default() }, &mut io::empty())
            .unwrap();
        let mut check = LayerCheck::new();
        check.push(&tar.finish().unwrap()).and_then(|()| check.finish()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_no_tree_takes_is_refused_by_its_name() {
        for (path, said) in [
            (&b"a/.wh."[..], "/a/.wh.: a whiteout of no file"),
            (b".wh.gone/f", "/.wh.gone/f: lies below a whiteout"),
            (b"./", "/: the root of the tree is no directory"),
        ] {
            assert_eq!(checked(path).unwrap_err(), said);
        }
        assert!(checked(&vec![b'a'; MAX_LENGTH + 1]).unwrap_err().contains("at most"));
        for taken in [&b"a/.wh.b"[..], b".wh..wh..opq", b".wh..wh.plnk/x", b"a"] {
            assert!(checked(taken).unwrap().ended);
        }
    }
}
