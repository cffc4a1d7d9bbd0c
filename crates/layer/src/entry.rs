//! A layer's tar as entries: what one is, how it is read from what others wrote, how ours is written.
//!
//! - [`Entry`]: one file, link, directory or device with all that a layer says about it.
//! - [`TarReader`]: every dialect that layers come in, ustar, PAX and GNU, read strictly in one pass. It knows
//!   nothing of what names mean: paths and targets are bytes, as the tar has them.
//! - [`TarWriter`]: one form, the same bytes for the same entries: ustar, with PAX records where ustar cannot hold
//!   a value.
//! - [`TarCheck`]: whether bytes that pass by are a tar that the reader reads: both are one `Parser`, the one pulls, the
//!   other is pushed.
//! - [`Whiteout`]: what a name says about the layers below.
//!
//! The `tar` crate gives the blocks alone: its reader loses what stands behind a newline in an extended header, and
//! with it the size of the entry.

mod block;
mod extensions;
mod header;
mod links;
mod parser;
pub mod pax;
mod reader;
mod sparse;
mod tar_check;
mod tar_error;
mod time;
mod whiteout;
mod writer;

pub(crate) use parser::Parser;
pub use reader::{Content, TarReader};
pub use sparse::Piece;
pub use tar_check::{TarCheck, TarSummary, begins_tar};
pub use tar_error::TarError;
pub use time::Time;
pub use whiteout::Whiteout;
pub use writer::TarWriter;

use std::collections::BTreeMap;

/// One entry of a layer's tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name as the tar has it: perhaps absolute, with `..`, not UTF-8; never with a zero byte.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// What goes with it.
    pub metadata: Metadata,
}

impl Entry {
    /// How many bytes of content stand behind its header, holes left out.
    pub fn stored_size(&self) -> u64 {
        match &self.kind {
            Kind::File { pieces: Some(pieces), .. } => pieces.iter().map(|piece| piece.length).sum(),
            Kind::File { size, pieces: None } => *size,
            _ => 0,
        }
    }
}

/// What an entry is. Names are bytes, as the tar has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// Its length in bytes, holes included.
        size: u64,
        /// Where the bytes behind the header belong; all else is zeros. `None`: they are the whole file.
        pieces: Option<Vec<Piece>>,
    },
    /// Another name of a file that came before, in this layer or one below.
    HardLink {
        /// That file's name.
        target: Vec<u8>,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points.
        target: Vec<u8>,
    },
    /// A character device.
    CharacterDevice(Device),
    /// A block device.
    BlockDevice(Device),
    /// A named pipe.
    Fifo,
    /// A directory.
    Directory,
}

/// A device's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

/// What goes with a file besides its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Permissions, setuid, setgid and sticky: 12 bits.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// When the content last changed.
    pub mtime: Time,
    /// Extended attributes by name, `user.note`.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}
