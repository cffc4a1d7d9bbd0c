//! A layer that is one stream: decompressed on one thread, hashed on the way in and out.

use super::VerifiedTar;
use crate::compress::{Form, decompress_ahead};
use image_format::{Blob, Class, DiffId, DigestHasher, Failure, Layer};
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) struct Streamed<R> {
    plain: R,
    diff_id: DigestHasher,
    /// How many of the bytes that `plain` holds ready are hashed.
    hashed: usize,
    blob_verified: Arc<AtomicBool>,
}

/// Decompression starts at once.
pub(super) fn open(blob: Blob, layer: &Layer) -> io::Result<(Form, Box<dyn VerifiedTar>)> {
    let blob_verified = Arc::new(AtomicBool::new(false));
    let (form, plain) = decompress_ahead(VerifiedBlob::new(blob, layer, blob_verified.clone()))?;
    let diff_id = DigestHasher::new(layer.diff_id.digest().algorithm());
    Ok((form, Box::new(Streamed { plain, diff_id, hashed: 0, blob_verified })))
}

impl<R: BufRead> VerifiedTar for Streamed<R> {
    fn finish(self: Box<Self>) -> Result<DiffId, Failure> {
        if self.blob_verified.load(Ordering::Acquire) {
            return Ok(DiffId::new(self.diff_id.finish()));
        }
        Err(Failure::new(Class::Integrity, "the blob goes on behind the end of its compressed data"))
    }
}

impl<R: BufRead> BufRead for Streamed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.hashed == 0 {
            // whole blocks are hashed when they come, not the pieces in which they are taken
            let fresh = self.plain.fill_buf()?;
            self.diff_id.update(fresh);
            self.hashed = fresh.len();
        }
        self.plain.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.hashed -= count;
        self.plain.consume(count);
    }
}

impl<R: BufRead> Read for Streamed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// A blob that is compared with its descriptor when its end is read.
pub(super) struct VerifiedBlob {
    blob: Blob,
    hasher: Option<DigestHasher>,
    layer: Layer,
    size: u64,
    verified: Arc<AtomicBool>,
}

impl VerifiedBlob {
    pub(super) fn new(blob: Blob, layer: &Layer, verified: Arc<AtomicBool>) -> VerifiedBlob {
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
