//! What extended headers and long names say about the entry behind them.

use super::block::{MAX_SIZE, decimal};
use super::pax::{self, Record};
use super::sparse::SparseRecords;
use super::{TarError, Time};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// bsdtar writes base 64 without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is said about the next entry.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    /// Was there anything at all?
    pub(crate) present: bool,
    pub(crate) long_name: Option<Vec<u8>>,
    pub(crate) long_link: Option<Vec<u8>>,
    pub(crate) pax: Records,
}

/// What the last extended header of an entry says. An empty value leaves the header's own.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    pub(crate) uid: Option<u64>,
    pub(crate) gid: Option<u64>,
    pub(crate) mtime: Option<Time>,
    pub(crate) xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) sparse: SparseRecords,
}

impl Extensions {
    /// The next entry's name: as Go's archive/tar, by which docker, podman and containerd read layers.
    pub(crate) fn name(&mut self) -> Option<Vec<u8>> {
        let sparse = self.pax.sparse.name.take();
        self.long_name.take().or(sparse).or_else(|| self.pax.path.take())
    }

    /// The next entry's target.
    pub(crate) fn link(&mut self) -> Option<Vec<u8>> {
        self.long_link.take().or_else(|| self.pax.link.take())
    }
}

/// The text of a GNU long name: up to its zero byte.
pub(crate) fn long_text(content: &[u8]) -> Option<Vec<u8>> {
    content.split(|byte| *byte == 0).next().map(<[u8]>::to_vec)
}

impl Records {
    /// Reads an extended header that begins at `start`. Of several headers the last counts, within it the last
    /// record of a key.
    pub(crate) fn parse(start: u64, content: &[u8]) -> Result<Records, TarError> {
        let mut read = Records::default();
        let mut libarchive = BTreeMap::new();
        for record in pax::records(content) {
            let record = record.map_err(|error| TarError::Pax { offset: start, error })?;
            if let Some(name) = record.key.strip_prefix(b"LIBARCHIVE.xattr.") {
                libarchive.insert(unescaped(name), record.value);
            } else {
                read.take(start, record)?;
            }
        }
        for (name, value) in libarchive {
            if let Entry::Vacant(place) = read.xattrs.entry(name) {
                place.insert(BASE64.decode(value).map_err(|_| TarError::Xattr(start))?);
            }
        }
        Ok(read)
    }

    fn take(&mut self, start: u64, Record { key, value }: Record<'_>) -> Result<(), TarError> {
        if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
            self.xattrs.insert(name.to_vec(), value.to_vec());
            return Ok(());
        }
        if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
            return self.sparse.take(key, value).ok_or(TarError::SparseMap(start));
        }
        let number = |field| decimal(value).ok_or(TarError::Number { offset: start, field });
        match (key, value) {
            (b"path", b"") => self.path = None,
            (b"linkpath", b"") => self.link = None,
            (b"uid", b"") => self.uid = None,
            (b"gid", b"") => self.gid = None,
            (b"mtime", b"") => self.mtime = None,
            (b"path", _) => self.path = Some(value.to_vec()),
            (b"linkpath", _) => self.link = Some(value.to_vec()),
            (b"uid", _) => self.uid = Some(number("uid")?),
            (b"gid", _) => self.gid = Some(number("gid")?),
            (b"mtime", _) => {
                let time = Time::parse(value);
                self.mtime = Some(time.ok_or(TarError::Number { offset: start, field: "mtime" })?);
            }
            (b"size", _) => {
                let size = decimal(value).filter(|size| *size <= MAX_SIZE);
                self.size = Some(size.ok_or(TarError::Size(start))?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Global headers are checked; what they say is about attributes, which docker, podman and containerd ignore, and
/// size is none.
pub(crate) fn check_global(start: u64, content: &[u8]) -> Result<(), TarError> {
    for record in pax::records(content) {
        if record.map_err(|error| TarError::Pax { offset: start, error })?.key == b"size" {
            return Err(TarError::GlobalSize(start));
        }
    }
    Ok(())
}

/// libarchive writes odd bytes of names as `%XX`.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).filter(|_| *first == b'%');
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = &behind[if byte.is_some() { 2 } else { 0 }..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libarchives_attributes_are_decoded_and_stars_win() {
        let records = b"36 LIBARCHIVE.xattr.user%2ea=AP8KZg\n30 LIBARCHIVE.xattr.user.b=QQ\n25 SCHILY.xattr.user.b=\xff\n";
        let read = Records::parse(0, records).unwrap();
        assert_eq!(read.xattrs[&b"user.a"[..]], b"\0\xff\nf");
        assert_eq!(read.xattrs[&b"user.b"[..]], b"\xff");
        let bad = b"34 LIBARCHIVE.xattr.user%2e.=!!!!\n";
        assert_eq!(Records::parse(9, bad).unwrap_err(), TarError::Xattr(9));
    }

    #[test]
    fn an_empty_value_leaves_what_the_header_says() {
        let read = Records::parse(0, b"8 path=\n7 uid=\n9 mtime=\n").unwrap();
        assert_eq!((read.path, read.uid, read.mtime), (None, None, None));
    }
}
