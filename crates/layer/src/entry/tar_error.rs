//! Why a stream is not a tar that may be read.

use super::pax;
use std::io;

/// Why a stream is not a tar. Offsets are in bytes of the plain tar.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// There was not one byte.
    #[error("empty input")]
    Empty,
    /// The first block is no header.
    #[error(
        "not a tar archive: the first 512 bytes have no valid header checksum; \
         expected a tar, plain or compressed with gzip, zstd, xz or bzip2"
    )]
    NotTar,
    /// A later block that must be a header is not.
    #[error("tar: byte {0}: no valid header checksum where an entry should begin")]
    Checksum(u64),
    /// The stream ends within a header or an entry's content.
    #[error("tar: ends too early, at byte {offset}: {missing} bytes of {part} are missing")]
    Truncated {
        /// The length of the stream.
        offset: u64,
        /// How many bytes are missing at least.
        missing: u64,
        /// What they belong to.
        part: &'static str,
    },
    /// The last thing is an extended header or a long name with no entry behind.
    #[error("tar: ends with an extended header that no entry follows")]
    Dangling,
    /// One zero block with something else behind it.
    #[error("tar: byte {0}: a lone block of zeros; the end of a tar is two")]
    LoneZeroBlock(u64),
    /// The size is no number, negative or more than a file can have.
    #[error("tar: byte {0}: the entry's size is not a number from 0 to 2^63")]
    Size(u64),
    /// An extended header or a long name above 1 MiB.
    #[error("tar: byte {offset}: an extended header of {size} bytes; at most 1048576 are read")]
    ExtensionTooLong {
        /// Where it begins.
        offset: u64,
        /// Its length.
        size: u64,
    },
    /// A PAX extended header whose records do not follow each other by their lengths.
    #[error("tar: byte {offset}: extended header: {error}")]
    Pax {
        /// Where the header begins.
        offset: u64,
        /// What is wrong with its records.
        error: pax::PaxError,
    },
    /// A global extended header sets the size of all entries behind it; readers disagree what that means.
    #[error("tar: byte {0}: a global extended header sets a size")]
    GlobalSize(u64),
    /// A field or record of an entry is not the number that it must be.
    #[error("tar: byte {offset}: the entry's {field} is not a number that it can be")]
    Number {
        /// Where the entry's header begins.
        offset: u64,
        /// Which number.
        field: &'static str,
    },
    /// A name or a link's target with a zero byte in it.
    #[error("tar: byte {offset}: the entry's {field} holds a zero byte")]
    ZeroByte {
        /// Where the entry's header begins.
        offset: u64,
        /// Name or target.
        field: &'static str,
    },
    /// A type that no reader of layers knows.
    #[error("tar: byte {offset}: an entry of the unknown type {kind:#04x}")]
    UnknownType {
        /// Where the entry's header begins.
        offset: u64,
        /// The type as it stands in the header.
        kind: u8,
    },
    /// The map of a sparse file is not ascending, does not fit its content, or cannot be read.
    #[error("tar: byte {0}: the map of a sparse file is malformed")]
    SparseMap(u64),
    /// A sparse file of more pieces than are read.
    #[error("tar: byte {0}: a sparse file of more than 1048576 pieces")]
    TooManyPieces(u64),
    /// An extended attribute in libarchive's form that is not one.
    #[error("tar: byte {0}: an extended attribute is not in base 64")]
    Xattr(u64),
    /// A hard link to what is not in the tar before it.
    #[error("tar: byte {offset}: a hard link to {target:?}, which is not before it in the archive")]
    LostLink {
        /// Where the entry's header begins.
        offset: u64,
        /// What it says that it leads to.
        target: String,
    },
    /// More behind the end of the tar than any writer's padding.
    #[error("tar: more than 16777216 bytes follow its end")]
    Trailing,
}

impl From<TarError> for io::Error {
    fn from(error: TarError) -> io::Error {
        let kind = match error {
            TarError::Truncated { .. } | TarError::Dangling => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}
