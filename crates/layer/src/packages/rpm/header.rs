//! One package in rpm's database: rpm's file format, "Header".

use super::super::{Package, PackageManager};
use super::big;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCHITECTURE: u32 = 1022;
const INT32: u32 = 4;
const STRING: u32 = 6;
/// Bytes of an entry of the index: tag, type, offset and count, four bytes each.
const ENTRY: usize = 16;

/// The package of a header: how many entries and how many bytes of values, the entries, the values. `None` where it is of
/// another form, or lacks a name or a version.
pub(super) fn package(blob: &[u8]) -> Option<Package> {
    let entries = usize::try_from(big(blob, 0)?).ok()?.checked_mul(ENTRY)?;
    let index = blob.get(8..)?.get(..entries)?;
    let store = blob.get(8 + entries..)?.get(..usize::try_from(big(blob, 4)?).ok()?)?;
    let value = |tag: u32, kind: u32| {
        let entry = index.chunks_exact(ENTRY).find(|entry| big(entry, 0) == Some(tag))?;
        (big(entry, 4)? == kind).then_some(())?;
        store.get(usize::try_from(big(entry, 8)?).ok()?..)
    };
    let text = |tag: u32| {
        let bytes = value(tag, STRING)?;
        let end = bytes.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(&bytes[..end]).into_owned()).filter(|text| !text.is_empty())
    };
    let epoch = value(EPOCH, INT32).and_then(|bytes| big(bytes, 0));
    let epoch = epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let version = format!("{epoch}{}-{}", text(VERSION)?, text(RELEASE)?);
    let architecture = text(ARCHITECTURE).unwrap_or_default();
    Some(Package { manager: PackageManager::Rpm, name: text(NAME)?, architecture, version })
}
