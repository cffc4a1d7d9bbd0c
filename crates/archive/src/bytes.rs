//! Reading bytes from outside.

use layer::TarCheck;
use std::io::{self, Read};

/// As much as there is, up to the whole buffer.
pub(crate) fn read_full(source: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Does a stream that begins with these bytes look like a tar: a header with a valid checksum, or the end of one?
pub(crate) fn begins_tar(start: &[u8]) -> bool {
    start.get(..512).is_some_and(|block| TarCheck::new().push(block).is_ok())
}
