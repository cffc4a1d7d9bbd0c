//! A layer's tar, read from its blob: decompressed ahead of the reader, verified on both sides.

use super::{Layer, Observer};
use crate::compress::{Ahead, Form, decompress_ahead};
use image_format::{Blob, Class, DiffId, DigestHasher, Failure, Source};
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// gzip cannot do better than 1032; a blob that grows more than this, and by more than the allowance, is a bomb.
const MAX_GROWTH: u64 = 1100;
/// What any blob may grow to, in bytes: zstd stores the zeros of a small sparse file in next to nothing.
const ALLOWANCE: u64 = 1 << 30;

/// The plain tar of one layer. Read it to its end, then [`LayerStream::finish`]: only then is it known to be the one
/// that was asked for.
pub(crate) struct LayerStream<'a> {
    plain: Ahead,
    diff_id: DigestHasher,
    expected: DiffId,
    /// How many of the bytes that `plain` holds ready are hashed.
    hashed: usize,
    size: u64,
    most: u64,
    blob_verified: Arc<AtomicBool>,
    observer: &'a dyn Observer,
}

impl<'a> LayerStream<'a> {
    /// Opens a layer; decompression starts at once.
    pub(crate) fn open(
        source: &dyn Source,
        layer: &Layer,
        observer: &'a dyn Observer,
    ) -> Result<LayerStream<'a>, Failure> {
        let blob_verified = Arc::new(AtomicBool::new(false));
        let blob = VerifiedBlob {
            blob: source.open(&layer.descriptor, 0)?,
            hasher: Some(DigestHasher::new(layer.descriptor.digest.algorithm())),
            layer: layer.clone(),
            size: 0,
            verified: blob_verified.clone(),
        };
        let (form, plain) = decompress_ahead(blob).map_err(crate::failure::of_stream)?;
        let most = match form {
            Form::Plain => u64::MAX,
            _ => layer.descriptor.size.saturating_mul(MAX_GROWTH).saturating_add(ALLOWANCE),
        };
        let diff_id = DigestHasher::new(layer.diff_id.digest().algorithm());
        let expected = layer.diff_id;
        Ok(LayerStream { plain, diff_id, expected, hashed: 0, size: 0, most, blob_verified, observer })
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
            return Ok(self.size);
        }
        let expected = self.expected;
        Err(Failure::new(Class::Integrity, format_args!("unpacks to {found}; the config says {expected}")))
    }

    fn take_note(&mut self, fresh: usize) -> io::Result<()> {
        self.hashed = fresh;
        self.size += fresh as u64;
        if self.size > self.most {
            let message = format!("grows beyond {} bytes, more than {MAX_GROWTH} times its blob", self.most);
            return Err(Failure::new(Class::Integrity, message).into());
        }
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
