//! What the tests of trees share.

mod random;

pub(crate) use random::{change, directory, layer, leaf};

use super::Privilege;
use image_format::{
    Blob, Descriptor, DiffId, Digest, Failure, FileRange, Layer, MediaType, MemoryStore, Observer, Source,
};
use std::fmt;
use std::sync::Mutex;
use test_support::{TarBuilder, gzip};

/// Hears everything.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) bytes: Mutex<u64>,
    pub(crate) notes: Mutex<Vec<String>>,
}

impl Observer for Heard {
    fn advance(&self, bytes: u64) -> Result<(), Failure> {
        *self.bytes.lock().unwrap() += bytes;
        Ok(())
    }

    fn note(&self, note: &dyn fmt::Display) {
        self.notes.lock().unwrap().push(note.to_string());
    }
}

/// An image's layers, compressed in turn by gzip and not at all.
pub(crate) fn store(tars: &[TarBuilder]) -> (MemoryStore, Vec<Layer>) {
    let store = MemoryStore::new();
    let layer = |(number, tar): (usize, &TarBuilder)| {
        let plain = tar.bytes();
        let diff_id = DiffId::new(Digest::sha256(&plain));
        let blob = if number % 2 == 0 { gzip(&plain) } else { plain };
        Layer { descriptor: store.put(MediaType::OciLayerGzip, blob), diff_id }
    };
    let layers = tars.iter().enumerate().map(layer).collect();
    (store, layers)
}

/// Blobs in files, as a layout has them.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    /// Puts `content` under `digest`, right or wrong.
    pub(crate) fn insert(&self, digest: &Digest, content: &[u8]) {
        std::fs::write(self.0.path().join(digest.hex()), content).unwrap();
    }
}

impl Source for Files {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        assert_eq!(from, 0);
        let file = std::fs::File::open(self.0.path().join(descriptor.digest.hex()))?;
        let length = file.metadata()?.len();
        Ok(Blob::from_file(FileRange { file, offset: 0, length })?)
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn privilege() -> Privilege {
    if is_root() { Privilege::Root } else { Privilege::Rootless }
}
