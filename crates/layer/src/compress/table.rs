//! The table of chunks behind a compressed layer, read. docs/layer-format.md, "Reading the table".
//!
//! The table is an aid and never trusted: whoever uses a chunk compares its hash or the layer's digest. A blob
//! whose table breaks any rule is a plain stream. [`crate::LayerWriter`] writes it.

use crate::compress::chunk::MAX_CHUNK;
use std::io::{self, Read, Seek, SeekFrom};

pub(crate) const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
pub(crate) const GZIP_TABLE_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff];
/// An empty final block; CRC-32 and length of nothing.
pub(crate) const GZIP_EMPTY_END: [u8; 10] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
pub(crate) const SUBFIELD: [u8; 2] = *b"OC";
pub(crate) const SKIPPABLE: [u8; 4] = [0x5c, 0x2a, 0x4d, 0x18];
pub(crate) const CHUNKS_MAGIC: [u8; 2] = [1, b'T'];
pub(crate) const LAST_MAGIC: [u8; 2] = [1, b'E'];
/// Chunks in a table member; each is full but the last. BusyBox fails on extra fields above 16 KiB.
pub const CHUNKS_PER_MEMBER: usize = 340;
pub(crate) const CHUNK_LENGTH: usize = 24;
pub(crate) const LAST_PAYLOAD: usize = 24;
/// Head, length of the extra field, subfield and its length, before the payload.
const GZIP_FRAME_HEAD: usize = 16;
const ZSTD_FRAME_HEAD: usize = 8;
/// The frame that an empty tar is: magic, single segment, size 0, one empty last raw block.
const ZSTD_EMPTY_FRAME: u64 = 9;
/// A reader holds a table in memory; this many chunks are about 1 TiB of layer.
const MAX_CHUNKS: u32 = 1 << 20;

/// The length of the last member of a gzip layer in bytes: what a reader fetches first.
pub const LAST_MEMBER: usize = 50;
/// The length of the last frame of a zstd layer in bytes.
pub const LAST_FRAME: usize = 32;

/// Which of the two compressed forms a table stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableForm {
    /// Empty gzip members with an extra field.
    Gzip,
    /// Skippable zstd frames.
    Zstd,
}

impl TableForm {
    /// Bytes of a member or frame around its payload.
    fn overhead(self) -> usize {
        match self {
            TableForm::Gzip => GZIP_FRAME_HEAD + GZIP_EMPTY_END.len(),
            TableForm::Zstd => ZSTD_FRAME_HEAD,
        }
    }

    /// The length of the last member or frame.
    fn last_length(self) -> usize {
        LAST_PAYLOAD + self.overhead()
    }

    /// The payload of the member or frame that `bytes` begin with, and what follows it.
    fn unwrap(self, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        match self {
            TableForm::Gzip => {
                let rest = bytes.strip_prefix(&GZIP_TABLE_HEAD)?;
                let (extra, rest) = rest.split_first_chunk::<2>()?;
                let rest = rest.strip_prefix(&SUBFIELD)?;
                let (length, rest) = rest.split_first_chunk::<2>()?;
                let length = usize::from(u16::from_le_bytes(*length));
                if usize::from(u16::from_le_bytes(*extra)) != length + 4 {
                    return None;
                }
                let (payload, rest) = rest.split_at_checked(length)?;
                Some((payload, rest.strip_prefix(&GZIP_EMPTY_END)?))
            }
            TableForm::Zstd => {
                let rest = bytes.strip_prefix(&SKIPPABLE)?;
                let (length, rest) = rest.split_first_chunk::<4>()?;
                rest.split_at_checked(u32::from_le_bytes(*length).try_into().ok()?)
            }
        }
    }
}

/// One chunk of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chunk {
    /// Its length in the blob, in bytes.
    pub compressed: u32,
    /// Its length in the tar, in bytes.
    pub plain: u32,
    /// XXH3-128, seed 0, of its plain bytes. Finds candidates; proves nothing.
    pub xxh3: u128,
}

impl Chunk {
    fn parse(bytes: &[u8; CHUNK_LENGTH]) -> Chunk {
        let (compressed, rest) = bytes.split_first_chunk().expect("24 bytes hold 4");
        let (plain, xxh3) = rest.split_first_chunk().expect("20 bytes hold 4");
        Chunk {
            compressed: u32::from_le_bytes(*compressed),
            plain: u32::from_le_bytes(*plain),
            xxh3: u128::from_be_bytes(xxh3.try_into().expect("16 bytes are left")),
        }
    }

