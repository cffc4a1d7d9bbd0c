//! Reads a tar entry by entry, in one pass, in bounded memory.

use super::block::{self, BLOCK, MAX_EXTENSION, MAX_SIZE, number};
use super::extensions::{Extensions, Records, check_global, long_text};
use super::sparse::{self, Map, NewMap, OldMap};
use super::{Device, Entry, Kind, Metadata, TarError, Time};
use std::io::{self, BufRead, Read};
use tar::{EntryType, Header};

/// What may follow the end of a tar: writers pad to whole records, of 10 KiB mostly.
const MAX_TRAILING: u64 = 16 << 20;

/// Reads the entries of a tar. After an error there are no more.
///
/// A dialect's limits are those of docker's reader, Go's archive/tar: links, devices and directories have no
/// content, global headers change nothing. A type that is none of POSIX's or GNU's is an error.
#[derive(Debug)]
pub struct TarReader<R> {
    source: R,
    /// Bytes read so far.
    offset: u64,
    /// What is left of the present entry's content, and what pads it.
    left: u64,
    padding: u64,
    done: bool,
}

impl<R: BufRead> TarReader<R> {
    /// Reads the tar that `source` begins with.
    pub fn new(source: R) -> TarReader<R> {
        TarReader { source, offset: 0, left: 0, padding: 0, done: false }
    }

