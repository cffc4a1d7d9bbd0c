//! One chunk's compressed bytes to its plain ones: the way back of [`crate::compress::encode`].

use crate::compress::buffers::Buffers;
use crate::compress::table::TableForm;
use std::io;

/// An empty final block: a chunk ends in a full flush, and libdeflate wants an end.
const FINAL_BLOCK: [u8; 2] = [3, 0];

/// Decodes chunks of one form, each alone.
pub(crate) enum Decoder {
    Gzip(libdeflater::Decompressor),
    Zstd(zstd::bulk::Decompressor<'static>),
}

impl Decoder {
    pub(crate) fn new(form: TableForm) -> io::Result<Decoder> {
        Ok(match form {
            TableForm::Gzip => Decoder::Gzip(libdeflater::Decompressor::new()),
            TableForm::Zstd => Decoder::Zstd(zstd::bulk::Decompressor::new()?),
        })
    }

    /// How many bytes longer than a chunk the buffer of its compressed bytes has to be.
    pub(crate) const SPARE: usize = FINAL_BLOCK.len();

    /// Makes `plain` of `compressed`: so many bytes, else it is an error, always [`io::ErrorKind::InvalidData`].
    pub(crate) fn decode(&mut self, buffers: &mut Buffers, length: usize) -> io::Result<()> {
        let Buffers { plain, compressed, .. } = buffers;
        let count = match self {
            Decoder::Gzip(decoder) => {
                plain.resize(length, 0);
                compressed.extend_from_slice(&FINAL_BLOCK);
                let decoded = decoder.deflate_decompress(compressed, plain);
                compressed.truncate(compressed.len() - FINAL_BLOCK.len());
                decoded.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?
            }
            Decoder::Zstd(decoder) => {
                plain.clear();
                plain.reserve_exact(length);
                let decoded = decoder.decompress_to_buffer(compressed, plain);
                decoded.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?
            }
        };
        if count == length && plain.len() == length {
            return Ok(());
        }
        let message = format!("a chunk of {count} bytes; its table says {length}");
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::compression::{GzipLevel, ZstdLevel};
    use crate::compress::encode::Encoder;
    use crate::compress::test_data::noise;

    fn encoded(encoder: Encoder, plain: &[u8]) -> Buffers {
        let mut buffers = Buffers::new(plain.len(), plain.len() + Decoder::SPARE);
        encoder.encode(plain, &mut buffers.compressed).unwrap();
        buffers
    }

    #[test]
    fn a_chunk_comes_back_as_it_was_and_its_compressed_bytes_stay() {
        let plain = [noise(1, 70_000), vec![0; 70_000]].concat();
        for (form, encoder) in [
            (TableForm::Gzip, Encoder::Gzip(GzipLevel::default())),
            (TableForm::Zstd, Encoder::Zstd(ZstdLevel::default())),
        ] {
            let mut buffers = encoded(encoder, &plain);
            let compressed = buffers.compressed.clone();
            Decoder::new(form).unwrap().decode(&mut buffers, plain.len()).unwrap();
            assert!(buffers.plain == plain && buffers.compressed == compressed, "{form:?}");
        }
    }

    #[test]
    fn a_chunk_of_another_length_than_its_table_says_is_an_error() {
        for (form, encoder) in [
            (TableForm::Gzip, Encoder::Gzip(GzipLevel::default())),
            (TableForm::Zstd, Encoder::Zstd(ZstdLevel::default())),
        ] {
            for length in [999, 1001] {
                let mut buffers = encoded(encoder, &[7; 1000]);
                let error = Decoder::new(form).unwrap().decode(&mut buffers, length).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{form:?} {length}");
            }
        }
    }
}
