//! What an archive holds once it was read: its entries by name and by digest, and giving blobs their names.

use crate::part::{Part, Stored, Storing};
use image_format::{
    Blob, Class, Descriptor, Digest, Failure, ImageName, Manifest, MediaType, Raw, Root, Source, in_parallel,
    store,
};
use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read};
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most links that lead from a name to its entry.
const MAX_LINKS: usize = 16;
/// How many blobs are synced side by side: a disk does many as fast as one.
const COMMITS: NonZeroUsize = NonZeroUsize::new(8).expect("eight is not zero");

/// An image of an archive.
#[derive(Clone, Debug)]
pub struct FoundImage {
    /// Its manifest or index.
    pub descriptor: Descriptor,
    /// What the archive calls it; empty where it has no name.
    pub names: Vec<ImageName>,
    /// A tag that the archive gives it without saying of what.
    pub tag: Option<String>,
}

/// An archive that was read to its end. Nothing of it has a name yet.
pub struct Received<'a> {
    pub(crate) storing: Storing<'a>,
    /// By the names of their entries.
    pub(crate) parts: HashMap<String, Mutex<Part>>,
    pub(crate) links: HashMap<String, String>,
    /// The entries that hold these bytes, or the layers that they became.
    pub(crate) names: Mutex<HashMap<Digest, String>>,
    /// Manifests that were made here.
    pub(crate) made: HashMap<Digest, Vec<u8>>,
}

impl Received<'_> {
    /// The entry that this name leads to, through its links; `None` where there is none that has bytes.
    pub(crate) fn entry<'n>(&'n self, name: &'n str) -> Option<(&'n str, &'n Mutex<Part>)> {
        let mut name = name.trim_start_matches("./");
        for _ in 0..MAX_LINKS {
            if let Some(part) = self.parts.get(name) {
                return Some((name, part));
            }
            name = self.links.get(name)?;
        }
        None
    }

    /// The name of the entry whose bytes, or the layer that they became, have this digest.
    pub(crate) fn name_of(&self, digest: &Digest) -> Option<String> {
        lock(&self.names).get(digest).cloned()
    }

    /// The bytes of a small entry; `None` where there is no such entry.
    pub(crate) fn document(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        let Some((name, part)) = self.entry(name) else { return Ok(None) };
        let mut part = lock(part);
        if part.size > limit {
            let size = part.size;
            let message = format!("{name}: {size} bytes; at most {limit} are read");
            return Err(Failure::new(Class::Integrity, message));
        }
        let mut bytes = Vec::new();
        part.read()?.read_to_end(&mut bytes).map_err(Failure::from)?;
        Ok(Some(bytes))
    }

    /// Keeps a manifest that was made here, until it is committed.
    pub(crate) fn make(&mut self, manifest: Raw<Manifest>) -> Descriptor {
        let descriptor = manifest.descriptor(MediaType::OciManifest);
        self.made.insert(descriptor.digest, manifest.into_bytes());
        descriptor
    }

    /// Names the blobs and manifests of these images, which were settled. The images themselves get no name.
    ///
    /// # Errors
    /// The sink cannot be written.
    pub fn commit(&self, images: &[Root]) -> Result<(), Failure> {
        let mut seen = HashSet::new();
        let mut blobs: Vec<Digest> = Vec::new();
        for (_, node) in images.iter().flat_map(|image| &image.documents) {
            let children = node.children();
            blobs.extend(children.iter().map(|child| child.digest).filter(|digest| seen.insert(*digest)));
        }
        in_parallel(&blobs, COMMITS, |digest| self.commit_one(digest))?;
        for (descriptor, node) in images.iter().flat_map(|image| &image.documents) {
            store(self.storing.sink, descriptor, node.bytes())?;
        }
        Ok(())
    }

    /// What the archive lacks the sink has.
    fn commit_one(&self, digest: &Digest) -> Result<(), Failure> {
        self.storing.observer.advance(0)?;
        if let Some(bytes) = self.made.get(digest) {
            let kind = MediaType::from("application/octet-stream");
            let descriptor = Descriptor::new(kind, *digest, bytes.len() as u64);
            return store(self.storing.sink, &descriptor, bytes).map(drop);
        }
        let Some(name) = self.name_of(digest) else { return Ok(()) };
        let Some((_, part)) = self.entry(&name) else { return Ok(()) };
        let mut part = lock(part);
        if part.blob() == *digest { part.commit(self.storing.sink) } else { Ok(()) }
    }
}

