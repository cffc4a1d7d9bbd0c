//! Writes a tar in one form: the same entries give the same bytes, on any machine and in any release.
//!
//! A header is ustar's, numbers as octal digits, owner's names empty. What ustar cannot hold, and nothing else, goes
//! into PAX records before it, sorted by key. A sparse file is written in GNU's PAX form 1.0.

use super::block::{self, BLOCK};
use super::sparse::new_map;
use super::{Device, Entry, Kind, Metadata, Time};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

/// Bytes of ustar's fields for names.
const NAME: usize = 100;
const PREFIX: usize = 155;
/// The largest numbers that fields of 8 and 12 bytes hold.
const MAX_SHORT: u64 = 0o7_777_777;
const MAX_LONG: u64 = 0o77_777_777_777;

/// Writes entries to a sink, which is not flushed.
#[derive(Debug)]
#[must_use = "a tar that is not finished lacks its end"]
pub struct TarWriter<W> {
    sink: W,
}

impl<W: Write> TarWriter<W> {
    /// An empty tar.
    pub fn new(sink: W) -> TarWriter<W> {
        TarWriter { sink }
    }

    /// An entry's header, as [`TarWriter::append`] writes it.
    pub(crate) fn head(entry: &Entry) -> io::Result<Vec<u8>> {
        head(entry)
    }

    /// Writes an entry; of `content` just the bytes that it stores (see [`Entry::stored_size`]).
    ///
    /// # Errors
    /// `content` ends too early; a device number is larger than a tar can hold; those of the sink.
    pub fn append(&mut self, entry: &Entry, content: &mut dyn BufRead) -> io::Result<()> {
        self.sink.write_all(&entry.head()?)?;
        let size = entry.stored_size();
        let mut left = size;
        while left > 0 {
            let bytes = content.fill_buf()?;
            let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if count == 0 {
                let message = format!("content ends {left} bytes too early");
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
            }
            self.sink.write_all(&bytes[..count])?;
            content.consume(count);
            left -= count as u64;
        }
        let padding = block::padding(size) as usize;
        self.sink.write_all(&[0; BLOCK][..padding])
    }

    /// Writes the end of the tar, two blocks of zeros, and gives back the sink.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self) -> io::Result<W> {
        self.sink.write_all(&[0; 2 * BLOCK])?;
        Ok(self.sink)
    }
}

impl Entry {
    /// All that [`TarWriter`] writes before the entry's content: for who copies that by other means.
    ///
    /// # Errors
    /// A device number is larger than a tar can hold.
    pub fn head(&self) -> io::Result<Vec<u8>> {
        head(self)
    }
}

fn head(entry: &Entry) -> io::Result<Vec<u8>> {
    let path = written_path(entry);
    let mut pax = records(&entry.metadata);
    let mut header = Header::of(&entry.metadata);
    let mut map = Vec::new();
    match &entry.kind {
        Kind::File { size, pieces: Some(pieces) } => {
            map = new_map(pieces, *size);
            for (key, value) in [("major", "1"), ("minor", "0"), ("realsize", &size.to_string())] {
                pax.insert(format!("GNU.sparse.{key}").into_bytes(), value.as_bytes().to_vec());
            }
            pax.insert(b"GNU.sparse.name".to_vec(), path.into_owned());
            header.name(b"GNUSparseFile.0/sparse");
        }
        kind => {
            if !header.name(&path) {
                pax.insert(b"path".to_vec(), path.into_owned());
            }
            let (type_flag, target, device) = shape(kind);
            header.0[156] = type_flag;
            if !header.link(target) {
                pax.insert(b"linkpath".to_vec(), target.to_vec());
            }
            header.device(device)?;
        }
    }
    let size = entry.stored_size() + map.len() as u64;
    if !header.number(124..136, size, MAX_LONG) {
        pax.insert(b"size".to_vec(), size.to_string().into_bytes());
    }
    let mut out = Vec::with_capacity(2 * BLOCK);
    if !pax.is_empty() {
        write_pax(&pax, &mut out);
    }
    out.extend_from_slice(&header.sealed());
    out.extend_from_slice(&map);
    Ok(out)
}

/// A directory's name ends in a slash.
fn written_path(entry: &Entry) -> std::borrow::Cow<'_, [u8]> {
    if entry.kind == Kind::Directory && !entry.path.ends_with(b"/") {
        return [&entry.path[..], b"/"].concat().into();
    }
    (&entry.path[..]).into()
}

fn shape(kind: &Kind) -> (u8, &[u8], Option<Device>) {
    match kind {
        Kind::File { .. } => (b'0', b"", None),
        Kind::HardLink { target } => (b'1', target, None),
        Kind::Symlink { target } => (b'2', target, None),
        Kind::CharacterDevice(device) => (b'3', b"", Some(*device)),
        Kind::BlockDevice(device) => (b'4', b"", Some(*device)),
        Kind::Directory => (b'5', b"", None),
        Kind::Fifo => (b'6', b"", None),
    }
}

