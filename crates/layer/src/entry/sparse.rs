//! Where the stored bytes of a sparse file belong. GNU tar manual, "Storing Sparse Files": the old form in header
//! blocks, and the PAX forms 0.0, 0.1 and 1.0.

use super::TarError;
use super::block::{BLOCK, MAX_SIZE, decimal, number};
use tar::Header;

/// More pieces than this would take more memory than a layer's entry is worth: 16 MiB.
const MAX_PIECES: usize = 1 << 20;
/// Digits and newline of the longest number in a map.
const MAX_NUMBER: usize = 21;

/// So many bytes belong there; between pieces are zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where in the file.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

/// What PAX records say about a sparse file.
#[derive(Clone, Debug, Default)]
pub(crate) struct SparseRecords {
    version: (u64, u64),
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    pieces: Option<Vec<Piece>>,
    offset: Option<u64>,
}

/// How the pieces of a sparse file are found.
pub(crate) enum Map {
    /// They are here.
    Here(Vec<Piece>),
    /// They stand before the content.
    BeforeContent,
}

impl SparseRecords {
    /// Takes the record `GNU.sparse.KEY`. Any malformed one makes the map malformed.
    pub(crate) fn take(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"major" => self.version.0 = decimal(value)?,
            b"minor" => self.version.1 = decimal(value)?,
            b"name" => self.name = Some(value.to_vec()),
            b"size" | b"realsize" => self.size = Some(decimal(value).filter(|size| *size <= MAX_SIZE)?),
            b"map" => self.pieces = Some(parse_map(value)?),
            b"offset" => self.offset = Some(decimal(value)?),
            b"numbytes" => {
                let piece = Piece { offset: self.offset.take()?, length: decimal(value)? };
                self.pieces.get_or_insert_default().push(piece);
            }
            b"numblocks" => self.pieces = Some(self.pieces.take().unwrap_or_default()),
            _ => {}
        }
        Some(())
    }

    /// How the pieces are found; `None` where the file is not sparse.
    pub(crate) fn map(&mut self) -> Option<Map> {
        match self.version {
            (1, 0) => Some(Map::BeforeContent),
            _ => self.pieces.take().map(Map::Here),
        }
    }
}

/// `OFFSET,LENGTH,OFFSET,LENGTH…` of form 0.1.
fn parse_map(text: &[u8]) -> Option<Vec<Piece>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let numbers: Option<Vec<u64>> = text.split(|byte| *byte == b',').map(decimal).collect();
    let numbers = numbers?;
    let (pairs, odd) = numbers.as_chunks::<2>();
    let piece = |&[offset, length]: &[u64; 2]| Piece { offset, length };
    odd.is_empty().then(|| pairs.iter().map(piece).collect())
}

/// Are they ascending and apart, within `size` bytes, and as long as what is stored?
pub(crate) fn is_possible(pieces: &[Piece], size: u64, stored: u64) -> bool {
    let (mut end, mut sum) = (0u64, 0u64);
    for piece in pieces {
        let (Some(new_end), Some(new_sum)) =
            (piece.offset.checked_add(piece.length), sum.checked_add(piece.length))
        else {
            return false;
        };
        if piece.offset < end || new_end > size {
            return false;
        }
        (end, sum) = (new_end, new_sum);
    }
    sum == stored
}

/// The old form: four pieces in the header, 21 in each block behind it.
#[derive(Debug)]
pub(crate) struct OldMap {
    pub(crate) pieces: Vec<Piece>,
    /// The file's length.
    pub(crate) size: u64,
    /// Does another block follow?
    pub(crate) more: bool,
    blocks: usize,
}

impl OldMap {
    /// Reads a header of type `S` that begins at `start`.
    pub(crate) fn of(start: u64, header: &Header) -> Result<OldMap, TarError> {
        let bytes = header.as_bytes();
        let size = number(&bytes[483..495]).and_then(|size| u64::try_from(size).ok());
        let size = size.ok_or(TarError::SparseMap(start))?;
        let mut map = OldMap { pieces: Vec::new(), size, more: bytes[482] != 0, blocks: 0 };
        map.take_pieces(start, &bytes[386..482])?;
        Ok(map)
    }

    /// Reads a block behind the header.
    pub(crate) fn take_block(&mut self, start: u64, block: &[u8; BLOCK]) -> Result<(), TarError> {
        self.blocks += 1;
        if self.blocks > MAX_PIECES / 21 {
            return Err(TarError::TooManyPieces(start));
        }
        self.more = block[504] != 0;
        self.take_pieces(start, &block[..504])
    }

