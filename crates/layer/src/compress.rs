//! A layer's bytes: a plain tar becomes a blob, and any blob becomes a plain tar again. Nothing in here knows what a
//! tar is.
//!
//! - [`writer`]: the way in. The tar is cut by content ([`chunk`]), each chunk deflated alone by whatever thread is
//!   free ([`pipeline`], [`encode`], [`buffers`]), and the parts put in order ([`assemble`]), with the table of chunks
//!   behind them ([`table_writer`]). The bytes are a contract: docs/layer-format.md.
//!   [`reader`] is the same for who reads the blob. Chunks that an earlier layer has are copied ([`earlier`]).
//! - [`decompress()`]: the way out, for whatever form others made ([`form`], [`gzip_members`]), ahead of
//!   the reader ([`ahead`]).
//! - [`side_by_side`]: the way out of what we made, by its table: chunks are decoded ([`decode`]) by whatever thread is free.
//! - [`table`]: what stands behind a layer of ours, read; an aid that is never trusted.

mod ahead;
mod assemble;
mod buffers;
mod chunk;
mod compression;
mod decode;
mod decompress;
mod earlier;
mod encode;
mod form;
mod gzip_members;
mod pipeline;
mod reader;
mod side_by_side;
pub mod table;
mod table_writer;
#[cfg(test)]
mod test_data;
mod unpacked;
mod writer;
mod xz_limit;

pub(crate) use buffers::Buffers;
pub use compression::{Compression, CompressionError, GzipLevel, ZstdLevel};
pub(crate) use decode::Decoder;
pub(crate) use decompress::decompress_ahead;
pub use decompress::{decompress, decompress_here};
pub use earlier::Earlier;
pub use form::Form;
pub use pipeline::Threads;
pub(crate) use pipeline::guarded;
pub use reader::CompressingReader;
pub(crate) use side_by_side::{ChunkedBlob, Part, SideBySide};
pub use table::{Chunk, ChunkTable, TableForm, find_table, unpacked_size};
pub use unpacked::{unpacked_size_of, unpacked_size_of_all};
pub use writer::{Finished, LayerWriter};
