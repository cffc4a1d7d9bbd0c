//! What an error of a stream means: bytes that are not what they should be are not a failure of the machine.

use crate::entry::TarError;
use image_format::{Class, Failure};
use std::borrow::Cow;
use std::io;

/// The longest name that a message shows whole, in bytes.
const SHOWN: usize = 200;

/// The failure that an error of reading a layer, or any tar, is.
pub fn of_stream(error: io::Error) -> Failure {
    use io::ErrorKind::{InvalidData, OutOfMemory, UnexpectedEof, Unsupported};
    let empty = error.get_ref().and_then(|inner| inner.downcast_ref()) == Some(&TarError::Empty);
    match error.kind() {
        _ if empty => {
            Failure::new(Class::Integrity, error).with_hint("did the command before the pipe fail?")
        }
        // a window that is too large was asked for by the stream
        InvalidData | UnexpectedEof | OutOfMemory | Unsupported => Failure::new(Class::Integrity, error),
        _ => Failure::from(error),
    }
}

/// A name of a tree for a message: it may be no text, and a mebibyte long.
pub(crate) fn shown(path: &[u8]) -> Cow<'_, str> {
    if path.len() <= SHOWN {
        return String::from_utf8_lossy(path);
    }
    let half = SHOWN / 2;
    let [start, end] = [&path[..half], &path[path.len() - half..]].map(String::from_utf8_lossy);
    format!("{start}…{end}").into()
}

/// A layer that is not what it claims to be.
pub(crate) fn refused(message: impl std::fmt::Display) -> Failure {
    Failure::new(Class::Integrity, message)
}
