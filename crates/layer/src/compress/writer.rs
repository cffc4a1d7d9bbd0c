//! The way of a new layer: the plain tar goes in, the compressed blob comes out, in one pass.

use crate::compress::assemble::Assembler;
use crate::compress::buffers::release;
use crate::compress::chunk::{Cutter, MAX_CHUNK};
use crate::compress::compression::Compression;
use crate::compress::earlier::Earlier;
use crate::compress::encode::Encoder;
use crate::compress::pipeline::{Done, Hasher, Hashes, Pipeline, Threads};
use image_format::DiffId;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

/// Bytes taken at a time; what lies behind a cut, and has to be moved, is never more.
const STEP: usize = 64 << 10;

/// What became of a tar that went through a [`LayerWriter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The digest of the tar.
    pub diff_id: DiffId,
    /// The length of the tar in bytes.
    pub plain_size: u64,
    /// The length of the blob in bytes.
    pub compressed_size: u64,
    /// The number of the encoder in the blob's table; `None` for a plain tar. Equal numbers mean equal blobs for
    /// equal tars.
    pub encoder: Option<u16>,
}

/// Takes a layer's tar by [`Write`] and gives its blob to a sink, which hashes what it gets.
///
/// The blob is the one of docs/layer-format.md, the same with any number of threads and any sizes of writes. Chunks are
/// compressed on worker threads, in buffers of 16 MiB together: memory does not grow with the layer. An error of the
/// sink is returned by the write that met it or a later one; after an error every call fails. `flush` flushes the
/// sink alone: what has not become a chunk yet stays.
///
/// Dropped without [`LayerWriter::finish`], it ends its threads and drops the sink with what it has.
#[must_use = "a layer that is not finished lacks its end"]
pub struct LayerWriter<W: Write>(State<W>);

enum State<W: Write> {
    Plain { sink: W, hasher: Box<Hasher> },
    Chunked(Box<Chunked<W>>),
    Failed,
}

impl<W: Write> LayerWriter<W> {
    /// A writer of one layer to `sink`. Threads start as data comes.
    pub fn new(sink: W, compression: Compression, threads: Threads) -> LayerWriter<W> {
        LayerWriter::reusing(sink, compression, threads, None)
    }

    /// The same, which copies chunks of an earlier layer where the same bytes come again. The blob is the same with it and
    /// without.
    pub fn reusing(
        sink: W,
        compression: Compression,
        threads: Threads,
        earlier: Option<Arc<Earlier>>,
    ) -> LayerWriter<W> {
        LayerWriter(match Encoder::of(compression) {
            None => State::Plain { sink, hasher: Box::new(Hasher::new()) },
            Some(encoder) => State::Chunked(Box::new(Chunked {
                encoder,
                rest: Vec::with_capacity(MAX_CHUNK),
                cutter: Cutter::default(),
                pipeline: Pipeline::new(encoder, threads, earlier),
                blob: Assembler::new(sink, encoder),
            })),
        })
    }

    /// Writes what is left, the end and the table; gives back the sink, which is not flushed.
    ///
    /// # Errors
    /// What the sink or a compressing thread met; the sink is then dropped.
    pub fn finish(self) -> io::Result<(Finished, W)> {
        match self.0 {
            State::Plain { sink, hasher } => {
                let Hashes { diff_id, totals } = hasher.finish();
                let size = totals.plain_size;
                Ok((Finished { diff_id, plain_size: size, compressed_size: size, encoder: None }, sink))
            }
            State::Chunked(chunked) => chunked.finish(),
            State::Failed => Err(failed()),
        }
    }

    /// Lets `step` take from the sink what it has so far; after an error there is no sink.
    pub(crate) fn sink(&mut self, step: impl FnOnce(&mut W)) {
        match &mut self.0 {
            State::Plain { sink, .. } => step(sink),
            State::Chunked(chunked) => step(chunked.blob.sink()),
            State::Failed => {}
        }
    }

    /// Does one step; after an error nothing is left that could be written to.
    fn guard<T>(&mut self, step: impl FnOnce(&mut State<W>) -> io::Result<T>) -> io::Result<T> {
        let result = step(&mut self.0);
        if result.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            self.0 = State::Failed;
        }
        result
    }
}

impl<W: Write> Write for LayerWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.guard(|state| match state {
            State::Plain { sink, hasher } => {
                let taken = sink.write(bytes)?;
                hasher.update(&bytes[..taken]);
                Ok(taken)
            }
            State::Chunked(chunked) => chunked.write(bytes).map(|()| bytes.len()),
            State::Failed => Err(failed()),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.guard(|state| match state {
            State::Plain { sink, .. } => sink.flush(),
            State::Chunked(chunked) => chunked.blob.flush(),
            State::Failed => Err(failed()),
        })
    }
}

impl<W: Write> fmt::Debug for LayerWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Plain { .. } => "LayerWriter(plain)",
            State::Chunked(_) => "LayerWriter(chunked)",
            State::Failed => "LayerWriter(failed)",
        })
    }
}

fn failed() -> io::Error {
    io::Error::other("layer: an earlier write failed")
}

/// A writer whose blob consists of chunks.
struct Chunked<W: Write> {
    encoder: Encoder,
    /// The tar since the last cut.
    rest: Vec<u8>,
    cutter: Cutter,
    pipeline: Pipeline,
    blob: Assembler<W>,
}

impl<W: Write> Chunked<W> {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = MAX_CHUNK - self.rest.len();
            let (now, later) = bytes.split_at(bytes.len().min(STEP).min(room));
            self.rest.extend_from_slice(now);
            bytes = later;
            // Once per step is enough: no two cuts lie within 64 KiB.
            if let Some(length) = self.cutter.find(&self.rest) {
                self.submit(length)?;
            }
        }
        Ok(())
    }

    /// Hands the first `length` bytes over, and writes what is done meanwhile.
    fn submit(&mut self, length: usize) -> io::Result<()> {
        let mut buffers = loop {
            self.write_done()?;
            match self.pipeline.buffers(length) {
                Some(buffers) => break buffers,
                None => self.pipeline.wait()?,
            }
        };
        buffers.plain.clear();
        buffers.plain.extend_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        self.pipeline.submit(buffers)
    }

    /// Writes all chunks that are done and whose turn it is.
    fn write_done(&mut self) -> io::Result<()> {
        while let Some(Done { buffers, entry }) = self.pipeline.next()? {
            self.blob.chunk(&buffers.compressed, entry)?;
            self.pipeline.give(buffers);
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<(Finished, W)> {
        if !self.rest.is_empty() {
            self.submit(self.rest.len())?;
        }
        self.write_done()?;
        while !self.pipeline.is_empty() {
            self.pipeline.wait()?;
            self.write_done()?;
        }
        release(&mut self.rest);
        let Hashes { diff_id, totals } = self.pipeline.finish()?;
        let (compressed_size, sink) = self.blob.finish(totals)?;
        let encoder = Some(self.encoder.number());
        Ok((Finished { diff_id, plain_size: totals.plain_size, compressed_size, encoder }, sink))
    }
}
