//! What a file holds, as a digest that two files share when they hold the same.

use crate::entry::{Kind, Piece};
use image_format::{Algorithm, Digest, DigestHasher};
use std::io::{self, BufRead, Read};

/// Up to so many bytes of holes are hashed as the zeros that they are.
const MAX_HOLES: u64 = 64 << 20;
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// What a file holds. Compare the lengths of files first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// The digest of its content.
    Content(Digest),
    /// For a file with large holes: the digest of what it stores, and where.
    Pieces(Digest),
}

impl Held {
    /// The digest of the file's content, where that is known.
    pub(crate) fn content(self) -> Option<Digest> {
        match self {
            Held::Content(digest) => Some(digest),
            Held::Pieces(_) => None,
        }
    }
}

/// The stored bytes of a file, hashed as they are read.
pub(crate) struct Hashing<R> {
    content: R,
    hasher: DigestHasher,
}

impl<R: BufRead> Hashing<R> {
    pub(crate) fn new(content: R) -> Hashing<R> {
        Hashing { content, hasher: DigestHasher::new(Algorithm::Sha256) }
    }

    /// Reads what is left; `kind` is the file's. Of a file with holes nothing may have been read.
    pub(crate) fn finish(mut self, kind: &Kind) -> io::Result<Held> {
        let Kind::File { size, pieces: Some(pieces) } = kind else {
            self.skip(u64::MAX)?;
            return Ok(Held::Content(self.hasher.finish()));
        };
        let stored: u64 = pieces.iter().map(|piece| piece.length).sum();
        if size - stored > MAX_HOLES {
            for Piece { offset, length } in pieces {
                self.hasher.update(&offset.to_le_bytes());
                self.hasher.update(&length.to_le_bytes());
                self.skip(*length)?;
            }
            return Ok(Held::Pieces(self.hasher.finish()));
        }
        let mut end = 0;
        for Piece { offset, length } in pieces {
            self.hash_zeros(offset - end);
            self.skip(*length)?;
            end = offset + length;
        }
        self.hash_zeros(size - end);
        Ok(Held::Content(self.hasher.finish()))
    }

    fn skip(&mut self, mut left: u64) -> io::Result<()> {
        while left > 0 {
            let count = self.fill_buf()?.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if count == 0 {
                break;
            }
            self.consume(count);
            left -= count as u64;
        }
        Ok(())
    }

    fn hash_zeros(&mut self, mut left: u64) {
        while left > 0 {
            let count = left.min(ZEROS.len() as u64);
            self.hasher.update(&ZEROS[..count as usize]);
            left -= count;
        }
    }
}

impl<R: BufRead> BufRead for Hashing<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.content.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if count > 0 {
            // what was filled is still there
            if let Ok(bytes) = self.content.fill_buf() {
                self.hasher.update(&bytes[..count]);
            }
            self.content.consume(count);
        }
    }
}

impl<R: BufRead> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sparse(size: u64, pieces: &[(u64, u64)], stored: &[u8]) -> Held {
        let piece = |&(offset, length): &(u64, u64)| Piece { offset, length };
        let kind = Kind::File { size, pieces: Some(pieces.iter().map(piece).collect()) };
        Hashing::new(stored).finish(&kind).unwrap()
    }

    #[test]
    fn holes_are_the_zeros_that_they_are_read_as() {
        let whole = [vec![0; 100_000], b"ab".to_vec(), vec![0; 7], b"c".to_vec(), vec![0; 5]].concat();
        let kind = Kind::File { size: whole.len() as u64, pieces: None };
        let plain = Hashing::new(&whole[..]).finish(&kind).unwrap();
        assert_eq!(plain, Held::Content(Digest::sha256(&whole)));
        assert_eq!(sparse(whole.len() as u64, &[(100_000, 2), (100_009, 1)], b"abc"), plain);
        assert_eq!(
            sparse(whole.len() as u64, &[(0, 100_002), (100_009, 1)], &[&whole[..100_002], b"c"].concat()),
            plain
        );
        assert_ne!(sparse(whole.len() as u64, &[(100_000, 2), (100_008, 1)], b"abc"), plain);
    }

    #[test]
    fn holes_of_exabytes_cost_nothing() {
        let huge = 1 << 60;
        assert_eq!(sparse(huge, &[(5, 1)], b"a"), sparse(huge, &[(5, 1)], b"a"));
        assert_ne!(sparse(huge, &[(5, 1)], b"a"), sparse(huge, &[(5, 1)], b"b"));
        assert_ne!(sparse(huge, &[(5, 1)], b"a"), sparse(huge, &[(6, 1)], b"a"));
        assert_eq!(sparse(huge, &[(5, 1)], b"a").content(), None);
    }
}