    /// The next entry; `None` at the end of the tar. What is left of the content of the one before is skipped.
    ///
    /// # Errors
    /// [`TarError`] inside an [`io::Error`] of the kind `InvalidData` or `UnexpectedEof`, and those of the source.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        if self.done {
            return Ok(None);
        }
        // whatever goes wrong, nothing behind it is read as a header
        self.done = true;
        self.skip()?;
        let entry = self.entry()?;
        self.done = entry.is_none();
        Ok(entry)
    }

    /// Where the present entry's content begins, in bytes of the tar, before anything of it is read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The present entry's content: its stored bytes, so without the holes of a sparse file.
    pub fn content(&mut self) -> Content<'_, R> {
        Content(self)
    }

    /// Reads what follows the end of the tar, so that the source is read to its own end.
    ///
    /// # Errors
    /// [`TarError::Trailing`], and those of the source.
    pub fn finish(mut self) -> io::Result<u64> {
        self.done = true;
        let mut trailing = 0;
        loop {
            let count = self.fill()?.len();
            if count == 0 {
                return Ok(self.offset);
            }
            self.take(count);
            trailing += count as u64;
            if trailing > MAX_TRAILING {
                return Err(TarError::Trailing.into());
            }
        }
    }

    /// The next bytes of the source, at least one but at its end.
    fn fill(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.source.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // asked again, so that the borrow ends with this loop
                Ok(_) => return self.source.fill_buf(),
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self, count: usize) {
        self.source.consume(count);
        self.offset += count as u64;
    }

    fn skip(&mut self) -> io::Result<()> {
        let (left, padding) = (self.left, self.padding);
        self.skip_bytes(left, "an entry")?;
        self.skip_bytes(padding, "an entry's padding")?;
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    fn skip_bytes(&mut self, mut left: u64, part: &'static str) -> io::Result<()> {
        while left > 0 {
            let count = self.fill()?.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if count == 0 {
                return Err(self.truncated(left, part));
            }
            self.take(count);
            left -= count as u64;
        }
        Ok(())
    }

    fn truncated(&self, missing: u64, part: &'static str) -> io::Error {
        TarError::Truncated { offset: self.offset, missing, part }.into()
    }

    /// The next block; `None` where the source ends before it.
    fn block(&mut self, part: &'static str) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            let bytes = self.fill()?;
            let count = bytes.len().min(BLOCK - filled);
            if count == 0 {
                return match filled {
                    0 => Ok(None),
                    _ if self.offset < BLOCK as u64 => Err(TarError::NotTar.into()),
                    _ => Err(self.truncated((BLOCK - filled) as u64, part)),
                };
            }
            block[filled..filled + count].copy_from_slice(&bytes[..count]);
            filled += count;
            self.take(count);
        }
        Ok(Some(block))
    }

    /// The content of an extended header or long name.
    fn extension(&mut self, start: u64, size: u64) -> io::Result<Vec<u8>> {
        if size > MAX_EXTENSION {
            return Err(TarError::ExtensionTooLong { offset: start, size }.into());
        }
        let mut content = Vec::new();
        (self.left, self.padding) = (size, block::padding(size));
        self.content().read_to_end(&mut content)?;
        self.skip()?;
        Ok(content)
    }

    fn entry(&mut self) -> io::Result<Option<Entry>> {
        let mut next = Extensions::default();
        loop {
            let start = self.offset;
            let Some(bytes) = self.header(start)? else {
                return if next.present { Err(TarError::Dangling.into()) } else { Ok(None) };
            };
            let header = Header::from_byte_slice(&bytes);
            let size = field(start, "size", &bytes[124..136]).ok().filter(|size| *size <= MAX_SIZE);
            let size = size.ok_or(TarError::Size(start))?;
            let kind = header.entry_type();
            match kind.as_byte() {
                // the second is Solaris' form of the same
                b'x' | b'X' => next.pax = Records::parse(start, &self.extension(start, size)?)?,
                b'g' => {
                    check_global(start, &self.extension(start, size)?)?;
                    continue;
                }
                b'L' => next.long_name = long_text(&self.extension(start, size)?),
                b'K' => next.long_link = long_text(&self.extension(start, size)?),
                _ => {
                    if let Some(entry) = self.real(start, header, size, std::mem::take(&mut next))? {
                        return Ok(Some(entry));
                    }
                    self.skip()?;
                    continue;
                }
            }
            next.present = true;
        }
    }

    /// The next block that is a header; `None` at the end of the tar.
    fn header(&mut self, start: u64) -> io::Result<Option<[u8; BLOCK]>> {
        let Some(block) = self.block("a header")? else {
            return if start == 0 { Err(TarError::Empty.into()) } else { Ok(None) };
        };
        if block.iter().all(|byte| *byte == 0) {
            return match self.block("a header")? {
                Some(second) if second.iter().any(|byte| *byte != 0) => {
                    Err(TarError::LoneZeroBlock(start).into())
                }
                _ => Ok(None),
            };
        }
        if !block::has_valid_checksum(Header::from_byte_slice(&block)) {
            return Err(if start == 0 { TarError::NotTar } else { TarError::Checksum(start) }.into());
        }
        Ok(Some(block))
    }

    /// A real entry; `None` for what GNU tar puts between them, whose content is to be skipped.
    fn real(
        &mut self,
        start: u64,
        header: &Header,
        size: u64,
        mut next: Extensions,
    ) -> io::Result<Option<Entry>> {
        let kind = header.entry_type();
        let path = text(start, "name", next.name(), || header.path_bytes().into_owned())?;
        let size = next.pax.size.unwrap_or(size);
        if block::has_content(kind, &path, header) {
            (self.left, self.padding) = (size, block::padding(size));
        }
        let target = |next: &mut Extensions| {
            let own = || header.link_name_bytes().unwrap_or_default().into_owned();
            text(start, "target", next.link(), own)
        };
        let kind = match kind {
            _ if block::is_old_directory(&path, header) => Kind::Directory,
            EntryType::Regular | EntryType::Continuous => self.file(start, size, &mut next)?,
            EntryType::GNUSparse => self.old_sparse(start, header, size)?,
            EntryType::Link => Kind::HardLink { target: target(&mut next)? },
            EntryType::Symlink => Kind::Symlink { target: target(&mut next)? },
            EntryType::Char => Kind::CharacterDevice(device(start, header)?),
            EntryType::Block => Kind::BlockDevice(device(start, header)?),
            EntryType::Directory => Kind::Directory,
            EntryType::Fifo => Kind::Fifo,
            // a directory's listing for incremental backups
            other if other.as_byte() == b'D' => Kind::Directory,
            // labels, names of another volume's files, renames
            other if matches!(other.as_byte(), b'V' | b'M' | b'N') => return Ok(None),
            other => return Err(TarError::UnknownType { offset: start, kind: other.as_byte() }.into()),
        };
        Ok(Some(Entry { path, kind, metadata: metadata(start, header, next.pax)? }))
    }

    fn file(&mut self, start: u64, stored: u64, next: &mut Extensions) -> io::Result<Kind> {
        let pieces = match next.pax.sparse.map() {
            None => return Ok(Kind::File { size: stored, pieces: None }),
            Some(Map::Here(pieces)) => pieces,
            Some(Map::BeforeContent) => self.new_sparse(start)?,
        };
        let size = next.pax.sparse.size.ok_or(TarError::SparseMap(start))?;
        checked(start, size, pieces, self.left)
    }

    fn new_sparse(&mut self, start: u64) -> io::Result<Vec<super::Piece>> {
        let mut map = NewMap::default();
        loop {
            if self.left < BLOCK as u64 {
                return Err(TarError::SparseMap(start).into());
            }
            let block = self.block("a sparse map")?.ok_or_else(|| self.truncated(1, "a sparse map"))?;
            self.left -= BLOCK as u64;
            if map.take_block(start, &block)? {
                return Ok(map.into_pieces());
            }
        }
    }

    fn old_sparse(&mut self, start: u64, header: &Header, stored: u64) -> io::Result<Kind> {
        let mut map = OldMap::of(start, header)?;
        while map.more {
            let block = self.block("a sparse entry")?.ok_or_else(|| self.truncated(1, "a sparse entry"))?;
            map.take_block(start, &block)?;
        }
        checked(start, map.size, map.pieces, stored)
    }
}

