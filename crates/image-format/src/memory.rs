//! A store in memory, so that each side of a transfer can be tested alone.

use crate::{
    Blob, BlobWriter, Class, Descriptor, Digest, Expected, Failure, ImageName, MediaType, Sink, Source,
    Verifier,
};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Names = Vec<(Option<ImageName>, Descriptor)>;

/// Blobs and names in memory: a [`Source`] and a [`Sink`].
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    blobs: Arc<Mutex<BTreeMap<Digest, Vec<u8>>>>,
    names: Arc<Mutex<Names>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// Adds `content` and describes it.
    pub fn put(&self, media_type: MediaType, content: impl Into<Vec<u8>>) -> Descriptor {
        let content = content.into();
        let descriptor = Descriptor::new(media_type, Digest::sha256(&content), content.len() as u64);
        self.insert(descriptor.digest, content);
        descriptor
    }

    /// Puts `content` under `digest`, right or wrong.
    pub fn insert(&self, digest: Digest, content: Vec<u8>) {
        lock(&self.blobs).insert(digest, content);
    }

    /// The content of `digest`, if it is here.
    pub fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        lock(&self.blobs).get(digest).cloned()
    }

    /// The names given so far, in order.
    pub fn names(&self) -> Vec<(Option<ImageName>, Descriptor)> {
        lock(&self.names).clone()
    }
}

/// A thread that panicked in here left a whole map behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Source for MemoryStore {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        let digest = descriptor.digest;
        let content = self
            .get(&digest)
            .ok_or_else(|| Failure::new(Class::NotFound, format_args!("{digest}: no such blob")))?;
        let mut reader = Cursor::new(content);
        reader.set_position(from);
        Ok(Blob::from_reader(reader))
    }
}

impl Sink for MemoryStore {
    fn missing<'a>(&self, descriptors: &'a [Descriptor]) -> Result<Vec<&'a Descriptor>, Failure> {
        let blobs = lock(&self.blobs);
        Ok(descriptors.iter().filter(|descriptor| !blobs.contains_key(&descriptor.digest)).collect())
    }

    fn writer(&self, expected: Expected) -> Result<Box<dyn BlobWriter>, Failure> {
        Ok(Box::new(MemoryWriter { store: self.clone(), expected, content: Vec::new() }))
    }

    fn name(&self, name: Option<&ImageName>, descriptor: &Descriptor) -> Result<(), Failure> {
        lock(&self.names).push((name.cloned(), descriptor.clone()));
        Ok(())
    }
}

struct MemoryWriter {
    store: MemoryStore,
    expected: Expected,
    content: Vec<u8>,
}

impl Write for MemoryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for MemoryWriter {
    fn restart(&mut self) -> Result<(), Failure> {
        self.content.clear();
        Ok(())
    }

    fn so_far(&self) -> (Digest, u64) {
        (Digest::of(self.expected.algorithm(), &self.content), self.content.len() as u64)
    }

    fn read_back(&mut self) -> Result<Blob, Failure> {
        Ok(Blob::from_reader(Cursor::new(self.content.clone())))
    }

    fn commit(self: Box<Self>) -> Result<Descriptor, Failure> {
        let mut verifier = Verifier::new(self.expected.clone());
        let verified = verifier.update(&self.content).and_then(|()| verifier.finish());
        let descriptor = verified.map_err(|mismatch| match &self.expected {
            Expected::Descriptor(expected) => mismatch.of(&expected.digest),
            Expected::Algorithm(_) => Failure::new(Class::Integrity, mismatch),
        })?;
        self.store.insert(descriptor.digest, self.content);
        Ok(descriptor)
    }
}
