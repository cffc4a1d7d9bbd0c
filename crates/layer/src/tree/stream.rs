//! A layer's tar, read from its blob: decompressed ahead of the reader, verified on both sides.

use crate::compress::{Form, decompress_ahead, decompress_here};
use image_format::{Blob, Class, DiffId, DigestHasher, Failure, Layer, Observer, Source};
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// gzip cannot do better than 1032; a blob that grows more than this, and by more than the allowance, is a bomb.
const MAX_GROWTH: u64 = 1100;
/// Bytes read at a time where nothing is read ahead.
const GLANCE: usize = 128 << 10;
/// What any blob may grow to, in bytes: zstd stores the zeros of a small sparse file in next to nothing.
const ALLOWANCE: u64 = 1 << 30;

/// The plain tar of one layer. Read it to its end, then [`LayerStream::finish`]: only then is it known to be the one
/// that was asked for.
pub(crate) struct LayerStream<'a> {
    plain: Box<dyn BufRead>,
    diff_id: DigestHasher,
    expected: DiffId,
    /// How many of the bytes that `plain` holds ready are hashed.
    hashed: usize,
    growth: Growth,
    blob_verified: Arc<AtomicBool>,
    observer: &'a dyn Observer,
}

/// How far a tar may grow.
struct Growth {
    size: u64,
    most: u64,
}

impl Growth {
    fn of(form: Form, layer: &Layer) -> Growth {
        let most = match form {
            Form::Plain => u64::MAX,
            _ => layer.descriptor.size.saturating_mul(MAX_GROWTH).saturating_add(ALLOWANCE),
        };
        Growth { size: 0, most }
    }

    fn add(&mut self, count: usize) -> Result<(), Failure> {
        self.size += count as u64;
        if self.size <= self.most {
            return Ok(());
        }
        let message = format!("grows beyond {} bytes, more than {MAX_GROWTH} times its blob", self.most);
        Err(Failure::new(Class::Integrity, message))
    }
}

/// The same without any check but that of growth, and without a thread of its own: for a first look, that a second one
/// confirms.
pub(crate) fn glance(source: &dyn Source, layer: &Layer) -> Result<impl BufRead + use<>, Failure> {
    let blob = source.open(&layer.descriptor, 0)?;
    let (form, plain) = decompress_here(blob).map_err(crate::failure::of_stream)?;
    Ok(BufReader::with_capacity(GLANCE, Bounded { plain, growth: Growth::of(form, layer) }))
}

/// Why a layer cannot be read: where its blob is not the one that it should be, that is the truer cause of bytes that
/// are no tar.
pub(crate) fn true_cause(source: &dyn Source, layer: &Layer, failure: Failure) -> Failure {
    if failure.class() != Class::Integrity {
        return failure;
    }
    let blob = source.open(&layer.descriptor, 0);
    let verified = blob.and_then(|blob| {
        let mut blob = VerifiedBlob::new(blob, layer, Arc::default());
        io::copy(&mut blob, &mut io::sink()).map_err(Failure::from)
    });
    verified.err().filter(|truer| truer.class() == Class::Integrity).unwrap_or(failure)
}

struct Bounded<R> {
    plain: R,
    growth: Growth,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.plain.read(buffer)?;
        self.growth.add(count)?;
        Ok(count)
    }
}

impl<'a> LayerStream<'a> {
    /// Opens a layer; decompression starts at once.
    pub(crate) fn open(
        source: &dyn Source,
        layer: &Layer,
        observer: &'a dyn Observer,
    ) -> Result<LayerStream<'a>, Failure> {
        let blob_verified = Arc::new(AtomicBool::new(false));
        let blob = VerifiedBlob::new(source.open(&layer.descriptor, 0)?, layer, blob_verified.clone());
        let (form, plain) = decompress_ahead(blob).map_err(crate::failure::of_stream)?;
        let diff_id = DigestHasher::new(layer.diff_id.digest().algorithm());
        let (plain, expected, growth) = (Box::new(plain), layer.diff_id, Growth::of(form, layer));
        Ok(LayerStream { plain, diff_id, expected, hashed: 0, growth, blob_verified, observer })
    }

    /// Checks that the whole blob and the whole tar have passed and were the right ones; gives the tar's length.
    pub(crate) fn finish(self) -> Result<u64, Failure> {
        if !self.blob_verified.load(Ordering::Acquire) {
            return Err(Failure::new(
                Class::Integrity,
                "the blob goes on behind the end of its compressed data",
            ));
        }
        let found = DiffId::new(self.diff_id.finish());
        if found == self.expected {
            return Ok(self.growth.size);
        }
        let expected = self.expected;
        Err(Failure::new(Class::Integrity, format_args!("unpacks to {found}; the config says {expected}")))
    }

    fn take_note(&mut self, fresh: usize) -> io::Result<()> {
        self.hashed = fresh;
        self.growth.add(fresh)?;
        Ok(self.observer.advance(fresh as u64)?)
    }
}

impl BufRead for LayerStream<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.hashed == 0 {
            // whole blocks are hashed when they come, not the pieces in which they are taken
            let fresh = self.plain.fill_buf()?;
            self.diff_id.update(fresh);
            let fresh = fresh.len();
            self.take_note(fresh)?;
        }
        self.plain.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.hashed -= count;
        self.plain.consume(count);
    }
}

impl Read for LayerStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// A blob that is compared with its descriptor when its end is read.
struct VerifiedBlob {
    blob: Blob,
    hasher: Option<DigestHasher>,
    layer: Layer,
    size: u64,
    verified: Arc<AtomicBool>,
}

impl VerifiedBlob {
    fn new(blob: Blob, layer: &Layer, verified: Arc<AtomicBool>) -> VerifiedBlob {
        let hasher = Some(DigestHasher::new(layer.descriptor.digest.algorithm()));
        VerifiedBlob { blob, hasher, layer: layer.clone(), size: 0, verified }
    }

    fn check(&mut self) -> Result<(), Failure> {
        let (expected, size) = (&self.layer.descriptor, self.size);
        if size != expected.size {
            let message = format!("has {size} bytes; its descriptor says {}", expected.size);
            return Err(Failure::new(Class::Integrity, message));
        }
        if let Some(hasher) = self.hasher.take() {
            let found = hasher.finish();
            if found != expected.digest {
                return Err(Failure::new(Class::Integrity, format_args!("its content's digest is {found}")));
            }
            self.verified.store(true, Ordering::Release);
        }
        Ok(())
    }
}

impl Read for VerifiedBlob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.blob.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        self.size += count as u64;
        if count == 0 && !buffer.is_empty() || self.size > self.layer.descriptor.size {
            self.check()?;
        }
        Ok(count)
    }
}
