//! What changed in a tree, before it is a layer.

use image_format::{Failure, Layer, Observer, Sink};
use layer::{Change, Changes, Compression, Snapshot, Threads, TreePath, store_layer, write_layer};
use std::path::PathBuf;

/// The changes of a tree on disk.
#[derive(Debug)]
pub struct TreeChanges {
    root: PathBuf,
    snapshot: Snapshot,
    changes: Changes,
}

impl TreeChanges {
    pub(crate) fn new(root: PathBuf, snapshot: Snapshot, changes: Changes) -> TreeChanges {
        TreeChanges { root, snapshot, changes }
    }

    /// Is nothing changed?
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// All changes in the order of names; a directory may be changed and opaque.
    pub fn iter(&self) -> impl Iterator<Item = (&TreePath, Change)> {
        self.changes.iter()
    }

    /// How many bytes the files have that a layer of the changes holds.
    pub fn size(&self) -> u64 {
        self.changes.size(&self.snapshot)
    }

    /// Stores the changes as a layer, compressed. The same changes give the same layer.
    ///
    /// # Errors
    /// A file cannot be read or changes meanwhile; no layer can say what it is called; the sink cannot be written; those of
    /// `observer`.
    pub fn store(
        &self,
        sink: &dyn Sink,
        compression: Compression,
        threads: Threads,
        observer: &dyn Observer,
    ) -> Result<Layer, Failure> {
        store_layer(sink, compression, threads, |tar| {
            write_layer(&self.root, &self.snapshot, &self.changes, tar, observer).map(drop)
        })
    }
}