    fn is_possible(&self) -> bool {
        let plain = u64::from(self.plain);
        (1..=MAX_CHUNK as u64).contains(&plain)
            && (5..=plain + plain / 1024 + 64).contains(&u64::from(self.compressed))
    }
}

/// Why a blob's end is not a table that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The blob does not end in the last member or frame of a table.
    #[error("no table of chunks at the end")]
    NoTable,
    /// More chunks than a reader takes into memory.
    #[error("table of chunks: {0} chunks; at most 1048576 are read")]
    TooManyChunks(u32),
    /// The table does not begin where the last member says, or the blob has another size.
    #[error("table of chunks: its place and length do not fit the size of the blob")]
    Misplaced,
    /// A table member is not of the one form.
    #[error("table of chunks: a member is malformed")]
    Malformed,
    /// A member but the last is not full, or there are more or fewer chunks than said.
    #[error("table of chunks: wrong number of chunks in a member")]
    Count,
    /// A chunk's lengths cannot be.
    #[error("table of chunks: chunk {0} has impossible lengths")]
    Chunk(usize),
    /// The compressed lengths do not add up to the offset of the table.
    #[error("table of chunks: the compressed lengths do not add up")]
    CompressedSum,
    /// The plain lengths do not add up to the length of the tar.
    #[error("table of chunks: the plain lengths do not add up")]
    PlainSum,
}

/// The last member of a table: what the fixed-length end of a blob says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    form: TableForm,
    encoder: u16,
    chunks: u32,
    offset: u64,
    plain_size: u64,
}

impl Last {
    /// Reads the end of a blob: its last [`LAST_MEMBER`] bytes, or all of a shorter one.
    ///
    /// # Errors
    /// [`TableError::NoTable`] where it is anything else, [`TableError::TooManyChunks`].
    pub fn parse(end: &[u8]) -> Result<Last, TableError> {
        let last = [TableForm::Gzip, TableForm::Zstd]
            .into_iter()
            .find_map(|form| Last::parse_as(form, end))
            .ok_or(TableError::NoTable)?;
        if last.chunks > MAX_CHUNKS { Err(TableError::TooManyChunks(last.chunks)) } else { Ok(last) }
    }

    fn parse_as(form: TableForm, end: &[u8]) -> Option<Last> {
        let start = end.len().checked_sub(form.last_length())?;
        let (payload, rest) = form.unwrap(&end[start..])?;
        let payload: &[u8; LAST_PAYLOAD] = payload.try_into().ok()?;
        if !rest.is_empty() || payload[..2] != LAST_MAGIC {
            return None;
        }
        Some(Last {
            form,
            encoder: u16::from_le_bytes(payload[2..4].try_into().ok()?),
            chunks: u32::from_le_bytes(payload[4..8].try_into().ok()?),
            offset: u64::from_le_bytes(payload[8..16].try_into().ok()?),
            plain_size: u64::from_le_bytes(payload[16..24].try_into().ok()?),
        })
    }

    /// Where the table members lie in a blob of `blob_size` bytes: offset and length.
    ///
    /// # Errors
    /// [`TableError::Misplaced`] where they cannot lie in such a blob.
    pub fn members(&self, blob_size: u64) -> Result<(u64, u64), TableError> {
        let chunks = u64::from(self.chunks);
        let count = chunks.div_ceil(CHUNKS_PER_MEMBER as u64);
        let length = chunks * CHUNK_LENGTH as u64 + count * (4 + self.form.overhead() as u64);
        let end =
            self.offset.checked_add(length).and_then(|end| end.checked_add(self.form.last_length() as u64));
        if end == Some(blob_size) { Ok((self.offset, length)) } else { Err(TableError::Misplaced) }
    }
}

/// All chunks of a layer, in order; they cover its tar without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkTable {
    last: Last,
    chunks: Vec<Chunk>,
}

impl ChunkTable {
    /// Reads the table members of a blob of `blob_size` bytes that ends in `last`, and checks all rules.
    ///
    /// # Errors
    /// One [`TableError`] for each rule broken.
    pub fn parse(last: Last, members: &[u8], blob_size: u64) -> Result<ChunkTable, TableError> {
        if last.members(blob_size)?.1 != members.len() as u64 {
            return Err(TableError::Misplaced);
        }
        let mut table = ChunkTable { last, chunks: Vec::with_capacity(last.chunks as usize) };
        let mut rest = members;
        while !rest.is_empty() {
            rest = table.take_member(rest)?;
        }
        table.check()?;
        Ok(table)
    }

