//! A layer is a tar of changes.
#![forbid(unsafe_code)]
mod assemble;
mod chunk;
mod compression;
mod encode;
mod pipeline;
pub mod table;
mod table_writer;
#[cfg(test)]
mod test_data;
mod writer;
pub use compression::{Compression, CompressionError, GzipLevel, ZstdLevel};
pub use pipeline::Threads;
pub use writer::{Finished, LayerWriter};
