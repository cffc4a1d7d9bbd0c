//! A range of a layer's tar, read from its blob: by its table of chunks where it has one, else from the beginning on.

use super::stream::glance;
use crate::compress::{Buffers, ChunkedBlob, Decoder};
use image_format::{Failure, Layer, Source};
use std::io::{self, BufRead, Read};

/// The `length` bytes of the tar of `layer` from `offset` on. They are not verified.
pub(crate) fn open(
    source: &dyn Source,
    layer: &Layer,
    offset: u64,
    length: u64,
) -> Result<Box<dyn Read>, Failure> {
    if let Some(chunks) = Chunks::of(source, layer, offset)? {
        return Ok(Box::new(Exactly { reader: chunks, left: length }));
    }
    let mut tar = glance(source, layer)?;
    skip(&mut tar, offset)?;
    Ok(Box::new(Exactly { reader: tar, left: length }))
}

fn skip(tar: &mut impl BufRead, mut left: u64) -> io::Result<()> {
    while left > 0 {
        let count = tar.fill_buf()?.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        tar.consume(count);
        left -= count as u64;
    }
    Ok(())
}

/// So many bytes and no fewer.
struct Exactly<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.reader.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// The tar from some chunk on.
struct Chunks {
    blob: ChunkedBlob,
    decoder: Decoder,
    next: usize,
    /// Where the next chunk begins in the blob.
    offset: u64,
    buffers: Buffers,
    position: usize,
}

impl Chunks {
    /// `None` where the blob is in no file, or has no table.
    fn of(source: &dyn Source, layer: &Layer, from: u64) -> Result<Option<Chunks>, Failure> {
        let blob = source.open(&layer.descriptor, 0)?;
        let Some(blob) = ChunkedBlob::of(&blob, layer.descriptor.size)? else { return Ok(None) };
        let table = blob.table();
        let (mut begin, mut next, mut offset) = (0, 0, table.first_chunk_offset());
        for chunk in table.chunks() {
            if begin + u64::from(chunk.plain) > from {
                break;
            }
            begin += u64::from(chunk.plain);
            offset += u64::from(chunk.compressed);
            next += 1;
        }
        let decoder = Decoder::new(table.form())?;
        let mut chunks = Chunks { blob, decoder, next, offset, buffers: Buffers::new(0, 0), position: 0 };
        chunks.fill()?;
        chunks.position = usize::try_from(from - begin).unwrap_or(usize::MAX).min(chunks.buffers.plain.len());
        Ok(Some(chunks))
    }

    /// Decodes the next chunk, if there is one.
    fn fill(&mut self) -> io::Result<()> {
        self.buffers.plain.clear();
        self.position = 0;
        let Some(chunk) = self.blob.table().chunks().get(self.next).copied() else { return Ok(()) };
        self.blob.decode(&mut self.decoder, chunk, self.offset, &mut self.buffers)?;
        if xxhash_rust::xxh3::xxh3_128(&self.buffers.plain) != chunk.xxh3 {
            let message = format!("chunk {} is not what the table of chunks says", self.next);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.next += 1;
        self.offset += u64::from(chunk.compressed);
        Ok(())
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position == self.buffers.plain.len() {
            self.fill()?;
        }
        let count = (&self.buffers.plain[self.position..]).read(buffer)?;
        self.position += count;
        Ok(count)
    }
}
