//! Refuses xz streams whose window would take too much memory, before their decoder allocates it.
//!
//! `lzma-rust2` takes up to 4 GiB at the word of each block's header and has no limit. So this follows the
//! container (The .xz File Format 1.1.0, sections 2 to 4) and the framing of LZMA2 as the bytes pass by; it checks
//! nothing else, the decoder does.

use std::io::{self, Read};

/// The longest window, in bytes: that of `xz -9`.
const MAX_WINDOW: u64 = 64 << 20;
/// LZMA2's number for [`MAX_WINDOW`]: (2 | n & 1) << (n / 2 + 11).
const MAX_WINDOW_NUMBER: u8 = 28;
const STREAM_HEADER: usize = 12;
const STREAM_FOOTER: u64 = 12;
const LZMA2: u8 = 0x21;

/// What the next bytes are.
#[derive(Debug)]
enum Part {
    /// To be collected whole: so many bytes, then looked at.
    Collect(What, usize),
    /// To be passed by, then the next.
    Skip(u64, After),
    /// A varint of the index; how many more follow.
    IndexNumber { left: u64, first: bool },
    /// Zero padding between streams, to a next one.
    Padding,
}

#[derive(Clone, Copy, Debug)]
enum What {
    StreamHeader,
    BlockSize,
    BlockHeader,
    ChunkControl,
    ChunkHead(u8),
}

#[derive(Clone, Copy, Debug)]
enum After {
    Chunk,
    Block,
    Stream,
}

/// A reader of an xz file that fails where a window is too big.
#[derive(Debug)]
pub(crate) struct XzLimit<R> {
    source: R,
    part: Part,
    collected: Vec<u8>,
    /// Bytes of the block's compressed data, or of the index, so far.
    counted: u64,
    check: u64,
    /// The varint of the index that is being read, and its length.
    number: (u64, u32),
}

impl<R: Read> XzLimit<R> {
    pub(crate) fn new(source: R) -> XzLimit<R> {
        let part = Part::Collect(What::StreamHeader, STREAM_HEADER);
        XzLimit { source, part, collected: Vec::new(), counted: 0, check: 0, number: (0, 0) }
    }

    fn follow(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some(&first) = bytes.first() {
            let taken = match &mut self.part {
                Part::Skip(left, after) => {
                    let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= taken as u64;
                    if *left == 0 {
                        let after = *after;
                        self.after(after);
                    }
                    taken
                }
                Part::Collect(what, length) => {
                    let taken = bytes.len().min(*length - self.collected.len());
                    self.collected.extend_from_slice(&bytes[..taken]);
                    if self.collected.len() == *length {
                        let what = *what;
                        let collected = std::mem::take(&mut self.collected);
                        self.look(what, &collected)?;
                        self.collected = collected;
                        self.collected.clear();
                    }
                    taken
                }
                Part::IndexNumber { .. } => {
                    self.index_byte(first);
                    1
                }
                Part::Padding if first == 0 => 1,
                Part::Padding => {
                    self.part = Part::Collect(What::StreamHeader, STREAM_HEADER);
                    0
                }
            };
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    fn skip(&mut self, length: u64, after: After) {
        if length == 0 { self.after(after) } else { self.part = Part::Skip(length, after) }
    }

    fn after(&mut self, after: After) {
        self.part = match after {
            After::Chunk => Part::Collect(What::ChunkControl, 1),
            After::Block => Part::Collect(What::BlockSize, 1),
            After::Stream => Part::Padding,
        };
    }

    fn look(&mut self, what: What, bytes: &[u8]) -> io::Result<()> {
        match what {
            What::StreamHeader => {
                // Section 2.1.1.2: none, 4, 8, 16, 32 or 64 bytes.
                self.check =
                    [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64][usize::from(bytes[7] & 15)];
                self.after(After::Block);
            }
            What::BlockSize if bytes[0] == 0 => {
                self.counted = 1;
                self.number = (0, 0);
                self.part = Part::IndexNumber { left: 0, first: true };
            }
            What::BlockSize => {
                self.part = Part::Collect(What::BlockHeader, (usize::from(bytes[0]) + 1) * 4 - 1);
            }
            What::BlockHeader => {
                check_window(bytes)?;
                self.counted = 0;
                self.after(After::Chunk);
            }
            What::ChunkControl => self.chunk_control(bytes[0]),
            What::ChunkHead(control) => {
                self.counted += bytes.len() as u64;
                let size = |at: usize| u64::from(u16::from_be_bytes([bytes[at], bytes[at + 1]])) + 1;
                let length = if control < 0x80 { size(0) } else { size(2) };
                self.counted += length;
                self.skip(length, After::Chunk);
            }
        }
        Ok(())
    }

    /// LZMA2: 0 ends the block's data, below 0x80 a chunk is stored, from 0xc0 on a byte of properties follows.
    fn chunk_control(&mut self, control: u8) {
        self.counted += 1;
        match control {
            0 => {
                let padding = self.counted.next_multiple_of(4) - self.counted;
                self.skip(padding + self.check, After::Block);
            }
            1..0x80 => self.part = Part::Collect(What::ChunkHead(control), 2),
            0x80..0xc0 => self.part = Part::Collect(What::ChunkHead(control), 4),
            0xc0.. => self.part = Part::Collect(What::ChunkHead(control), 5),
        }
    }

    /// The index is the number of records and twice as many numbers, padded, and a CRC-32.
    fn index_byte(&mut self, byte: u8) {
        self.counted += 1;
        let (value, length) = self.number;
        let value = value | u64::from(byte & 0x7f).checked_shl(7 * length).unwrap_or(0);
        self.number = (value, length + 1);
        if byte & 0x80 != 0 {
            return;
        }
        let Part::IndexNumber { left, first } = self.part else { return };
        let left = if first { value.saturating_mul(2) } else { left - 1 };
        self.number = (0, 0);
        self.part = Part::IndexNumber { left, first: false };
        if left == 0 {
            let padding = self.counted.next_multiple_of(4) - self.counted;
            self.skip(padding + 4 + STREAM_FOOTER, After::Stream);
        }
    }
}

/// Section 3.1. `header` is all after the size byte: flags, two optional sizes, the filters, padding, CRC-32.
fn check_window(header: &[u8]) -> io::Result<()> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "malformed block header");
    let (&flags, mut rest) = header.split_first().ok_or_else(malformed)?;
    for bit in [0x40, 0x80] {
        if flags & bit != 0 {
            take_number(&mut rest);
        }
    }
    for _ in 0..=flags & 3 {
        let (id, length) = (take_number(&mut rest), take_number(&mut rest));
        let length = usize::try_from(length).map_err(|_| malformed())?;
        let (properties, after) = rest.split_at_checked(length).ok_or_else(malformed)?;
        if id == u64::from(LZMA2) && properties.first().is_some_and(|number| *number > MAX_WINDOW_NUMBER) {
            let message = format!("it needs a window of more than {} MiB", MAX_WINDOW >> 20);
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        rest = after;
    }
    Ok(())
}

/// A varint of seven bits a byte, the lowest first. Malformed ones are the decoder's to refuse.
fn take_number(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let Some((&byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

impl<R: Read> Read for XzLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.follow(&buffer[..count])?;
        Ok(count)
    }
}
