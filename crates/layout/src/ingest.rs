//! A blob on its way in: hashed while it is written, named when it is whole.

use crate::layout::Layout;
use crate::storage::{Hold, Part};
use crate::{Error, path};
use image_format::{Algorithm, BlobWriter, Class, Descriptor, DigestHasher, Expected, Failure, MediaType};
use std::io::{self, Read, Write};

/// How much of an earlier attempt is hashed at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// Writes one blob into `ingest/`; [`BlobWriter::commit`] gives it its name.
pub(crate) struct Ingest {
    layout: Layout,
    /// Gone once it is published or discarded.
    part: Option<Box<dyn Part>>,
    expected: Expected,
    hasher: DigestHasher,
    have: u64,
    written: u64,
    keep: bool,
}

impl Ingest {
    /// Begins, or goes on with what an earlier process left of this very blob.
    pub(crate) fn begin(layout: &Layout, expected: Expected) -> Result<Ingest, Failure> {
        let (part, keep) = open_part(layout, &expected).map_err(Error::io(layout.path()))?;
        let have = part.have();
        let mut ingest = Ingest {
            hasher: DigestHasher::new(algorithm_of(&expected)),
            layout: layout.clone(),
            part: Some(part),
            expected,
            have,
            written: 0,
            keep,
        };
        ingest.take_over()?;
        Ok(ingest)
    }

    /// Hashes what is there already; more than the blob has is thrown away.
    fn take_over(&mut self) -> Result<(), Failure> {
        if self.have == 0 {
            return Ok(());
        }
        if self.size().is_some_and(|size| self.have > size) {
            return self.restart();
        }
        let mut blob = self.part()?.reread().map_err(Error::io(self.layout.path()))?;
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let count = blob.read(&mut buffer).map_err(Error::io(self.layout.path()))?;
            if count == 0 {
                break;
            }
            self.hasher.update(&buffer[..count]);
            self.written += count as u64;
        }
        self.have = self.written;
        Ok(())
    }

    fn size(&self) -> Option<u64> {
        match &self.expected {
            Expected::Descriptor(descriptor) => Some(descriptor.size),
            Expected::Algorithm(_) => None,
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

    fn check(&mut self) -> Result<Descriptor, Failure> {
        let found = self.hasher.clone().finish();
        let Expected::Descriptor(expected) = &self.expected else {
            let kind = MediaType::from("application/octet-stream");
            return Ok(Descriptor::new(kind, found, self.written));
        };
        let digest = expected.digest;
        if self.written < expected.size {
            let (written, size) = (self.written, expected.size);
            let message = format!("{digest}: ended after {written} bytes; expected {size}");
            return Err(Failure::new(Class::Integrity, message));
        }
        if found != digest {
            self.give_up();
            let message = format!("{digest}: the content's digest is {found}");
            return Err(Failure::new(Class::Integrity, message));
        }
        let Expected::Descriptor(expected) = &self.expected else { unreachable!("it was one above") };
        Ok(expected.clone())
    }
}

/// A collection looks at a blob's age and deletes it under the exclusive lock, so the blob must not be replaced by a
/// new one in between.
pub(crate) fn publish(layout: &Layout, part: Box<dyn Part>, key: &str) -> Result<(), Error> {
    let _lock = layout.storage.lock(Hold::Shared).map_err(Error::io(layout.path().join(path::LOCK)))?;
    part.publish(key).map_err(Error::io(layout.path().join(key)))
}

fn algorithm_of(expected: &Expected) -> Algorithm {
    match expected {
        Expected::Descriptor(descriptor) => descriptor.digest.algorithm(),
        Expected::Algorithm(algorithm) => *algorithm,
    }
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
        let key = path::fresh(&format!("{}/new-", path::INGEST));
        if let Some(part) = layout.storage.part(&key, false)? {
            return Ok((part, false));
        }
    }
}

impl Write for Ingest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(size) = self.size()
            && self.written + bytes.len() as u64 > size
        {
            self.give_up();
            let Expected::Descriptor(descriptor) = &self.expected else { unreachable!("it has a size") };
            let message =
                format!("{}: more bytes than its descriptor says; expected {size}", descriptor.digest);
            return Err(Failure::new(Class::Integrity, message).into());
        }
        let count = self.part()?.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.written += count as u64;
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
                open_part(&self.layout, &self.expected).map_err(Error::io(self.layout.path()))?;
            (self.part, self.keep) = (Some(part), keep);
        }
        self.part()?.clear().map_err(Error::io(self.layout.path()))?;
        self.hasher = DigestHasher::new(algorithm_of(&self.expected));
        (self.have, self.written) = (0, 0);
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<Descriptor, Failure> {
        let descriptor = self.check()?;
        let key = path::blob(&descriptor.digest);
        let path = self.layout.path().join(&key);
        if let Some(mut part) = self.part.take() {
            if let Err(error) = part.sync() {
                // A part that nobody can go on with is removed with this writer.
                self.part = Some(part);
                return Err(Error::io(&path)(error).into());
            }
            publish(&self.layout, part, &key)?;
        }
        Ok(descriptor)
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        if !self.keep || self.written == 0 {
            self.give_up();
        }
    }
}
