//! Whole images as one stream of tar: OCI archives, docker-archives, and hybrids that are both.
//!
//! - Out: [`Packing`] finds what images become in a [`Format`] and in which order, and is the source of it; an
//!   [`ArchiveWriter`] is the sink. Crate `transfer` moves blobs between the two as between any others. What is known
//!   comes first, every blob is hashed on its way, the same images give the same bytes.
//! - In: [`open`] tells an archive from a root filesystem; an [`ArchiveReader`] is its stream of blobs; [`receive`] puts
//!   each where it will stay, in one pass, and [`Received`] gives names to those that an image of the archive needs.
//!
//! ```
//! use ociutils_archive::{Opened, open};
//!
//! let mut tar = layer::TarWriter::new(Vec::new());
//! let kind = layer::Kind::File { size: 0, pieces: None };
//! let entry = layer::Entry { path: b"oci-layout".to_vec(), kind, metadata: Default::default() };
//! tar.append(&entry, &mut &b""[..])?;
//! let opened = open(std::io::Cursor::new(tar.finish()?), None).unwrap();
//! assert!(matches!(opened, Opened::Archive(_)));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Limitations
//! What refers to an image (signatures, SBOMs) does not travel. A zstd layer that becomes gzip is compressed twice, since
//! its size must be known before its first byte; a foreign gzip layer that becomes plain is decompressed twice.
#![forbid(unsafe_code)]

mod content;
mod conversion;
mod docker_rows;
mod format;
mod hashing;
mod images;
mod index_rows;
mod intake;
mod legacy;
mod output;
mod pack;
mod part;
mod read;
mod received;
mod relayer;
mod settle;
mod supply;
mod wanted;
mod write;
mod written;

pub use content::Content;
pub use format::Format;
pub use intake::{ReceiveOptions, receive};
pub use output::Output;
pub use pack::{HeldImage, PackOptions, Packing};
pub use read::{ArchiveReader, Opened, open};
pub use received::{FoundImage, Received};
pub use write::ArchiveWriter;
