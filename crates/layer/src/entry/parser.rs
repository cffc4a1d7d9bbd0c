//! A tar as it passes by, in pieces of any size: what its headers say, and how much content lies between them.
//!
//! The one place that knows how a tar hangs together; [`super::TarReader`] pulls its bytes from a source,
//! [`super::TarCheck`] has them pushed. POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".

use super::block::{self, BLOCK, MAX_EXTENSION, MAX_SIZE};
use super::extensions::{Extensions, Records, check_global, long_text};
use super::header;
use super::sparse::{self, Map, NewMap, OldMap};
use super::{Entry, Kind, Piece, TarError};
use tar::{EntryType, Header};

/// What may follow the end of a tar: writers pad to whole records, of 10 KiB mostly.
pub(crate) const MAX_TRAILING: u64 = 16 << 20;

/// Follows a tar. After an error it is of no use.
///
/// A dialect's limits are those of docker's reader, Go's archive/tar: links, devices and directories have no
/// content, global headers change nothing. A type that is none of POSIX's or GNU's is an error.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// Bytes that have passed.
    offset: u64,
    /// Where the last header begins.
    start: u64,
    state: State,
    block: Vec<u8>,
    /// Content of an extended header or long name.
    extension: Vec<u8>,
    next: Extensions,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Header,
    /// One block of zeros was there.
    HalfEnd,
    Extension {
        of: Extension,
        left: u64,
        padding: u64,
    },
    /// A sparse file whose map goes on in blocks behind its header.
    OldMap(Box<Pending>, OldMap),
    /// A sparse file whose map stands before its content.
    NewMap(Box<Pending>, NewMap),
    Content {
        left: u64,
        padding: u64,
    },
    Padding {
        left: u64,
    },
    End {
        trailing: u64,
    },
}

/// What stands behind a header that is about the next entry.
#[derive(Clone, Copy, Debug)]
enum Extension {
    Pax,
    GlobalPax,
    LongName,
    LongLink,
}

/// A sparse file whose map is not whole yet.
#[derive(Debug)]
struct Pending {
    entry: Entry,
    /// The file's length.
    size: u64,
    /// What stands behind the map.
    stored: u64,
    padding: u64,
}

