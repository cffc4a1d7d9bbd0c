//! Reading in whole buffers from what gives less at a time.

use std::io::{self, Read};

/// Reads as much as there is, up to the whole buffer; returns how many bytes that were. Fewer only at the end.
///
/// # Errors
/// Those of the source.
pub fn read_full(source: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
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
