//! An OCI image layout directory that any number of processes read and write at once.
//!
//! Blobs appear whole or not at all; `index.json` is edited under a lock and replaced at once; a writer's lease
//! keeps what it is about to name from being collected. What is on disk, and why that is safe: docs/contract.md.
//!
//! ```
//! # fn main() -> Result<(), image_format::Failure> {
//! # use ociutils_layout::{Layout, Options};
//! # use image_format::MediaType;
//! # let directory = std::env::temp_dir().join(format!("layout-doc-{}", std::process::id()));
//! let layout = Layout::create(&directory, Options::default())?;
//! let sink = layout.sink()?;
//! let config = sink.put(MediaType::OciConfig, b"{}")?;
//! assert_eq!(layout.size_of(&config.digest)?, Some(2));
//! # std::fs::remove_dir_all(&directory).unwrap();
//! # Ok(()) }
//! ```
//!
//! # Limitations
//! Linux only. A foreign writer that takes no lock (skopeo, crane) can still lose its own or our last edit.
#![forbid(unsafe_code)]

mod check;
mod collect;
mod directory;
mod edit;
mod error;
mod held;
mod index_file;
mod ingest;
mod latest;
mod layout;
mod lease;
mod lock;
mod part;
mod path;
mod presence;
mod reach;
mod removal;
mod resolve;
mod row_head;
mod sink;
mod snapshot;
mod stop;
mod storage;
mod unused;
mod upload;

pub use check::{Check, CheckLayer, Decompressed, Note, Problem};
pub use collect::{Collected, Collection, Spared};
pub use edit::IndexEdit;
pub use error::Error;
pub use latest::Latest;
pub use layout::{Layout, Options};
pub use lease::Lease;
pub use path::blob as blob_path;
pub use reach::Reach;
pub use removal::{Removal, Removed};
pub use resolve::{Found, Lookup};
pub use sink::LayoutSink;
pub use snapshot::{Image, Row, Snapshot};
pub use stop::Stop;
pub use upload::{Upload, UploadHash, UploadId, UploadIdError};
