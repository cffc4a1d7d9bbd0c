//! What the fields of a header say of an entry, after what extended headers said. Strict: a field that is not what it must
//! be is an error, whoever might read past it.

use super::block::{BLOCK, MAX_SIZE, number};
use super::extensions::Records;
use super::{Device, Metadata, TarError, Time};
use tar::Header;

/// How long the content is that the header itself speaks of.
pub(crate) fn size(start: u64, block: &[u8; BLOCK]) -> Result<u64, TarError> {
    let size = field(start, "size", &block[124..136]).ok().filter(|size| *size <= MAX_SIZE);
    size.ok_or(TarError::Size(start))
}

/// A name or target: what was `said`, or else the header's own.
pub(crate) fn text(
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

/// A device's numbers.
pub(crate) fn device(start: u64, header: &Header) -> Result<Device, TarError> {
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

/// All that goes with the entry.
pub(crate) fn metadata(start: u64, header: &Header, pax: Records) -> Result<Metadata, TarError> {
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
