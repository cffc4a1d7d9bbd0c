//! A layer is a tar of changes.
#![forbid(unsafe_code)]
mod chunk;
pub mod table;
mod table_writer;
mod encode;
mod compression;
#[cfg(test)]
mod test_data;
pub use compression::{Compression, CompressionError, GzipLevel, ZstdLevel};