/// A thread that panicked in here left a part that is not committed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The archive's manifests and configs.
impl Source for Received<'_> {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        let digest = &descriptor.digest;
        let bytes = match self.made.get(digest) {
            Some(bytes) => bytes.clone(),
            None => {
                let name = self.name_of(digest);
                let part = name.as_deref().and_then(|name| self.entry(name));
                let Some((_, part)) = part else {
                    return Err(lacks([*digest]));
                };
                let mut part = lock(part);
                if let Stored::Verbatim(_, Some(writer)) = &mut part.stored {
                    let mut blob = writer.read_back()?;
                    std::io::copy(&mut (&mut blob).take(from), &mut std::io::sink())?;
                    return Ok(blob);
                }
                let mut bytes = Vec::new();
                part.read()?
                    .take(descriptor.size.saturating_add(1))
                    .read_to_end(&mut bytes)
                    .map_err(Failure::from)?;
                bytes
            }
        };
        let mut bytes = Cursor::new(bytes);
        bytes.set_position(from);
        Ok(Blob::from_reader(bytes))
    }
}

/// How many missing blobs a message names.
const MAX_NAMED: usize = 16;

/// What neither the archive nor the sink has.
pub(crate) fn lacks(digests: impl IntoIterator<Item = Digest>) -> Failure {
    let mut names: Vec<String> = digests.into_iter().map(|digest| digest.to_string()).collect();
    names.sort();
    names.dedup();
    if names.len() > MAX_NAMED {
        let more = names.len() - MAX_NAMED;
        names.truncate(MAX_NAMED);
        names.push(format!("{more} more"));
    }
    Failure::new(Class::NotFound, format_args!("the archive lacks {}", names.join(", ")))
        .with_hint("was it exported with --not-in? Then import it where the rest is")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::{ReceiveOptions, receive};
    use crate::read::{Opened, open};
    use image_format::{MemoryStore, Silent};
    use layer::{Compression, Entry, Kind, Metadata, TarWriter, Threads};

    #[test]
    fn a_blob_is_read_from_any_byte_wherever_it_waits() {
        let (held, waiting) = (b"small".repeat(10), b"large".repeat(50_000));
        let mut tar = TarWriter::new(Vec::new());
        for blob in [&held, &waiting] {
            let path = crate::format::blob_entry(&Digest::sha256(blob)).into_bytes();
            let kind = Kind::File { size: blob.len() as u64, pieces: None };
            tar.append(&Entry { path, kind, metadata: Metadata::default() }, &mut &blob[..]).unwrap();
        }
        let content = Some(crate::Content::Archive);
        let opened = open(Cursor::new(tar.finish().unwrap()), content).unwrap();
        let Opened::Archive(mut reader) = opened else { panic!("it was said to be an archive") };
        let store = MemoryStore::new();
        let compression = Some(Compression::None);
        let options = ReceiveOptions { compression, threads: Threads::default(), observer: &Silent };
        let received = receive(&mut reader, &store, options).unwrap();
        for blob in [held, waiting] {
            let kind = MediaType::from("application/octet-stream");
            let descriptor = Descriptor::new(kind, Digest::sha256(&blob), blob.len() as u64);
            for from in [0, 7, blob.len()] {
                let mut rest = Vec::new();
                received.open(&descriptor, from as u64).unwrap().read_to_end(&mut rest).unwrap();
                assert_eq!(rest, blob[from..], "from {from}");
            }
        }
    }
}
