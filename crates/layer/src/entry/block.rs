//! The block of 512 bytes that a tar consists of, and what its fields say. POSIX.1-2017, pax, "ustar Interchange
//! Format"; GNU tar manual, "Basic Tar Format".

use tar::{EntryType, Header};

/// Bytes of a block.
pub(crate) const BLOCK: usize = 512;
/// The longest extended header or long name, in bytes.
pub(crate) const MAX_EXTENSION: u64 = 1 << 20;
/// The longest content of an entry: what signed offsets hold, a block less.
pub(crate) const MAX_SIZE: u64 = i64::MAX as u64 - BLOCK as u64;
/// Where the checksum stands in a header.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// The sum of all bytes, those of the checksum itself as spaces; some old tars took bytes as signed.
pub(crate) fn has_valid_checksum(header: &Header) -> bool {
    let Ok(expected) = header.cksum() else { return false };
    let (mut unsigned, mut signed) = (0u32, 0i32);
    for (at, byte) in header.as_bytes().iter().enumerate() {
        let byte = if CHECKSUM.contains(&at) { b' ' } else { *byte };
        unsigned += u32::from(byte);
        signed += i32::from(byte.cast_signed());
    }
    expected == unsigned || i64::from(expected) == i64::from(signed)
}

/// Links, devices, directories and FIFOs have no content whatever their size says; so has an entry of the oldest
/// form whose name ends in a slash. As Go's archive/tar.
pub(crate) fn has_content(kind: EntryType, name: &[u8], header: &Header) -> bool {
    match kind {
        EntryType::Link
        | EntryType::Symlink
        | EntryType::Char
        | EntryType::Block
        | EntryType::Directory
        | EntryType::Fifo => false,
        _ => !is_old_directory(name, header),
    }
}

/// The oldest form has no type for directories: their names end in a slash.
pub(crate) fn is_old_directory(name: &[u8], header: &Header) -> bool {
    header.as_old().linkflag == [0] && name.ends_with(b"/")
}

/// How many bytes stand between content of `size` bytes and the next block.
pub(crate) fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

/// The number of a header's field: octal, or GNU's base 256; nothing at all is 0. `None` where it is neither, or
/// beyond 64 bits. As Go's archive/tar.
pub(crate) fn number(field: &[u8]) -> Option<i64> {
    match field {
        [first, rest @ ..] if first & 0x80 != 0 => base_256(*first, rest),
        _ => octal(field),
    }
}

fn base_256(first: u8, rest: &[u8]) -> Option<i64> {
    // the uppermost bit is the mark, the next one the sign
    let mut value = i128::from(((first << 1).cast_signed()) >> 1);
    for byte in rest {
        value = (value << 8) | i128::from(*byte);
        i64::try_from(value).ok()?;
    }
    i64::try_from(value).ok()
}

fn octal(field: &[u8]) -> Option<i64> {
    let blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
    let digits = &field[start..];
    let end = digits.iter().position(blank).unwrap_or(digits.len());
    if digits[end..].iter().any(|byte| !blank(byte)) {
        return None;
    }
    let mut value = 0i64;
    for digit in &digits[..end] {
        let digit = (*digit as char).to_digit(8)?;
        value = value.checked_mul(8)?.checked_add(i64::from(digit))?;
    }
    Some(value)
}

/// The decimal number of a PAX record or a sparse map.
pub(crate) fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_every_form_that_writers_use() {
        for (field, expected) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"00000644", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"\x80\0\0\0\0\x2d\xc6\xc0", Some(3_000_000)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2)),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None),
            (b"00000089", None),
            (b"hello wo", None),
            (b"12 34\0\0\0", None),
            (b"-0000001", None),
        ] {
            assert_eq!(number(field), expected, "{field:?}");
        }
    }
}
