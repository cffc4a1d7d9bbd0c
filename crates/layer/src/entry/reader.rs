//! Reads a tar entry by entry, in one pass, in bounded memory.

use super::Entry;
use super::parser::Parser;
use std::io::{self, BufRead, Read};

/// Reads the entries of a tar, strictly. After an error there are no more.
#[derive(Debug)]
pub struct TarReader<R> {
    source: R,
    parser: Parser,
    done: bool,
}

impl<R: BufRead> TarReader<R> {
    /// Reads the tar that `source` begins with.
    pub fn new(source: R) -> TarReader<R> {
        TarReader { source, parser: Parser::default(), done: false }
    }

    /// The next entry; `None` at the end of the tar. What is left of the content of the one before is skipped.
    ///
    /// # Errors
    /// [`crate::TarError`] inside an [`io::Error`] of the kind `InvalidData` or `UnexpectedEof`, and those of the source.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        if self.done {
            return Ok(None);
        }
        // whatever goes wrong, nothing behind it is read as a header
        self.done = true;
        while !self.parser.is_at_end() {
            let bytes = fill(&mut self.source)?;
            if bytes.is_empty() {
                self.parser.finish()?;
                return Ok(None);
            }
            let (count, entry) = self.parser.take(bytes)?;
            self.source.consume(count);
            if entry.is_some() {
                self.done = false;
                return Ok(entry);
            }
        }
        Ok(None)
    }

    /// Where the present entry's content begins, in bytes of the tar, before anything of it is read.
    pub fn offset(&self) -> u64 {
        self.parser.offset()
    }

    /// The present entry's content: its stored bytes, so without the holes of a sparse file.
    pub fn content(&mut self) -> Content<'_, R> {
        Content(self)
    }

    /// Reads what follows the end of the tar, so that the source is read to its own end; gives its length.
    ///
    /// # Errors
    /// [`crate::TarError`], [`crate::TarError::Trailing`] above all, and those of the source.
    pub fn finish(mut self) -> io::Result<u64> {
        loop {
            let bytes = fill(&mut self.source)?;
            if bytes.is_empty() {
                self.parser.finish()?;
                return Ok(self.parser.offset());
            }
            let (count, _) = self.parser.take(bytes)?;
            self.source.consume(count);
        }
    }
}

/// The next bytes of the source, at least one but at its end.
fn fill(source: &mut impl BufRead) -> io::Result<&[u8]> {
    loop {
        match source.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    // asked again, so that the borrow ends with the loop
    source.fill_buf()
}

/// The content of the entry that a [`TarReader`] is at.
#[derive(Debug)]
pub struct Content<'a, R>(&'a mut TarReader<R>);

impl<R: BufRead> BufRead for Content<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = self.0.parser.content_left();
        if left == 0 {
            return Ok(&[]);
        }
        let bytes = fill(&mut self.0.source)?;
        if bytes.is_empty() {
            self.0.parser.finish()?;
        }
        Ok(&bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))])
    }

    fn consume(&mut self, count: usize) {
        self.0.source.consume(count);
        self.0.parser.pass(count);
    }
}

impl<R: BufRead> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
