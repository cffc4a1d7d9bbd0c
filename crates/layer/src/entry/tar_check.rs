//! Whether a stream of bytes is a tar, told as it passes by. Nothing is altered and nothing is kept.
//!
//! This is about structure alone: checksums, lengths, the end. What names and links say is the business of who
//! applies the tar. POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".

use super::TarError;
use super::block::{self, BLOCK, MAX_EXTENSION, MAX_SIZE, has_content, has_valid_checksum};
use super::extensions::{Extensions, Records, check_global, long_text};
use super::links::Links;
use std::io::{self, Write};
use tar::{EntryType, Header};

/// What a whole tar was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TarSummary {
    /// How many entries it has; extended headers and long names are no entries.
    pub entries: u64,
    /// The name of the first entry, as its bytes are; `None` where there is none.
    pub first_name: Option<Vec<u8>>,
    /// The length of the stream in bytes.
    pub size: u64,
}

/// Follows a tar; take each piece of it by [`TarCheck::push`] or by [`Write`], in order and unaltered.
///
/// What lies behind the two blocks of zeros that end a tar is padding, whatever it is: every reader stops there.
#[derive(Debug)]
pub struct TarCheck {
    offset: u64,
    state: State,
    block: Vec<u8>,
    /// Content of an extended header or long name.
    extension: Vec<u8>,
    next: Extensions,
    entries: u64,
    first_name: Option<Vec<u8>>,
    /// Where hard links may lead to no other tar.
    links: Option<Links>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header,
    /// One block of zeros was there.
    HalfEnd,
    /// A continuation of a header of the old GNU sparse form; so long is the content behind.
    Sparse {
        content: u64,
    },
    Content {
        left: u64,
        padding: u64,
        of: Content,
    },
    Padding {
        left: u64,
    },
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Entry,
    Pax,
    GlobalPax,
    LongName,
    LongLink,
}

impl Default for TarCheck {
    fn default() -> TarCheck {
        TarCheck::new()
    }
}

