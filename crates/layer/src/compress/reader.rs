//! The way of a new layer for who reads its blob: the plain tar is read and compressed meanwhile.

use crate::compress::compression::Compression;
use crate::compress::pipeline::Threads;
use crate::compress::writer::LayerWriter;
use crate::read_full::read_full;
use image_format::DiffId;
use std::fmt;
use std::io::{self, Read, Write};

/// Plain bytes compressed at a time.
const STEP: usize = 256 << 10;

/// The blob that a plain tar becomes in a [`LayerWriter`], by [`Read`]. Its chunks are compressed ahead of the reader.
pub struct CompressingReader<R> {
    plain: R,
    /// `None` once the tar has ended.
    writer: Option<LayerWriter<Vec<u8>>>,
    step: Vec<u8>,
    /// What is compressed and not read yet, from `position` on.
    compressed: Vec<u8>,
    position: usize,
    diff_id: Option<DiffId>,
}

impl<R: Read> CompressingReader<R> {
    /// The blob of the tar `plain`.
    pub fn new(plain: R, compression: Compression, threads: Threads) -> CompressingReader<R> {
        let writer = Some(LayerWriter::new(Vec::new(), compression, threads));
        CompressingReader {
            plain,
            writer,
            step: vec![0; STEP],
            compressed: Vec::new(),
            position: 0,
            diff_id: None,
        }
    }

    /// The DiffID of the tar, once the blob has been read to its end.
    pub fn diff_id(&self) -> Option<DiffId> {
        self.diff_id
    }

    /// Hands on what comes next of the tar, and takes what is done of what came before.
    fn advance(&mut self) -> io::Result<()> {
        self.position = 0;
        self.compressed = Vec::new(); // what was read goes before more comes: one buffer at a time
        let count = read_full(&mut self.plain, &mut self.step)?;
        match &mut self.writer {
            Some(writer) if count > 0 => {
                writer.write_all(&self.step[..count])?;
                writer.sink(|sink| self.compressed = std::mem::take(sink));
            }
            writer => {
                if let Some(writer) = writer.take() {
                    let (finished, compressed) = writer.finish()?;
                    (self.diff_id, self.compressed) = (Some(finished.diff_id), compressed);
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for CompressingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.compressed.len() && self.writer.is_some() {
            self.advance()?;
        }
        let count = (&self.compressed[self.position..]).read(buffer)?;
        self.position += count;
        Ok(count)
    }
}

impl<R> fmt::Debug for CompressingReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressingReader").field("writer", &self.writer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::test_data::noise;

    #[test]
    fn the_blob_is_the_writers() {
        for (form, length) in [("gzip", 0), ("gzip", 5_000_000), ("zstd", 5_000_000), ("none", 300_000)] {
            let (plain, compression) = (noise(7, length), form.parse().unwrap());
            let mut writer = LayerWriter::new(Vec::new(), compression, Threads::default());
            writer.write_all(&plain).unwrap();
            let mut blob = Vec::new();
            CompressingReader::new(&plain[..], compression, Threads::default())
                .read_to_end(&mut blob)
                .unwrap();
            assert!(blob == writer.finish().unwrap().1, "{form} {length}");
        }
    }

    #[test]
    fn an_error_of_the_tar_is_the_blobs_too() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::InvalidData.into())
            }
        }
        let plain = io::repeat(1).take(3_000_000).chain(Broken);
        let mut blob = CompressingReader::new(plain, Compression::default(), Threads::default());
        assert_eq!(io::copy(&mut blob, &mut io::sink()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
