//! Whole images as one stream of tar: OCI archives, docker-archives, and hybrids that are both.
#![forbid(unsafe_code)]

mod bytes;
mod docker_rows;
mod format;
mod images;
mod index_rows;
mod kind;
mod legacy;
mod output;
mod pack;
mod part;
mod read;
mod receive;
mod received;
mod relayer;
mod settle;
mod wanted;
mod write;

pub use format::Format;
pub use kind::Content;
pub use output::Output;
pub use pack::{Image, PackOptions, Packing};
pub use read::{ArchiveReader, Opened, open};
pub use receive::{ReceiveOptions, Received, receive};
pub use received::FoundImage;
pub use write::ArchiveWriter;