impl TarCheck {
    /// A check that has seen nothing yet.
    pub fn new() -> TarCheck {
        TarCheck {
            offset: 0,
            state: State::Header,
            block: Vec::with_capacity(BLOCK),
            extension: Vec::new(),
            next: Extensions::default(),
            entries: 0,
            first_name: None,
            links: None,
        }
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
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), TarError> {
        while !bytes.is_empty() {
            let taken = match self.state {
                State::End => bytes.len(),
                State::Header | State::HalfEnd | State::Sparse { .. } => self.take_block(bytes)?,
                State::Content { left, padding, of } => self.take_content(bytes, left, padding, of)?,
                State::Padding { left } => {
                    let taken = up_to(bytes, left);
                    self.state = padding_or_header(left - taken as u64);
                    taken
                }
            };
            self.offset += taken as u64;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// What the tar was, when the stream is at its end.
    ///
    /// # Errors
    /// [`TarError::Empty`], [`TarError::Truncated`], [`TarError::Dangling`], or [`TarError::NotTar`] where the
    /// stream was shorter than one block.
    pub fn finish(self) -> Result<TarSummary, TarError> {
        let truncated = |missing, part| Err(TarError::Truncated { offset: self.offset, missing, part });
        let of_block = (BLOCK - self.block.len()) as u64;
        match self.state {
            State::Header if self.offset == 0 => return Err(TarError::Empty),
            State::Header if self.offset < BLOCK as u64 => return Err(TarError::NotTar),
            State::Header | State::HalfEnd if !self.block.is_empty() => {
                return truncated(of_block, "a header");
            }
            State::Sparse { content } => return truncated(of_block + content, "a sparse entry"),
            State::Content { left, padding, .. } => return truncated(left + padding, "an entry"),
            State::Padding { left } => return truncated(left, "an entry's padding"),
            State::Header | State::HalfEnd | State::End if self.next.present => {
                return Err(TarError::Dangling);
            }
            State::Header | State::HalfEnd | State::End => {}
        }
        Ok(TarSummary { entries: self.entries, first_name: self.first_name, size: self.offset })
    }

    /// Gathers one block and looks at it when it is whole.
    fn take_block(&mut self, bytes: &[u8]) -> Result<usize, TarError> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if let Ok(block) = <[u8; BLOCK]>::try_from(&self.block[..]) {
            self.block.clear();
            let start = self.offset + taken as u64 - BLOCK as u64;
            self.state = match self.state {
                State::Sparse { content } => after_sparse(&block, content),
                _ => self.header(start, &block)?,
            };
        }
        Ok(taken)
    }

    /// Looks at the header that begins at `start`.
    fn header(&mut self, start: u64, block: &[u8; BLOCK]) -> Result<State, TarError> {
        let half_end = matches!(self.state, State::HalfEnd);
        if block.iter().all(|byte| *byte == 0) {
            return Ok(if half_end { State::End } else { State::HalfEnd });
        }
        if half_end {
            return Err(TarError::LoneZeroBlock(start - BLOCK as u64));
        }
        let header = Header::from_byte_slice(block);
        if !has_valid_checksum(header) {
            return Err(if start == 0 { TarError::NotTar } else { TarError::Checksum(start) });
        }
        let size = header.entry_size().ok().filter(|size| *size <= MAX_SIZE).ok_or(TarError::Size(start))?;
        match header.entry_type() {
            EntryType::XHeader => extension(start, size, Content::Pax),
            EntryType::XGlobalHeader => extension(start, size, Content::GlobalPax),
            EntryType::GNULongName => extension(start, size, Content::LongName),
            EntryType::GNULongLink => extension(start, size, Content::LongLink),
            // Solaris' form of the same.
            kind if kind.as_byte() == b'X' => extension(start, size, Content::Pax),
            kind => self.entry(start, header, kind, size),
        }
    }

    /// A real entry: what extended headers said applies, and is spent.
    fn entry(&mut self, start: u64, header: &Header, kind: EntryType, size: u64) -> Result<State, TarError> {
        let mut next = std::mem::take(&mut self.next);
        let size = next.pax.size.unwrap_or(size);
        let name = next.name().unwrap_or_else(|| header.path_bytes().into_owned());
        if let Some(links) = &mut self.links {
            let target = next.link().or_else(|| Some(header.link_name_bytes()?.into_owned()));
            if let Some(target) = target.filter(|target| kind.is_hard_link() && !links.has(target)) {
                let target = String::from_utf8_lossy(&target).into_owned();
                return Err(TarError::LostLink { offset: start, target });
            }
            links.remember(&name);
        }
        self.entries += 1;
        let content = if has_content(kind, &name, header) { size } else { 0 };
        self.first_name.get_or_insert(name);
        Ok(match header.as_gnu() {
            Some(gnu) if kind.is_gnu_sparse() && gnu.is_extended() => State::Sparse { content },
            _ => content_or_header(content, Content::Entry),
        })
    }

    fn take_content(
        &mut self,
        bytes: &[u8],
        left: u64,
        padding: u64,
        of: Content,
    ) -> Result<usize, TarError> {
        let taken = up_to(bytes, left);
        if of != Content::Entry {
            self.extension.extend_from_slice(&bytes[..taken]);
        }
        let left = left - taken as u64;
        if left > 0 {
            self.state = State::Content { left, padding, of };
            return Ok(taken);
        }
        self.state = padding_or_header(padding);
        let content = std::mem::take(&mut self.extension);
        let start = (self.offset + taken as u64).saturating_sub(content.len() as u64);
        match of {
            Content::Entry => {}
            Content::LongName => self.next.long_name = long_text(&content),
            Content::LongLink => self.next.long_link = long_text(&content),
            Content::Pax => self.next.pax = Records::parse(start, &content)?,
            Content::GlobalPax => check_global(start, &content)?,
        }
        self.next.present |= matches!(of, Content::LongName | Content::LongLink | Content::Pax);
        self.extension = content;
        self.extension.clear();
        Ok(taken)
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

fn up_to(bytes: &[u8], left: u64) -> usize {
    bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))
}

fn padding_or_header(left: u64) -> State {
    if left == 0 { State::Header } else { State::Padding { left } }
}

fn content_or_header(size: u64, of: Content) -> State {
    if size == 0 { State::Header } else { State::Content { left: size, padding: block::padding(size), of } }
}

fn after_sparse(block: &[u8; BLOCK], content: u64) -> State {
    // tar::GnuExtSparseHeader: 21 pieces of 24 bytes, then whether more follow.
    if block[504] == 0 { content_or_header(content, Content::Entry) } else { State::Sparse { content } }
}

fn extension(start: u64, size: u64, of: Content) -> Result<State, TarError> {
    if size > MAX_EXTENSION {
        return Err(TarError::ExtensionTooLong { offset: start, size });
    }
    Ok(content_or_header(size, of))
}

#[cfg(test)]
mod tests;
