//! Where the bytes of blobs come from and go to. A directory, a registry and a tar stream implement these
//! traits; a copy between any two of them is one function (crate `transfer`).
//!
//! The traits are synchronous: an implementation that is not keeps its runtime behind its door.

use crate::{Algorithm, Class, Descriptor, Digest, Failure, ImageName, Observer, Root};
use std::fs::File;
use std::io::{self, Read, Write};

/// Where the same bytes already lie, so that a [`Sink`] of the same kind need not have them sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// In this repository of this registry: a candidate for a mount.
    Repository {
        /// `HOST[:PORT]`.
        registry: String,
        /// The path in it.
        repository: String,
    },
    /// In this file of a layout: a candidate for a reflink or a hard link.
    File(std::path::PathBuf),
}

/// A blob that lies in a file, as a whole.
#[derive(Debug)]
pub struct FileRange {
    /// The file, open for reading; its position is not used.
    pub file: File,
    /// Where the blob's bytes begin.
    pub offset: u64,
    /// How many there are.
    pub length: u64,
}

/// The bytes of a blob, in order, from where it was opened. It is not verified: what names or uses the
/// bytes hashes them ([`BlobWriter::commit`], [`crate::read_verified`]).
pub struct Blob {
    reader: Box<dyn Read + Send>,
    file: Option<FileRange>,
}

impl Blob {
    /// A blob that is read from a stream.
    pub fn from_reader(reader: impl Read + Send + 'static) -> Blob {
        Blob { reader: Box::new(reader), file: None }
    }

    /// A blob that is (a range of) a file.
    ///
    /// # Errors
    /// The file cannot be duplicated.
    pub fn from_file(range: FileRange) -> io::Result<Blob> {
        let reader = RangeReader { file: range.file.try_clone()?, at: range.offset, left: range.length };
        Ok(Blob { reader: Box::new(reader), file: Some(range) })
    }

    /// The file range that holds the blob, where it is one: for `copy_file_range` and reflinks.
    pub fn file_range(&self) -> Option<&FileRange> {
        self.file.as_ref()
    }

    /// Gives the file range away, where the blob is one.
    pub fn into_file_range(self) -> Option<FileRange> {
        self.file
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

struct RangeReader {
    file: File,
    at: u64,
    left: u64,
}

impl Read for RangeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// A place that blobs and manifests are read from.
pub trait Source: Sync {
    /// Opens the blob or manifest `descriptor`, beginning at byte `from`.
    ///
    /// A reader that was promised `size` bytes may give fewer or others; see [`Blob`].
    ///
    /// # Errors
    /// It is not there, or cannot be reached.
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure>;

    /// The descriptors of what refers to `subject` (signatures, SBOMs); empty where there are none.
    ///
    /// # Errors
    /// The source cannot be reached.
    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, Failure> {
        let _ = subject;
        Ok(Vec::new())
    }

    /// A source of just these blobs from which nobody can take them away, whatever is removed meanwhile; `None`
    /// where the source needs no such care.
    ///
    /// # Errors
    /// One of them is not there.
    fn hold(&self, descriptors: &[Descriptor]) -> Result<Option<Box<dyn Source + Send>>, Failure> {
        let _ = descriptors;
        Ok(None)
    }

    /// Where a [`Sink`] of the same kind finds the blob without having it sent.
    fn origin(&self, descriptor: &Descriptor) -> Option<Origin> {
        let _ = descriptor;
        None
    }
}

/// What a writer is to receive.
#[derive(Clone, Debug)]
pub enum Expected {
    /// This blob, which [`BlobWriter::commit`] checks.
    Descriptor(Descriptor),
    /// Anything: the digest of this algorithm is found on the way.
    Algorithm(Algorithm),
}

impl Expected {
    /// The algorithm of the digest that is found on the way.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Expected::Descriptor(descriptor) => descriptor.digest.algorithm(),
            Expected::Algorithm(algorithm) => *algorithm,
        }
    }

