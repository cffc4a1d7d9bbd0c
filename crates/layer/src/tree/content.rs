//! A range of a layer's tar, read from its blob: by its table of chunks where it has one, else from the beginning on.

use super::stream::glance;
use crate::compress::{ChunkTable, TableForm, find_table};
use image_format::{Failure, FileRange, Layer, Source};
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;

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
    file: File,
    table: ChunkTable,
    next: usize,
    /// Where the next chunk begins in the file.
    offset: u64,
    plain: Vec<u8>,
    position: usize,
}

impl Chunks {
    /// `None` where the blob is in no file, or has no table.
    fn of(source: &dyn Source, layer: &Layer, from: u64) -> Result<Option<Chunks>, Failure> {
        let Some(FileRange { file, offset: 0, length }) =
            source.open(&layer.descriptor, 0)?.into_file_range()
        else {
            return Ok(None);
        };
        if length != layer.descriptor.size {
            return Ok(None);
        }
        let Some(table) = find_table(&file)? else { return Ok(None) };
        let (mut begin, mut next, mut offset) = (0, 0, table.first_chunk_offset());
        for chunk in table.chunks() {
            if begin + u64::from(chunk.plain) > from {
                break;
            }
            begin += u64::from(chunk.plain);
            offset += u64::from(chunk.compressed);
            next += 1;
        }
        let mut chunks = Chunks { file, table, next, offset, plain: Vec::new(), position: 0 };
        chunks.fill()?;
        chunks.position = usize::try_from(from - begin).unwrap_or(usize::MAX).min(chunks.plain.len());
        Ok(Some(chunks))
    }

    /// Decodes the next chunk, if there is one.
    fn fill(&mut self) -> io::Result<()> {
        self.plain.clear();
        self.position = 0;
        let Some(chunk) = self.table.chunks().get(self.next).copied() else { return Ok(()) };
        let mut compressed = vec![0; chunk.compressed as usize];
        self.file.read_exact_at(&mut compressed, self.offset)?;
        let most = u64::from(chunk.plain);
        match self.table.form() {
            TableForm::Gzip => {
                // a chunk has no final block: it ends with its bytes, not with the stream
                let mut decoder = flate2::Decompress::new(false);
                self.plain.reserve_exact(chunk.plain as usize);
                let decoded =
                    decoder.decompress_vec(&compressed, &mut self.plain, flate2::FlushDecompress::Sync);
                decoded.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
            TableForm::Zstd => {
                zstd::stream::read::Decoder::new(&compressed[..])?
                    .take(most + 1)
                    .read_to_end(&mut self.plain)?;
            }
        }
        if self.plain.len() as u64 != most || xxhash_rust::xxh3::xxh3_128(&self.plain) != chunk.xxh3 {
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
        if self.position == self.plain.len() {
            self.fill()?;
        }
        let count = (&self.plain[self.position..]).read(buffer)?;
        self.position += count;
        Ok(count)
    }
}
