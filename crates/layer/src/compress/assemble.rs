//! The parts of a compressed layer in their order: head, chunks, end, table. docs/layer-format.md.

use crate::compress::compression::ZstdLevel;
use crate::compress::encode::{Encoder, zstd_frame};
use crate::compress::table::{Chunk, GZIP_HEAD, TableForm};
use crate::compress::table_writer::TableWriter;
use std::io::{self, Write};

/// What the whole tar was, for the end of the layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Totals {
    pub(crate) crc32: u32,
    pub(crate) plain_size: u64,
}

/// Writes one layer's parts to a sink and counts them.
#[derive(Debug)]
pub(crate) struct Assembler<W> {
    sink: W,
    written: u64,
    encoder: Encoder,
    table: TableWriter,
}

impl<W: Write> Assembler<W> {
    pub(crate) fn new(sink: W, encoder: Encoder) -> Assembler<W> {
        let form = match encoder {
            Encoder::Gzip(_) => TableForm::Gzip,
            Encoder::Zstd(_) => TableForm::Zstd,
        };
        Assembler { sink, written: 0, encoder, table: TableWriter::new(form, encoder.number()) }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sink.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn head(&mut self) -> io::Result<()> {
        match self.encoder {
            Encoder::Gzip(_) if self.written == 0 => self.put(&GZIP_HEAD),
            Encoder::Gzip(_) | Encoder::Zstd(_) => Ok(()),
        }
    }

    /// Writes the next chunk.
    pub(crate) fn chunk(&mut self, compressed: &[u8], entry: Chunk) -> io::Result<()> {
        self.head()?;
        self.put(compressed)?;
        self.table.push(entry);
        Ok(())
    }

    pub(crate) fn sink(&mut self) -> &mut W {
        &mut self.sink
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }

    /// Writes the end and the table. Returns the size of the whole and the sink.
    pub(crate) fn finish(mut self, totals: Totals) -> io::Result<(u64, W)> {
        self.head()?;
        match self.encoder {
            Encoder::Gzip(_) => {
                self.put(&[3, 0])?;
                self.put(&totals.crc32.to_le_bytes())?;
                // ISIZE is the length modulo 2^32: RFC 1952, section 2.3.1.
                self.put(&(totals.plain_size as u32).to_le_bytes())?;
            }
            Encoder::Zstd(level) => self.empty_frame(level)?,
        }
        let Assembler { mut sink, written, table, .. } = self;
        let table = table
            .finish(written, totals.plain_size)
            .ok_or_else(|| io::Error::other("layer: more chunks than its table can count"))?;
        sink.write_all(&table)?;
        Ok((written + table.len() as u64, sink))
    }

    /// A zstd layer without a chunk is one empty frame: some readers refuse a stream of skippable frames alone.
    fn empty_frame(&mut self, level: ZstdLevel) -> io::Result<()> {
        if !self.table.is_empty() {
            return Ok(());
        }
        let mut frame = Vec::with_capacity(64);
        zstd_frame(level, b"", &mut frame)?;
        self.put(&frame)
    }
}