    /// The length in bytes, where it is known.
    pub fn size(&self) -> Option<u64> {
        match self {
            Expected::Descriptor(descriptor) => Some(descriptor.size),
            Expected::Algorithm(_) => None,
        }
    }
}

/// Receives one blob.
#[must_use = "a blob exists only once it is committed"]
pub trait BlobWriter: Write + Send {
    /// How many bytes of the expected blob are here from an earlier attempt: send the rest.
    fn have(&self) -> u64 {
        0
    }

    /// Throws away what came before, so that the blob can be sent from its first byte.
    ///
    /// # Errors
    /// The old bytes cannot be removed.
    fn restart(&mut self) -> Result<(), Failure>;

    /// Takes the bytes that lie in a file without having them written, where it can; they are hashed all the same.
    /// `observer` hears how many came, and may stop it. `false`: nothing was taken, write them.
    ///
    /// # Errors
    /// The file cannot be read, or this writer cannot be written.
    fn take_file(&mut self, range: &FileRange, observer: &dyn Observer) -> Result<bool, Failure> {
        let _ = (range, observer);
        Ok(false)
    }

    /// The digest and the length of all that is here so far.
    fn so_far(&self) -> (Digest, u64);

    /// All that is here so far, to be read again before it has a name.
    ///
    /// # Errors
    /// It cannot be read, or is on its way already.
    fn read_back(&mut self) -> Result<Blob, Failure> {
        Err(Failure::new(Class::Failed, "what was sent cannot be read back"))
    }

    /// Checks the bytes and gives the blob its name.
    ///
    /// Idempotent: `Ok` means that the blob is stored, not that this call stored it. The media type of a blob
    /// that was not announced is `application/octet-stream`.
    ///
    /// # Errors
    /// Size or digest differ ([`crate::Class::Integrity`], the bytes are gone), or it cannot be stored.
    fn commit(self: Box<Self>) -> Result<Descriptor, Failure>;
}

/// A place that blobs, manifests and names are written to.
pub trait Sink: Sync {
    /// Hears which images will come, before the first of their blobs: a stream begins with them.
    ///
    /// # Errors
    /// The sink cannot take them.
    fn begin(&self, images: &[Root]) -> Result<(), Failure> {
        let _ = images;
        Ok(())
    }

    /// Which of these are not here yet. What is here is kept from deletion until the sink is dropped.
    ///
    /// # Errors
    /// The sink cannot be asked.
    fn missing<'a>(&self, descriptors: &'a [Descriptor]) -> Result<Vec<&'a Descriptor>, Failure>;

    /// How many bytes of a missing blob an earlier attempt has left here, so that only the rest has to be sent. They
    /// have not been checked, so it may turn out to be none.
    ///
    /// # Errors
    /// The sink cannot be asked.
    fn have(&self, descriptor: &Descriptor) -> Result<u64, Failure> {
        let _ = descriptor;
        Ok(0)
    }

    /// Takes over a blob from where it already lies; `false` where that cannot be, so that it is to be sent.
    ///
    /// # Errors
    /// The sink broke; never merely because it cannot adopt.
    fn adopt(&self, descriptor: &Descriptor, origin: &Origin) -> Result<bool, Failure> {
        let _ = (descriptor, origin);
        Ok(false)
    }

    /// A writer for one blob or manifest.
    ///
    /// # Errors
    /// The sink cannot take it.
    fn writer(&self, expected: Expected) -> Result<Box<dyn BlobWriter>, Failure>;

    /// Hears that all of the images are here that were announced: a stream ends with it.
    ///
    /// # Errors
    /// Something is not whole, or the end cannot be written.
    fn finish(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Gives the image `descriptor`, whose graph is here, a name; without one it is kept under its digest.
    ///
    /// # Errors
    /// The sink cannot keep the name.
    fn name(&self, name: Option<&ImageName>, descriptor: &Descriptor) -> Result<(), Failure>;
}
