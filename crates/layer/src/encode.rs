//! One chunk of tar to its compressed bytes: a fresh encoder, one call. DATAPATH.md §7, "deflate" and "zstd".
//!
//! Fresh encoders and single calls are what makes the bytes independent of threads: a reset encoder and small
//! output buffers give other bytes (DATAPATH.md §1).

use crate::compression::{Compression, GzipLevel, ZstdLevel};
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

    /// The chunk's compressed bytes, in a buffer that holds no more than they need.
    pub(crate) fn encode(self, plain: &[u8]) -> Result<Vec<u8>, EncodeError> {
        let mut compressed = match self {
            Encoder::Gzip(level) => deflate(level, plain)?,
            Encoder::Zstd(level) => zstd_frame(level, plain)?,
        };
        // The room reserved is never touched beyond the result; giving it back bounds memory by bytes.
        compressed.shrink_to_fit();
        Ok(compressed)
    }
}

/// Raw deflate that ends on a byte by a full flush, not by a final block.
fn deflate(level: GzipLevel, plain: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let room = plain.len() + plain.len() / 8 + 1024;
    let mut output = Vec::with_capacity(room);
    let mut encoder = flate2::Compress::new(flate2::Compression::new(level.get().into()), false);
    encoder.compress_vec(plain, &mut output, flate2::FlushCompress::Full)?;
    if encoder.total_in() != plain.len() as u64 {
        return Err(EncodeError::Contract("one call did not take the whole chunk"));
    }
    if output.len() >= room {
        return Err(EncodeError::Contract("one call filled the whole output"));
    }
    if !output.ends_with(&[0, 0, 0xff, 0xff]) {
        return Err(EncodeError::Contract("the chunk does not end in a full flush"));
    }
    Ok(output)
}

/// One frame with its content size, without checksum and dictionary id.
pub(crate) fn zstd_frame(level: ZstdLevel, plain: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = zstd::bulk::Compressor::new(level.get().into()).map_err(EncodeError::Zstd)?;
    encoder.include_contentsize(true).map_err(EncodeError::Zstd)?;
    encoder.include_checksum(false).map_err(EncodeError::Zstd)?;
    encoder.include_dictid(false).map_err(EncodeError::Zstd)?;
    encoder.compress(plain).map_err(EncodeError::Zstd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::noise;

    #[test]
    fn noise_grows_no_more_than_the_table_allows() {
        let plain = noise(3, crate::chunk::MAX_CHUNK);
        for level in GzipLevel::RANGE {
            let encoded = Encoder::Gzip(GzipLevel::new(level).unwrap()).encode(&plain).unwrap();
            assert!(encoded.len() <= plain.len() + plain.len() / 1024 + 64, "{level}: {}", encoded.len());
        }
        let encoded = Encoder::Zstd(ZstdLevel::default()).encode(&plain).unwrap();
        assert!(encoded.len() <= plain.len() + plain.len() / 1024 + 64, "{}", encoded.len());
    }

    #[test]
    fn one_byte_is_a_chunk() {
        assert!(Encoder::Gzip(GzipLevel::default()).encode(b"x").unwrap().len() >= 5);
        assert!(Encoder::Zstd(ZstdLevel::default()).encode(b"x").unwrap().len() >= 5);
    }
}
