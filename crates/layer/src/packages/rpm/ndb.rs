//! rpm's own form of its database, `Packages.db`: lib/backend/ndb/rpmpkg.c.

use super::little;

pub(super) const MAGIC: &[u8; 8] = b"RpmP\0\0\0\0";
const PAGE: usize = 4096;
const SLOT: usize = 16;
/// The header takes the place of so many slots.
const HEADER_SLOTS: usize = 2;
/// Places of blobs are counted in blocks of so many bytes.
const BLOCK: usize = 16;
/// Before a blob: its mark, the package's number, the generation, the length.
const BLOB_HEAD: usize = 16;

/// Hands every package's blob to `take`; `None` where the database is damaged, or `take` says so.
pub(super) fn blobs(bytes: &[u8], mut take: impl FnMut(&[u8]) -> Option<()>) -> Option<()> {
    let pages = usize::try_from(little(bytes, 12)?).ok()?;
    let slots = bytes.get(..pages.checked_mul(PAGE)?)?.chunks_exact(SLOT).skip(HEADER_SLOTS);
    let mut left = bytes.len();
    for slot in slots {
        let (package, block) = (little(slot, 4)?, usize::try_from(little(slot, 8)?).ok()?);
        if !slot.starts_with(b"Slot") {
            return None;
        }
        if block == 0 {
            continue;
        }
        let blob = bytes.get(block.checked_mul(BLOCK)?..)?;
        if !blob.starts_with(b"BlbS") || little(blob, 4)? != package {
            return None;
        }
        let content = blob.get(BLOB_HEAD..)?.get(..usize::try_from(little(blob, 12)?).ok()?)?;
        // each byte is one blob's
        left = left.checked_sub(content.len())?;
        take(content)?;
    }
    Some(())
}