    fn take_pieces(&mut self, start: u64, fields: &[u8]) -> Result<(), TarError> {
        for [offset, length] in fields.as_chunks::<12>().0.as_chunks::<2>().0 {
            if offset[0] == 0 || length[0] == 0 {
                break;
            }
            let read = |field: &[u8]| number(field).and_then(|value| u64::try_from(value).ok());
            let (Some(offset), Some(length)) = (read(offset), read(length)) else {
                return Err(TarError::SparseMap(start));
            };
            self.pieces.push(Piece { offset, length });
        }
        Ok(())
    }
}

/// Form 1.0: a count and pairs of numbers, each with a newline, before the content, in whole blocks.
#[derive(Debug, Default)]
pub(crate) struct NewMap {
    number: Vec<u8>,
    count: Option<u64>,
    offset: Option<u64>,
    pieces: Vec<Piece>,
}

impl NewMap {
    /// Reads one block; `true` when it was the last. `None`: it is no map.
    pub(crate) fn take_block(&mut self, start: u64, block: &[u8]) -> Result<bool, TarError> {
        for byte in block {
            if self.is_whole() {
                break;
            }
            if *byte != b'\n' {
                self.number.push(*byte);
                if self.number.len() > MAX_NUMBER {
                    return Err(TarError::SparseMap(start));
                }
                continue;
            }
            let value = decimal(&self.number).ok_or(TarError::SparseMap(start))?;
            self.number.clear();
            self.take_number(start, value)?;
        }
        Ok(self.is_whole())
    }

    fn take_number(&mut self, start: u64, value: u64) -> Result<(), TarError> {
        match (self.count, self.offset.take()) {
            (None, _) if value > MAX_PIECES as u64 => return Err(TarError::TooManyPieces(start)),
            (None, _) => self.count = Some(value),
            (Some(_), None) => self.offset = Some(value),
            (Some(_), Some(offset)) => self.pieces.push(Piece { offset, length: value }),
        }
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.count == Some(self.pieces.len() as u64)
    }

    pub(crate) fn into_pieces(self) -> Vec<Piece> {
        self.pieces
    }
}

/// The map of form 1.0, in whole blocks.
pub(crate) fn new_map(pieces: &[Piece], size: u64) -> Vec<u8> {
    let mut pieces: Vec<Piece> = pieces.iter().copied().filter(|piece| piece.length > 0).collect();
    if pieces.last().is_none_or(|last| last.offset + last.length < size) {
        // GNU tar takes the file's length from the last of them, whatever `realsize` says
        pieces.push(Piece { offset: size, length: 0 });
    }
    let mut map = format!("{}\n", pieces.len());
    for piece in pieces {
        map.push_str(&format!("{}\n{}\n", piece.offset, piece.length));
    }
    let mut map = map.into_bytes();
    map.resize(map.len().next_multiple_of(BLOCK), 0);
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_overlapping_unsorted_or_overlong_pieces_is_refused() {
        let piece = |offset, length| Piece { offset, length };
        assert!(is_possible(&[], 10, 0));
        assert!(is_possible(&[piece(0, 1), piece(5, 2), piece(10, 0)], 10, 3));
        assert!(!is_possible(&[piece(5, 2), piece(0, 1)], 10, 3));
        assert!(!is_possible(&[piece(0, 3), piece(2, 2)], 10, 5));
        assert!(!is_possible(&[piece(9, 2)], 10, 2));
        assert!(!is_possible(&[piece(0, 2)], 10, 3));
        assert!(!is_possible(&[piece(u64::MAX, 2)], u64::MAX, 2));
    }

    #[test]
    fn the_map_of_form_one_is_read_as_it_is_written_over_several_blocks() {
        let pieces: Vec<Piece> = (0..200).map(|n| Piece { offset: n * 1000, length: n + 1 }).collect();
        let written = new_map(&pieces, 199_200);
        let mut map = NewMap::default();
        let blocks = written.chunks(BLOCK).map(|block| map.take_block(0, block).unwrap());
        assert_eq!(blocks.filter(|last| *last).count(), 1);
        assert_eq!(map.into_pieces(), pieces);
        assert_eq!(&new_map(&pieces[..1], 9)[..10], b"2\n0\n1\n9\n0\n", "a hole at the end has an end");
        assert_eq!(&new_map(&[], 9)[..7], b"1\n9\n0\n\0");
    }

    #[test]
    fn a_map_that_claims_too_much_is_refused_before_it_is_read() {
        let claim = |text: &[u8]| NewMap::default().take_block(7, text);
        assert_eq!(claim(b"1000000000\n0\n1\n"), Err(TarError::TooManyPieces(7)));
        assert_eq!(claim(&[b'9'; 512]), Err(TarError::SparseMap(7)));
        assert_eq!(claim(b"1\n-5\n"), Err(TarError::SparseMap(7)));
    }
}
