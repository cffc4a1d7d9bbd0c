//! A layer is a tar of changes. Here it becomes a blob and comes back, and a stack of them becomes a tree.
//!
//! Three parts, each in a directory of its own: `compress`, bytes; `entry`, the tar that they are; `tree`, what its
//! entries do to a tree of files.
//!
//! - [`LayerWriter`]: a plain tar in, a compressed blob out, in one pass, with the same bytes on any machine and
//!   with any number of threads; behind the data stands a [`table`] of its chunks (docs/layer-format.md).
//! - [`decompress`]: the plain bytes of whatever form a stream is in.
//! - [`TarReader`] and [`TarWriter`]: a tar as entries, with all that real layers hold; [`TarCheck`]: whether the bytes
//!   that pass by are a tar at all.
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

mod compress;
mod entry;
mod failure;
mod import;
mod packages;
mod read_full;
mod store;
mod tree;

pub use compress::{
    Chunk, ChunkTable, CompressingReader, Compression, CompressionError, Earlier, Finished, Form, GzipLevel,
    LayerWriter, TableForm, Threads, ZstdLevel, decompress, decompress_here, find_table, table,
    unpacked_size, unpacked_size_of, unpacked_size_of_all,
};
pub use entry::{
    Content, Device, Entry, Kind, Metadata, Piece, TarCheck, TarError, TarReader, TarSummary, TarWriter,
    Time, Whiteout, begins_tar, pax,
};
pub use failure::of_stream;
pub use import::{ImportOptions, Imported, Links, import};
pub use packages::{Package, PackageDifference, PackageManager, PackageState};
pub use read_full::read_full;
pub use store::{StoreOptions, store_layer, store_layer_with};
pub use tree::{
    Amount, Aspect, Blame, Change, Changes, Comparison, Contents, Deed, FileDifference, FileKind, FileState,
    Folded, Holes, Indexes, Item, LayerChanges, LayerCheck, LayerDifference, LayerState, Privilege, Root,
    Snapshot, TreePath, Unpacking, Untouched, View, ViewNode, ViewReader, apply, clear_directory, diff,
    doubtful, file_kind, file_xattrs, flatten, folded, is_of_the_machine, names_in, overlay_changes, pack,
    read_file, unpack, write_layer,
};
