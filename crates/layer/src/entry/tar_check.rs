//! Whether a stream of bytes is a tar that [`super::TarReader`] reads, told as it passes by. Nothing is altered and nothing
//! is kept.

use super::links::Links;
use super::parser::Parser;
use super::{Entry, Kind, TarError};
use std::io::{self, Write};

/// What a whole tar was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TarSummary {
    /// How many entries it has; extended headers and long names are no entries.
    pub entries: u64,
    /// The name of the first entry, as its bytes are; `None` where there is none.
    pub first_name: Option<Vec<u8>>,
    /// The length of the stream in bytes.
    pub size: u64,
    /// Did it end with a block of zeros, as a tar does that is whole?
    pub ended: bool,
}

/// Does a stream that begins with these bytes look like a tar: a header with a valid checksum, or the end of one?
pub fn begins_tar(start: &[u8]) -> bool {
    start.get(..512).is_some_and(|block| TarCheck::new().push(block).is_ok())
}

/// Follows a tar; take each piece of it by [`TarCheck::push`] or by [`Write`], in order and unaltered.
///
/// What lies behind the two blocks of zeros that end a tar is padding, whatever it is: every reader stops there.
#[derive(Debug, Default)]
pub struct TarCheck {
    parser: Parser,
    entries: u64,
    first_name: Option<Vec<u8>>,
    /// Where hard links may lead to no other tar.
    links: Option<Links>,
}

impl TarCheck {
    /// A check that has seen nothing yet.
    pub fn new() -> TarCheck {
        TarCheck::default()
    }

    /// A check of a tar that stands alone: its hard links lead to entries before them.
    pub fn alone() -> TarCheck {
        TarCheck { links: Some(Links::default()), ..TarCheck::new() }
    }

    /// The name of the first entry as its bytes are, once its header has passed: `oci-layout`, `blobs/` and such
    /// begin an image archive. A leading `./` is kept.
    pub fn first_name(&self) -> Option<&[u8]> {
        self.first_name.as_deref()
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// [`TarError`], the first thing that is wrong. The check is of no use after that.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), TarError> {
        self.push_each(bytes, |_| Ok(()))
    }

    /// The same; `look` sees each entry that passes.
    pub(crate) fn push_each<E: From<TarError>>(
        &mut self,
        mut bytes: &[u8],
        mut look: impl FnMut(&Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            let (count, entry) = self.parser.take(bytes)?;
            if let Some(entry) = entry {
                look(&entry)?;
                self.entry(entry)?;
            }
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// So many bytes of the present entry's content went another way; no more than it has left count.
    pub fn pass(&mut self, count: u64) {
        let count = count.min(self.parser.content_left());
        self.parser.pass(count as usize);
    }

    /// How many bytes of padding are missing until an entry may begin; `None` within an entry, within its extended header,
    /// and behind the end.
    pub fn to_next_entry(&self) -> Option<u64> {
        self.parser.to_next_entry()
    }

    /// What the tar was, when the stream is at its end.
    ///
    /// # Errors
    /// [`TarError::Empty`], [`TarError::Truncated`], [`TarError::Dangling`], or [`TarError::NotTar`] where the
    /// stream was shorter than one block.
    pub fn finish(self) -> Result<TarSummary, TarError> {
        self.parser.finish()?;
        let (size, ended) = (self.parser.offset(), self.parser.has_ended());
        Ok(TarSummary { entries: self.entries, first_name: self.first_name, size, ended })
    }

    fn entry(&mut self, entry: Entry) -> Result<(), TarError> {
        if let Some(links) = &mut self.links {
            if let Kind::HardLink { target } = &entry.kind
                && !links.has(target)
            {
                let target = String::from_utf8_lossy(target).into_owned();
                return Err(TarError::LostLink { offset: self.parser.start(), target });
            }
            links.remember(&entry.path);
        }
        self.entries += 1;
        self.first_name.get_or_insert(entry.path);
        Ok(())
    }
}

impl Write for TarCheck {
    /// Takes all of `bytes`. [`TarError`] is the source of the error.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