    /// Takes one table member from the front of `bytes`; gives what follows it.
    fn take_member<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], TableError> {
        let (payload, rest) = self.last.form.unwrap(bytes).ok_or(TableError::Malformed)?;
        let chunks = payload.strip_prefix(&CHUNKS_MAGIC).ok_or(TableError::Malformed)?;
        let (count, chunks) = chunks.split_first_chunk::<2>().ok_or(TableError::Malformed)?;
        let (chunks, odd) = chunks.as_chunks::<CHUNK_LENGTH>();
        if !odd.is_empty() || chunks.len() != usize::from(u16::from_le_bytes(*count)) {
            return Err(TableError::Malformed);
        }
        let expected = CHUNKS_PER_MEMBER.min(self.last.chunks as usize - self.chunks.len());
        if chunks.len() != expected || expected == 0 {
            return Err(TableError::Count);
        }
        self.chunks.extend(chunks.iter().map(Chunk::parse));
        Ok(rest)
    }

    fn check(&self) -> Result<(), TableError> {
        if self.chunks.len() != self.last.chunks as usize {
            return Err(TableError::Count);
        }
        if let Some(bad) = self.chunks.iter().position(|chunk| !chunk.is_possible()) {
            return Err(TableError::Chunk(bad));
        }
        // At most 2^20 numbers of 32 bits: the sums cannot overflow.
        let compressed: u64 = self.chunks.iter().map(|chunk| u64::from(chunk.compressed)).sum();
        let around = match self.last.form {
            TableForm::Gzip => 20,
            TableForm::Zstd if self.chunks.is_empty() => ZSTD_EMPTY_FRAME,
            TableForm::Zstd => 0,
        };
        if compressed + around != self.last.offset {
            return Err(TableError::CompressedSum);
        }
        let plain: u64 = self.chunks.iter().map(|chunk| u64::from(chunk.plain)).sum();
        if plain == self.last.plain_size { Ok(()) } else { Err(TableError::PlainSum) }
    }

    /// The form the table, and so the layer, is in.
    pub fn form(&self) -> TableForm {
        self.last.form
    }

    /// The number of the encoder that made the chunks. Only chunks of the same encoder may be copied.
    pub fn encoder(&self) -> u16 {
        self.last.encoder
    }

    /// The length of the tar in bytes.
    pub fn plain_size(&self) -> u64 {
        self.last.plain_size
    }

    /// The chunks, in the order of the tar.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Where the first chunk begins in the blob, in bytes; each other begins where the one before ends.
    pub fn first_chunk_offset(&self) -> u64 {
        match self.last.form {
            TableForm::Gzip => GZIP_HEAD.len() as u64,
            TableForm::Zstd => 0,
        }
    }
}

/// The table of a whole blob in memory.
///
/// # Errors
/// [`TableError`], the first rule that is broken.
pub fn parse(blob: &[u8]) -> Result<ChunkTable, TableError> {
    let last = Last::parse(&blob[blob.len().saturating_sub(LAST_MEMBER)..])?;
    let (offset, length) = last.members(blob.len() as u64)?;
    // Both lie within the blob: `members` has compared their sum with its length.
    let (start, length) = (offset as usize, length as usize);
    ChunkTable::parse(last, &blob[start..start + length], blob.len() as u64)
}

/// The table of a blob in a file; `None` where it has none that may be used. Reads the end of the file only.
///
/// # Errors
/// What reading and seeking give.
pub fn find_table(mut file: impl Read + Seek) -> io::Result<Option<ChunkTable>> {
    let blob_size = file.seek(SeekFrom::End(0))?;
    let end =
        read_at(&mut file, blob_size.saturating_sub(LAST_MEMBER as u64), blob_size.min(LAST_MEMBER as u64))?;
    let Ok(last) = Last::parse(&end) else { return Ok(None) };
    let Ok((offset, length)) = last.members(blob_size) else { return Ok(None) };
    let members = read_at(&mut file, offset, length)?;
    Ok(ChunkTable::parse(last, &members, blob_size).ok())
}

fn read_at(file: &mut (impl Read + Seek), offset: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    // At most 26 MiB, by MAX_CHUNKS.
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The length of a compressed layer's tar in bytes, without decompressing it; `None` where the blob carries no
/// table that may be used.
///
/// # Errors
/// What reading and seeking give.
pub fn unpacked_size(file: impl Read + Seek) -> io::Result<Option<u64>> {
    Ok(find_table(file)?.map(|table| table.plain_size()))
}

#[cfg(test)]
mod tests;