/// The records that attributes need.
fn records(metadata: &Metadata) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut pax = BTreeMap::new();
    for (key, id) in [("uid", metadata.uid), ("gid", metadata.gid)] {
        if u64::from(id) > MAX_SHORT {
            pax.insert(key.into(), id.to_string().into_bytes());
        }
    }
    if octal_time(metadata.mtime).is_none() {
        pax.insert(b"mtime".to_vec(), metadata.mtime.to_pax().into_bytes());
    }
    for (name, value) in &metadata.xattrs {
        // the first = ends a key, so such a name goes into libarchive's form alone
        let (key, value) = if name.contains(&b'=') {
            ([b"LIBARCHIVE.xattr.", &escaped(name)[..]].concat(), base64(value))
        } else {
            ([b"SCHILY.xattr.", &name[..]].concat(), value.clone())
        };
        pax.insert(key, value);
    }
    pax
}

fn base64(value: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(value).into_bytes()
}

fn escaped(name: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'=' | b'%' => format!("%{byte:02X}").into_bytes(),
        other => vec![*other],
    };
    name.iter().flat_map(escape).collect()
}

fn octal_time(time: Time) -> Option<u64> {
    let seconds = u64::try_from(time.seconds).ok()?;
    (time.nanoseconds == 0 && seconds <= MAX_LONG).then_some(seconds)
}

fn write_pax(records: &BTreeMap<Vec<u8>, Vec<u8>>, out: &mut Vec<u8>) {
    let mut content = Vec::new();
    for (key, value) in records {
        write_record(key, value, &mut content);
    }
    let mut header = Header::of(&Metadata { mode: 0o644, ..Metadata::default() });
    header.name(b"PaxHeaders/entry");
    header.0[156] = b'x';
    header.number(124..136, content.len() as u64, MAX_LONG);
    out.extend_from_slice(&header.sealed());
    content.resize(content.len().next_multiple_of(BLOCK), 0);
    out.extend_from_slice(&content);
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
fn write_record(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(format!("{length} ").as_bytes());
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// A header in the making.
struct Header([u8; BLOCK]);

impl Header {
    fn of(metadata: &Metadata) -> Header {
        let mut header = Header([0; BLOCK]);
        header.0[257..265].copy_from_slice(b"ustar\x0000");
        header.0[156] = b'0';
        header.number(100..108, u64::from(metadata.mode), MAX_SHORT);
        header.number(108..116, u64::from(metadata.uid), MAX_SHORT);
        header.number(116..124, u64::from(metadata.gid), MAX_SHORT);
        header.number(136..148, octal_time(metadata.mtime).unwrap_or(0), MAX_LONG);
        for field in [329..337, 337..345] {
            header.number(field, 0, MAX_SHORT);
        }
        header
    }

    /// Octal digits and a zero byte; 0 and `false` where the number does not fit.
    fn number(&mut self, field: std::ops::Range<usize>, value: u64, max: u64) -> bool {
        let fits = value <= max;
        let digits = field.len() - 1;
        let text = format!("{:0digits$o}\0", if fits { value } else { 0 });
        self.0[field].copy_from_slice(text.as_bytes());
        fits
    }

    /// The name, split where ustar wants it; where it does not fit, its beginning and `false`.
    fn name(&mut self, path: &[u8]) -> bool {
        if path.len() <= NAME {
            self.0[..path.len()].copy_from_slice(path);
            return true;
        }
        let split = path.iter().enumerate().find(|(at, byte)| **byte == b'/' && path.len() - at - 1 <= NAME);
        match split.map(|(at, _)| (&path[..at], &path[at + 1..])) {
            Some((prefix, name)) if !name.is_empty() && (1..=PREFIX).contains(&prefix.len()) => {
                self.0[..name.len()].copy_from_slice(name);
                self.0[345..345 + prefix.len()].copy_from_slice(prefix);
                true
            }
            _ => {
                self.0[..NAME].copy_from_slice(&path[..NAME]);
                false
            }
        }
    }

    fn link(&mut self, target: &[u8]) -> bool {
        let count = target.len().min(NAME);
        self.0[157..157 + count].copy_from_slice(&target[..count]);
        count == target.len()
    }

    fn device(&mut self, device: Option<Device>) -> io::Result<()> {
        let Some(Device { major, minor }) = device else { return Ok(()) };
        let fits = self.number(329..337, u64::from(major), MAX_SHORT)
            & self.number(337..345, u64::from(minor), MAX_SHORT);
        let message = "a device number above 2097151 has no place in a tar";
        if fits { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, message)) }
    }

    /// The header with its checksum.
    fn sealed(mut self) -> [u8; BLOCK] {
        self.0[148..156].fill(b' ');
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

#[cfg(test)]
mod tests;
