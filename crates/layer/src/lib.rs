//! A layer is a tar of changes. Here it becomes a blob and comes back.
//!
//! - [`LayerWriter`]: a plain tar in, a compressed blob out, in one pass, with the same bytes on any machine and
//!   with any number of threads; behind the data stands a [`table`] of its chunks (DESIGN.md §5).
//! - [`decompress`]: the plain bytes of whatever form a stream is in.
//! - [`TarCheck`]: whether the bytes that pass by are a tar at all.
//!
//! ```
//! use ociutils_layer::{Compression, LayerWriter, Threads};
//! use std::io::Write;
//!
//! let mut layer = LayerWriter::new(Vec::new(), "gzip".parse()?, Threads::default());
//! layer.write_all(&[0; 10_240])?;
//! let (finished, blob) = layer.finish()?;
//! assert_eq!((finished.plain_size, blob.len()), (10_240, 155));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limitations
//!
//! The blobs are a contract of exact versions of `flate2`, `zlib-rs`, `zstd` and the tables of `fastcdc`; golden
//! digests in `tests/golden.rs` hold them. zstd's levels above 12 take tens of megabytes for each thread.

#![forbid(unsafe_code)]

mod ahead;
mod assemble;
mod buffers;
mod chunk;
mod compression;
mod decompress;
mod encode;
mod form;
mod import;
pub mod pax;
mod pipeline;
pub mod table;
mod table_writer;
mod tar_check;
#[cfg(test)]
mod test_data;
mod unpacked;
mod writer;
mod xz_limit;

pub use compression::{Compression, CompressionError, GzipLevel, ZstdLevel};
pub use decompress::{decompress, decompress_here};
pub use form::Form;
pub use import::{Archives, ImportOptions, import};
pub use pipeline::Threads;
pub use table::{Chunk, ChunkTable, TableForm, find_table, unpacked_size};
pub use tar_check::{TarCheck, TarError, TarSummary};
pub use unpacked::unpacked_size_of;
pub use writer::{Finished, LayerWriter};