fn checked(start: u64, size: u64, pieces: Vec<super::Piece>, stored: u64) -> io::Result<Kind> {
    if size > MAX_SIZE || !sparse::is_possible(&pieces, size, stored) {
        return Err(TarError::SparseMap(start).into());
    }
    Ok(Kind::File { size, pieces: Some(pieces) })
}

/// The content of the entry that a [`TarReader`] is at.
#[derive(Debug)]
pub struct Content<'a, R>(&'a mut TarReader<R>);

impl<R: BufRead> BufRead for Content<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = self.0.left;
        if left == 0 {
            return Ok(&[]);
        }
        if self.0.fill()?.is_empty() {
            return Err(self.0.truncated(left, "an entry"));
        }
        let bytes = self.0.source.fill_buf()?;
        Ok(&bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))])
    }

    fn consume(&mut self, count: usize) {
        self.0.left -= count as u64;
        self.0.take(count);
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

fn text(
    start: u64,
    field: &'static str,
    said: Option<Vec<u8>>,
    own: impl FnOnce() -> Vec<u8>,
) -> Result<Vec<u8>, TarError> {
    let text = said.unwrap_or_else(own);
    if text.contains(&0) { Err(TarError::ZeroByte { offset: start, field }) } else { Ok(text) }
}

/// A number that is not negative and fits.
fn field<T: TryFrom<i64>>(offset: u64, field: &'static str, bytes: &[u8]) -> Result<T, TarError> {
    let value = number(bytes).filter(|value| *value >= 0).and_then(|value| T::try_from(value).ok());
    value.ok_or(TarError::Number { offset, field })
}

fn device(start: u64, header: &Header) -> Result<Device, TarError> {
    let bytes = header.as_bytes();
    let major = field(start, "device number", &bytes[329..337])?;
    let minor = field(start, "device number", &bytes[337..345])?;
    Ok(Device { major, minor })
}

/// All ones is no owner: chown takes it for "leave it as it is".
fn owner(offset: u64, name: &'static str, said: Option<u64>, bytes: &[u8]) -> Result<u32, TarError> {
    let id = match said {
        Some(id) => u32::try_from(id).ok(),
        None => Some(field(offset, name, bytes)?),
    };
    id.filter(|id| *id != u32::MAX).ok_or(TarError::Number { offset, field: name })
}

fn metadata(start: u64, header: &Header, pax: Records) -> Result<Metadata, TarError> {
    let bytes = header.as_bytes();
    let mode: u32 = field(start, "mode", &bytes[100..108])?;
    let mtime = match pax.mtime {
        Some(time) => time,
        None => {
            let seconds = number(&bytes[136..148]);
            Time::from_seconds(seconds.ok_or(TarError::Number { offset: start, field: "mtime" })?)
        }
    };
    Ok(Metadata {
        mode: mode & 0o7777,
        uid: owner(start, "uid", pax.uid, &bytes[108..116])?,
        gid: owner(start, "gid", pax.gid, &bytes[116..124])?,
        mtime,
        xattrs: pax.xattrs,
    })
}

#[cfg(test)]
mod tests;