impl Parser {
    /// Takes bytes up to the end of an entry's header and whatever belongs to that, or to the end of the tar, or all of
    /// them; says how many, and what the entry is.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(usize, Option<Entry>), TarError> {
        let before = self.offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (count, entry) = self.step(rest)?;
            rest = &rest[count..];
            if entry.is_some() || self.is_at_end() {
                return Ok(((self.offset - before) as usize, entry));
            }
        }
        Ok((bytes.len(), None))
    }

    /// So many bytes of the present content have passed, at most [`Parser::content_left`].
    pub(crate) fn pass(&mut self, count: usize) {
        self.offset += count as u64;
        if let State::Content { left, padding } = &mut self.state {
            *left -= count as u64;
            if *left == 0 {
                self.state = padding_or_header(*padding);
            }
        }
    }

    /// How much of the present entry's content has not passed yet.
    pub(crate) fn content_left(&self) -> u64 {
        if let State::Content { left, .. } = self.state { left } else { 0 }
    }

    /// How many bytes of padding are missing until an entry may begin; `None` within an entry and behind the last.
    pub(crate) fn to_next_entry(&self) -> Option<u64> {
        match self.state {
            State::Header if self.block.is_empty() && !self.next.present => Some(0),
            State::Padding { left } if !self.next.present => Some(left),
            _ => None,
        }
    }

    /// How many bytes have passed.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the header of the present entry begins.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// Have the two blocks of zeros passed that end a tar?
    pub(crate) fn is_at_end(&self) -> bool {
        matches!(self.state, State::End { .. })
    }

    /// Has at least one of these blocks passed? Some writers leave it at one.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, State::HalfEnd | State::End { .. })
    }

    /// Checks that a tar may end here.
    pub(crate) fn finish(&self) -> Result<(), TarError> {
        let truncated = |missing, part| Err(TarError::Truncated { offset: self.offset, missing, part });
        let of_block = (BLOCK - self.block.len()) as u64;
        match &self.state {
            State::Header if self.offset == 0 => Err(TarError::Empty),
            State::Header if self.offset < BLOCK as u64 => Err(TarError::NotTar),
            State::Header | State::HalfEnd if !self.block.is_empty() => truncated(of_block, "a header"),
            State::Extension { left, padding, .. } => truncated(left + padding, "an extended header"),
            State::OldMap(pending, _) => truncated(of_block + pending.stored, "a sparse entry"),
            State::NewMap(pending, _) => {
                truncated(pending.stored - self.block.len() as u64, "a sparse entry")
            }
            State::Content { left, padding } => truncated(left + padding, "an entry"),
            State::Padding { left } => truncated(*left, "an entry's padding"),
            _ if self.next.present => Err(TarError::Dangling),
            State::Header | State::HalfEnd | State::End { .. } => Ok(()),
        }
    }

    /// Takes at least one byte.
    fn step(&mut self, bytes: &[u8]) -> Result<(usize, Option<Entry>), TarError> {
        let count = match &mut self.state {
            State::End { trailing } => {
                *trailing += bytes.len() as u64;
                if *trailing > MAX_TRAILING {
                    return Err(TarError::Trailing);
                }
                self.offset += bytes.len() as u64;
                bytes.len()
            }
            State::Content { left, .. } => {
                let count = up_to(bytes, *left);
                self.pass(count);
                count
            }
            State::Padding { left } => {
                let count = up_to(bytes, *left);
                self.state = padding_or_header(*left - count as u64);
                self.offset += count as u64;
                count
            }
            State::Extension { of, left, padding } => {
                let (of, left, padding) = (*of, *left, *padding);
                self.take_extension(bytes, of, left, padding)?
            }
            _ => return self.take_block(bytes),
        };
        Ok((count, None))
    }

    fn take_extension(
        &mut self,
        bytes: &[u8],
        of: Extension,
        left: u64,
        padding: u64,
    ) -> Result<usize, TarError> {
        let count = up_to(bytes, left);
        self.extension.extend_from_slice(&bytes[..count]);
        self.offset += count as u64;
        let left = left - count as u64;
        if left > 0 {
            self.state = State::Extension { of, left, padding };
        } else {
            self.state = padding_or_header(padding);
            self.read_extension(of)?;
        }
        Ok(count)
    }

    fn read_extension(&mut self, of: Extension) -> Result<(), TarError> {
        let (start, content) = (self.start, std::mem::take(&mut self.extension));
        match of {
            Extension::Pax => self.next.pax = Records::parse(start, &content)?,
            Extension::LongName => self.next.long_name = long_text(&content),
            Extension::LongLink => self.next.long_link = long_text(&content),
            Extension::GlobalPax => return check_global(start, &content),
        }
        self.next.present = true;
        Ok(())
    }

    /// Gathers one block and looks at it when it is whole.
    fn take_block(&mut self, bytes: &[u8]) -> Result<(usize, Option<Entry>), TarError> {
        let count = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..count]);
        self.offset += count as u64;
        let Ok(block) = <[u8; BLOCK]>::try_from(&self.block[..]) else { return Ok((count, None)) };
        self.block.clear();
        let entry = match std::mem::take(&mut self.state) {
            State::OldMap(pending, mut map) => {
                map.take_block(self.start, &block)?;
                self.old_map(pending, map)?
            }
            State::NewMap(mut pending, mut map) => {
                pending.stored -= BLOCK as u64;
                match map.take_block(self.start, &block)? {
                    true => self.sparse(*pending, map.into_pieces()).map(Some)?,
                    false => self.new_map(pending, map)?,
                }
            }
            State::HalfEnd => self.second_of_end(&block)?,
            _ => self.header(&block)?,
        };
        Ok((count, entry))
    }

    /// A tar ends with two blocks of zeros.
    fn second_of_end(&mut self, block: &[u8; BLOCK]) -> Result<Option<Entry>, TarError> {
        if block.iter().any(|byte| *byte != 0) {
            return Err(TarError::LoneZeroBlock(self.offset - 2 * BLOCK as u64));
        }
        if self.next.present {
            return Err(TarError::Dangling);
        }
        self.state = State::End { trailing: 0 };
        Ok(None)
    }

    fn header(&mut self, block: &[u8; BLOCK]) -> Result<Option<Entry>, TarError> {
        if block.iter().all(|byte| *byte == 0) {
            self.state = State::HalfEnd;
            return Ok(None);
        }
        self.start = self.offset - BLOCK as u64;
        let header = Header::from_byte_slice(block);
        if !block::has_valid_checksum(header) {
            return Err(if self.start == 0 { TarError::NotTar } else { TarError::Checksum(self.start) });
        }
        let size = header::size(self.start, block)?;
        match header.entry_type().as_byte() {
            // the second is Solaris' form of the same
            b'x' | b'X' => self.extension(Extension::Pax, size),
            b'g' => self.extension(Extension::GlobalPax, size),
            b'L' => self.extension(Extension::LongName, size),
            b'K' => self.extension(Extension::LongLink, size),
            _ => self.entry(header, size),
        }
    }

    fn extension(&mut self, of: Extension, size: u64) -> Result<Option<Entry>, TarError> {
        if size > MAX_EXTENSION {
            return Err(TarError::ExtensionTooLong { offset: self.start, size });
        }
        self.extension.clear();
        if size == 0 {
            self.read_extension(of)?;
        } else {
            self.state = State::Extension { of, left: size, padding: block::padding(size) };
        }
        Ok(None)
    }

    /// A real entry: what extended headers said applies, and is spent. `None` for what GNU tar puts between them, and where
    /// more blocks belong to it.
    fn entry(&mut self, header: &Header, size: u64) -> Result<Option<Entry>, TarError> {
        let (start, mut next) = (self.start, std::mem::take(&mut self.next));
        let kind = header.entry_type();
        let path = header::text(start, "name", next.name(), || header.path_bytes().into_owned())?;
        let size = next.pax.size.unwrap_or(size);
        let stored = if block::has_content(kind, &path, header) { size } else { 0 };
        self.state = content_or_header(stored, block::padding(stored));
        let mut target = || {
            let own = || header.link_name_bytes().unwrap_or_default().into_owned();
            header::text(start, "target", next.link(), own)
        };
        let kind = match kind {
            _ if block::is_old_directory(&path, header) => Kind::Directory,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                Kind::File { size, pieces: None }
            }
            EntryType::Link => Kind::HardLink { target: target()? },
            EntryType::Symlink => Kind::Symlink { target: target()? },
            EntryType::Char => Kind::CharacterDevice(header::device(start, header)?),
            EntryType::Block => Kind::BlockDevice(header::device(start, header)?),
            EntryType::Directory => Kind::Directory,
            EntryType::Fifo => Kind::Fifo,
            // a directory's listing for incremental backups
            other if other.as_byte() == b'D' => Kind::Directory,
            // labels, names of another volume's files, renames
            other if matches!(other.as_byte(), b'V' | b'M' | b'N') => return Ok(None),
            other => return Err(TarError::UnknownType { offset: start, kind: other.as_byte() }),
        };
        let sparse = std::mem::take(&mut next.pax.sparse);
        let metadata = header::metadata(start, header, next.pax)?;
        let entry = Entry { path, kind, metadata };
        match entry.kind {
            Kind::File { .. } => self.file(header, entry, stored, sparse),
            _ => Ok(Some(entry)),
        }
    }

    /// A file, which may be sparse.
    fn file(
        &mut self,
        header: &Header,
        entry: Entry,
        stored: u64,
        mut records: sparse::SparseRecords,
    ) -> Result<Option<Entry>, TarError> {
        let mut pending = Box::new(Pending { entry, size: 0, stored, padding: block::padding(stored) });
        if header.entry_type() == EntryType::GNUSparse {
            let map = OldMap::of(self.start, header)?;
            pending.size = map.size;
            return self.old_map(pending, map);
        }
        let Some(map) = records.map() else { return Ok(Some(pending.entry)) };
        pending.size = records.size.ok_or(TarError::SparseMap(self.start))?;
        match map {
            Map::Here(pieces) => self.sparse(*pending, pieces).map(Some),
            Map::BeforeContent => self.new_map(pending, NewMap::default()),
        }
    }

    fn old_map(&mut self, pending: Box<Pending>, map: OldMap) -> Result<Option<Entry>, TarError> {
        if !map.more {
            return self.sparse(*pending, map.pieces).map(Some);
        }
        self.state = State::OldMap(pending, map);
        Ok(None)
    }

    fn new_map(&mut self, pending: Box<Pending>, map: NewMap) -> Result<Option<Entry>, TarError> {
        if pending.stored < BLOCK as u64 {
            return Err(TarError::SparseMap(self.start));
        }
        self.state = State::NewMap(pending, map);
        Ok(None)
    }

    /// A sparse file whose map is whole.
    fn sparse(&mut self, pending: Pending, mut pieces: Vec<Piece>) -> Result<Entry, TarError> {
        let Pending { mut entry, size, stored, padding } = pending;
        if size > MAX_SIZE || !sparse::is_possible(&pieces, size, stored) {
            return Err(TarError::SparseMap(self.start));
        }
        self.state = content_or_header(stored, padding);
        // what only says where the file ends is none
        pieces.retain(|piece| piece.length > 0);
        entry.kind = Kind::File { size, pieces: Some(pieces) };
        Ok(entry)
    }
}

fn up_to(bytes: &[u8], left: u64) -> usize {
    bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))
}

fn padding_or_header(left: u64) -> State {
    if left == 0 { State::Header } else { State::Padding { left } }
}

fn content_or_header(left: u64, padding: u64) -> State {
    if left == 0 { padding_or_header(padding) } else { State::Content { left, padding } }
}
