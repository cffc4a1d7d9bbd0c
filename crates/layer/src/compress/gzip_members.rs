//! gzip members one after the other, and what may stand behind the last: RFC 1952, section 2.2.

use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, Read};

/// How many bytes of what is no gzip a message shows.
const SHOWN: usize = 8;

/// The plain bytes of all members.
///
/// Zeros may follow, to the end of the source: tapes and block devices pad so, and gunzip and docker take it.
pub(crate) struct GzipMembers<R> {
    /// Of the present member; `None` behind the last.
    decoder: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipMembers<R> {
    pub(crate) fn new(source: R) -> GzipMembers<R> {
        GzipMembers { decoder: Some(GzDecoder::new(source)) }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(mut decoder) = self.decoder.take() {
            let count = decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                self.decoder = Some(decoder);
                return Ok(count);
            }
            self.decoder = next_member(decoder.into_inner())?;
        }
        Ok(0)
    }
}

fn next_member<R: BufRead>(mut source: R) -> io::Result<Option<GzDecoder<R>>> {
    if source.fill_buf()?.first() == Some(&0x1f) {
        return Ok(Some(GzDecoder::new(source)));
    }
    loop {
        let rest = source.fill_buf()?;
        let length = rest.len();
        if length == 0 {
            return Ok(None);
        }
        if let Some(at) = rest.iter().position(|byte| *byte != 0) {
            let shown = rest[at..].iter().take(SHOWN).copied().collect::<Vec<u8>>();
            let message = format!("bytes that are no gzip follow its end: \"{}\"", shown.escape_ascii());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        source.consume(length);
    }
}
