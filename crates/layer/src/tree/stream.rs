//! A layer's tar, read from its blob: decompressed ahead of the reader, verified on both sides.

mod chunked;
mod streamed;

use self::chunked::Chunked;
use crate::compress::{ChunkedBlob, Form, decompress_here};
use crate::failure::of_stream;
use image_format::{Blob, Class, DiffId, Failure, Layer, Observer, Source};
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

/// gzip cannot do better than 1032; a blob that grows more than this, and by more than the allowance, is a bomb.
const MAX_GROWTH: u64 = 1100;
/// Bytes read at a time where nothing is read ahead.
const GLANCE: usize = 128 << 10;
/// What any blob may grow to, in bytes: zstd stores the zeros of a small sparse file in next to nothing.
const ALLOWANCE: u64 = 1 << 30;
/// A blob of fewer chunks is one stream: there is nothing to do side by side.
const MIN_CHUNKS: usize = 2;

/// The plain tar of one layer. Read it to its end, then [`LayerStream::finish`]: only then is it known to be the one
/// that was asked for.
pub(crate) struct LayerStream<'a> {
    plain: Bounded<Box<dyn VerifiedTar>>,
    expected: DiffId,
    observer: &'a dyn Observer,
}

/// A tar that is hashed as it is read, and so is the blob that it comes from.
trait VerifiedTar: BufRead {
    /// Checks that the whole blob has passed and was the right one; gives the digest of the tar.
    fn finish(self: Box<Self>) -> Result<DiffId, Failure>;
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

/// A tar that may not grow without end.
struct Bounded<R> {
    plain: R,
    growth: Growth,
    /// How many of the bytes that `plain` holds ready are counted.
    counted: usize,
}

impl<R: BufRead> Bounded<R> {
    fn new(plain: R, growth: Growth) -> Bounded<R> {
        Bounded { plain, growth, counted: 0 }
    }

    /// What is ready, and how many bytes of it have come just now.
    fn fill(&mut self) -> io::Result<(&[u8], usize)> {
        let ready = self.plain.fill_buf()?.len();
        let fresh = ready - self.counted;
        self.counted = ready;
        self.growth.add(fresh)?;
        Ok((self.plain.fill_buf()?, fresh))
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.fill()?.0)
    }

    fn consume(&mut self, count: usize) {
        self.counted -= count;
        self.plain.consume(count);
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// The tar without any check but that of growth, and without a thread of its own: for a first look, that a second one
/// confirms.
pub(crate) fn glance(source: &dyn Source, layer: &Layer) -> Result<impl BufRead + use<>, Failure> {
    let blob = source.open(&layer.descriptor, 0)?;
    let (form, plain) = decompress_here(blob).map_err(of_stream)?;
    let plain = BufReader::with_capacity(GLANCE, plain);
    Ok(Bounded::new(plain, Growth::of(form, layer)))
}

/// The chunks of a blob that can be decoded side by side.
fn chunks_of(blob: &Blob, layer: &Layer) -> Option<(Form, ChunkedBlob)> {
    let chunks = ChunkedBlob::of(blob, layer.descriptor.size).ok().flatten()?;
    (chunks.table().chunks().len() >= MIN_CHUNKS).then(|| (chunks.table().form().into(), chunks))
}

/// Why a layer cannot be read: where its blob is not the one that it should be, that is the truer cause of bytes that
/// are no tar.
pub(crate) fn true_cause(source: &dyn Source, layer: &Layer, failure: Failure) -> Failure {
    if failure.class() != Class::Integrity {
        return failure;
    }
    let blob = source.open(&layer.descriptor, 0);
    let verified = blob.and_then(|blob| {
        let mut blob = streamed::VerifiedBlob::new(blob, layer, Arc::default());
        io::copy(&mut blob, &mut io::sink()).map_err(Failure::from)
    });
    verified.err().filter(|truer| truer.class() == Class::Integrity).unwrap_or(failure)
}

impl<'a> LayerStream<'a> {
    /// Opens a layer. What is one stream is decompressed from now on; chunks, which are decoded by all threads, from the
    /// first read on.
    pub(crate) fn open(
        source: &dyn Source,
        layer: &Layer,
        observer: &'a dyn Observer,
    ) -> Result<LayerStream<'a>, Failure> {
        let blob = source.open(&layer.descriptor, 0)?;
        let (form, plain) = match chunks_of(&blob, layer) {
            Some((form, chunks)) => (form, Box::new(Chunked::new(chunks, layer)) as _),
            None => streamed::open(blob, layer).map_err(of_stream)?,
        };
        let plain = Bounded::new(plain, Growth::of(form, layer));
        Ok(LayerStream { plain, expected: layer.diff_id, observer })
    }

    /// Checks that the whole blob and the whole tar have passed and were the right ones; gives the tar's length.
    pub(crate) fn finish(self) -> Result<u64, Failure> {
        let found = self.plain.plain.finish()?;
        if found == self.expected {
            return Ok(self.plain.growth.size);
        }
        let expected = self.expected;
        Err(Failure::new(Class::Integrity, format_args!("unpacks to {found}; the config says {expected}")))
    }
}

impl BufRead for LayerStream<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let fresh = self.plain.fill()?.1;
        if fresh > 0 {
            self.observer.advance(fresh as u64)?;
        }
        self.plain.fill_buf()
    }

    fn consume(&mut self, count: usize) {
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

#[cfg(test)]
mod tests;
