//! A blob on its way in: hashed while it is written, named when it is whole.

use crate::layout::Layout;
use crate::storage::{Hold, Part};
use crate::{Error, path};
use image_format::{Blob, BlobWriter, Class, Descriptor, Digest, Expected, Failure, Mismatch, Verifier};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How much of an earlier attempt is hashed at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// Writes one blob into `ingest/`; [`BlobWriter::commit`] gives it its name.
pub(crate) struct Ingest {
    layout: Layout,
    /// Gone once it is published or discarded.
    part: Option<Box<dyn Part>>,
    verifier: Verifier,
    have: u64,
    keep: bool,
    full: Full,
}

/// Has one of a sink's writers met the end of the disk? Then none of them leaves anything behind: what is there for
/// a later attempt would only keep the disk full.
pub(crate) type Full = Arc<AtomicBool>;

impl Ingest {
    /// Begins, or goes on with what an earlier process left of this very blob.
    pub(crate) fn begin(layout: &Layout, expected: Expected, full: &Full) -> Result<Ingest, Failure> {
        let (part, keep) = open_part(layout, &expected).map_err(Error::io(layout.path()))?;
        let have = part.have();
        let mut ingest = Ingest {
            layout: layout.clone(),
            part: Some(part),
            verifier: Verifier::new(expected),
            have,
            keep,
            full: full.clone(),
        };
        ingest.take_over()?;
        Ok(ingest)
    }

    /// Hashes what is there already; more than the blob has is thrown away.
    fn take_over(&mut self) -> Result<(), Failure> {
        if self.have == 0 {
            return Ok(());
        }
        if self.verifier.expected().size().is_some_and(|size| self.have > size) {
            return self.restart();
        }
        let mut blob = self.part()?.reread().map_err(Error::io(self.layout.path()))?;
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let count = blob.read(&mut buffer).map_err(Error::io(self.layout.path()))?;
            if count == 0 {
                break;
            }
            self.verifier.update(&buffer[..count]).map_err(|mismatch| self.integrity(mismatch))?;
        }
        self.have = self.verifier.size();
        Ok(())
    }

    fn integrity(&self, mismatch: Mismatch) -> Failure {
        match self.verifier.expected() {
            Expected::Descriptor(expected) => mismatch.of(&expected.digest),
            Expected::Algorithm(_) => Failure::new(Class::Integrity, mismatch),
        }
    }

    fn part(&mut self) -> io::Result<&mut Box<dyn Part>> {
        self.part.as_mut().ok_or_else(|| io::Error::other("the blob was given up"))
    }

    /// Bytes that cannot be right are not kept for a later attempt.
    fn give_up(&mut self) {
        if let Some(part) = self.part.take() {
            // Left behind, it is swept by the next collection.
            let _ = part.discard();
        }
    }

    /// The system would not take the bytes.
    fn refused(&self, error: io::Error) -> Failure {
        let failure = Failure::from(Error::io(self.layout.path())(error));
        if failure.class() == Class::NoSpace {
            self.full.store(true, Ordering::Relaxed);
        }
        failure
    }

    fn check(&mut self) -> Result<Descriptor, Failure> {
        self.verifier.finish().map_err(|mismatch| {
            // what is only too short is gone on with
            if matches!(mismatch, Mismatch::Digest { .. }) {
                self.give_up();
            }
            self.integrity(mismatch)
        })
    }
}

/// A collection looks at a blob's age and deletes it under the exclusive lock, so the blob must not be replaced by a
/// new one in between.
pub(crate) fn publish(layout: &Layout, part: Box<dyn Part>, key: &str) -> Result<(), Error> {
    let _lock = layout.lock(Hold::Shared)?;
    part.publish(key).map_err(Error::io(layout.path().join(key)))
}

/// The part, and whether it may be gone on with later. Where another process is fetching the same blob, this
/// one fetches it too: nobody waits for a transfer.
fn open_part(layout: &Layout, expected: &Expected) -> io::Result<(Box<dyn Part>, bool)> {
    if let Expected::Descriptor(descriptor) = expected
        && let Some(part) = layout.storage.part(&path::partial(&descriptor.digest), true)?
    {
        return Ok((part, true));
    }
    loop {
        let key = path::nameless();
        if let Some(part) = layout.storage.part(&key, false)? {
            return Ok((part, false));
        }
    }
}

impl Write for Ingest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(mismatch) = self.verifier.admit(bytes.len()) {
            self.give_up();
            return Err(self.integrity(mismatch).into());
        }
        let count = self.part()?.write(bytes);
        let count = count.map_err(|error| self.refused(error))?;
        self.verifier.update(&bytes[..count]).map_err(|mismatch| self.integrity(mismatch))?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for Ingest {
    fn have(&self) -> u64 {
        self.have
    }

    fn restart(&mut self) -> Result<(), Failure> {
        if self.part.is_none() {
            let (part, keep) =
                open_part(&self.layout, self.verifier.expected()).map_err(Error::io(self.layout.path()))?;
            (self.part, self.keep) = (Some(part), keep);
        }
        self.part()?.clear().map_err(Error::io(self.layout.path()))?;
        self.verifier.restart();
        self.have = 0;
        Ok(())
    }

    fn so_far(&self) -> (Digest, u64) {
        self.verifier.so_far()
    }

    fn read_back(&mut self) -> Result<Blob, Failure> {
        let path = self.layout.path().to_owned();
        Ok(self.part().and_then(|part| part.reread()).map_err(Error::io(path))?)
    }

    fn commit(mut self: Box<Self>) -> Result<Descriptor, Failure> {
        let descriptor = self.check()?;
        let synced = self.part().and_then(|part| part.sync());
        // A part that nobody can go on with is removed with this writer.
        synced.map_err(|error| self.refused(error))?;
        if let Some(part) = self.part.take() {
            publish(&self.layout, part, &path::blob(&descriptor.digest))?;
        }
        Ok(descriptor)
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        if !self.keep || self.verifier.size() == 0 || self.full.load(Ordering::Relaxed) {
            self.give_up();
        }
    }
}
