//! What compression a stream is in, told by its first bytes.

use crate::compress::table::TableForm;
use std::fmt;

/// The form of a stream of tar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Anything that is none of the others; hopefully a plain tar, which [`crate::TarCheck`] tells.
    Plain,
    /// gzip, RFC 1952: one member or many.
    Gzip,
    /// zstd, RFC 8878: frames and skippable frames.
    Zstd,
    /// xz, one stream or many.
    Xz,
    /// bzip2, one stream or many.
    Bzip2,
}

impl Form {
    /// So many bytes are enough for [`Form::of`].
    pub const PREFIX: usize = 10;

    /// The form of a stream that begins with `prefix`: its first [`Form::PREFIX`] bytes, or all of a shorter one.
    pub fn of(prefix: &[u8]) -> Form {
        match prefix {
            [0x1f, 0x8b, 8, ..] => Form::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Form::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Form::Xz,
            // A tar may begin with a file called "BZh9": its first block or end mark must follow.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Form::Bzip2,
            _ => Form::Plain,
        }
    }
}

impl From<TableForm> for Form {
    fn from(form: TableForm) -> Form {
        match form {
            TableForm::Gzip => Form::Gzip,
            TableForm::Zstd => Form::Zstd,
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Form::Plain => "plain",
            Form::Gzip => "gzip",
            Form::Zstd => "zstd",
            Form::Xz => "xz",
            Form::Bzip2 => "bzip2",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_by_their_first_bytes_and_all_else_is_plain() {
        let cases: [(&[u8], Form); 10] = [
            (b"\x1f\x8b\x08\x00", Form::Gzip),
            (b"\x28\xb5\x2f\xfd", Form::Zstd),
            (b"\x5c\x2a\x4d\x18", Form::Zstd),
            (b"\xfd7zXZ\0\0\x04", Form::Xz),
            (b"BZh91AY&SY", Form::Bzip2),
            (b"BZh9\x17\x72\x45\x38\x50\x90", Form::Bzip2),
            (b"BZh91.txt\0", Form::Plain),
            (b"etc/passwd", Form::Plain),
            (b"\x1f\x8b", Form::Plain),
            (b"", Form::Plain),
        ];
        for (prefix, form) in cases {
            assert_eq!(Form::of(prefix), form, "{prefix:?}");
        }
    }
}
