//! One chunk of tar to its compressed bytes: a fresh encoder, one call. docs/layer-format.md, "deflate" and "The zstd form".
//!
//! Fresh encoders and single calls are what makes the bytes independent of threads: a reset encoder and small
//! output buffers give other bytes (docs/layer-format.md, "deflate").

use crate::compress::buffers::room;
use crate::compress::compression::{Compression, GzipLevel, ZstdLevel};
use std::io;

/// What an encoder did that its contract excludes, or could not do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    #[error("deflate: {0}")]
    Deflate(#[from] flate2::CompressError),
    #[error("deflate: {0}; this is a defect of this program")]
    Contract(&'static str),
    #[error("zstd: {0}")]
    Zstd(io::Error),
}

impl From<EncodeError> for io::Error {
    fn from(error: EncodeError) -> io::Error {
        io::Error::other(error)
    }
}

/// How a chunk is encoded; the copyable part of a [`Compression`] that worker threads need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoder {
    Gzip(GzipLevel),
    Zstd(ZstdLevel),
}

impl Encoder {
    /// `None` for [`Compression::None`], which has neither chunks nor a table.
    pub(crate) fn of(compression: Compression) -> Option<Encoder> {
        match compression {
            Compression::Gzip(level) => Some(Encoder::Gzip(level)),
            Compression::Zstd(level) => Some(Encoder::Zstd(level)),
            Compression::None => None,
        }
    }

    /// The encoder's number in the table. Any change of bytes takes a new high byte.
    pub(crate) fn number(self) -> u16 {
        match self {
            Encoder::Gzip(level) => 0x0100 + u16::from(level.get()),
            Encoder::Zstd(level) => 0x0200 + u16::from(level.get()),
        }
    }

    /// About the bytes that the encoder itself takes while it runs; those of zstd's high levels take far more.
    pub(crate) fn memory(self) -> usize {
        match self {
            Encoder::Gzip(_) => 400 << 10,
            Encoder::Zstd(_) => 1500 << 10,
        }
    }

    /// Appends the chunk's compressed bytes to `compressed`, which has [`room`] for them and is never moved.
    pub(crate) fn encode(self, plain: &[u8], compressed: &mut Vec<u8>) -> Result<(), EncodeError> {
        compressed.clear();
        compressed.reserve(room(plain.len()));
        match self {
            Encoder::Gzip(level) => deflate(level, plain, compressed),
            Encoder::Zstd(level) => zstd_frame(level, plain, compressed),
        }
    }
}

/// Raw deflate that ends on a byte by a full flush, not by a final block.
fn deflate(level: GzipLevel, plain: &[u8], compressed: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut encoder = flate2::Compress::new(flate2::Compression::new(level.get().into()), false);
    encoder.compress_vec(plain, compressed, flate2::FlushCompress::Full)?;
    if encoder.total_in() != plain.len() as u64 {
        return Err(EncodeError::Contract("one call did not take the whole chunk"));
    }
    if compressed.len() >= room(plain.len()) {
        return Err(EncodeError::Contract("one call filled the whole output"));
    }
    if !compressed.ends_with(&[0, 0, 0xff, 0xff]) {
        return Err(EncodeError::Contract("the chunk does not end in a full flush"));
    }
    Ok(())
}

/// One frame with its content size, without checksum and dictionary id.
pub(crate) fn zstd_frame(
    level: ZstdLevel,
    plain: &[u8],
    compressed: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut encoder = zstd::bulk::Compressor::new(level.get().into()).map_err(EncodeError::Zstd)?;
    encoder.include_contentsize(true).map_err(EncodeError::Zstd)?;
    encoder.include_checksum(false).map_err(EncodeError::Zstd)?;
    encoder.include_dictid(false).map_err(EncodeError::Zstd)?;
    encoder.compress_to_buffer(plain, compressed).map_err(EncodeError::Zstd)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::test_data::noise;

    fn length(encoder: Encoder, plain: &[u8]) -> usize {
        let mut compressed = Vec::new();
        encoder.encode(plain, &mut compressed).unwrap();
        compressed.len()
    }

    #[test]
    fn noise_grows_no_more_than_the_table_allows() {
        let plain = noise(3, crate::compress::chunk::MAX_CHUNK);
        for level in GzipLevel::RANGE {
            let encoded = length(Encoder::Gzip(GzipLevel::new(level).unwrap()), &plain);
            assert!(encoded <= plain.len() + plain.len() / 1024 + 64, "{level}: {encoded}");
        }
        let encoded = length(Encoder::Zstd(ZstdLevel::default()), &plain);
        assert!(encoded <= plain.len() + plain.len() / 1024 + 64, "{encoded}");
    }

    #[test]
    fn one_byte_is_a_chunk() {
        assert!(length(Encoder::Gzip(GzipLevel::default()), b"x") >= 5);
        assert!(length(Encoder::Zstd(ZstdLevel::default()), b"x") >= 5);
    }
}
