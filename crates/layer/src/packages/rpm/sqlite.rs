//! The rows of one table of an SQLite database, from its pages: sqlite.org/fileformat2.html.
//!
//! This is no SQLite, on purpose: what that would run for a schema that comes from an image, a view say, is whoever made
//! the image's program. Here a table is a tree of pages, each seen once.

use super::big;

pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Before the first page's own content.
const FILE_HEADER: usize = 100;
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;
/// More columns than either table has.
const MAX_COLUMNS: usize = 16;

/// Hands the second column of each row of `table` to `take`; `None` where the database is damaged, or `take` says so.
pub(super) fn blobs(bytes: &[u8], table: &str, mut take: impl FnMut(&[u8]) -> Option<()>) -> Option<()> {
    let database = Database::new(bytes)?;
    let mut root = None;
    database.rows(1, |row| {
        // type, name, table, page, and the command that made it
        let columns = columns(row)?;
        if columns.first() == Some(&&b"table"[..]) && columns.get(1) == Some(&table.as_bytes()) {
            let page = columns
                .get(3)?
                .iter()
                .try_fold(0_u32, |page, byte| page.checked_mul(256)?.checked_add((*byte).into()));
            root = Some(page?);
        }
        Some(())
    })?;
    database.rows(root?, |row| take(columns(row)?.get(1)?))
}

struct Database<'a> {
    bytes: &'a [u8],
    page: usize,
    /// What of a page is used.
    usable: usize,
}

impl<'a> Database<'a> {
    fn new(bytes: &'a [u8]) -> Option<Database<'a>> {
        let page = match u16::from_be_bytes([*bytes.get(16)?, *bytes.get(17)?]) {
            1 => 1 << 16,
            size => usize::from(size),
        };
        let usable = page.checked_sub(usize::from(*bytes.get(20)?))?;
        (page >= 512 && usable >= 480).then_some(Database { bytes, page, usable })
    }

    /// Pages are counted from 1.
    fn page(&self, number: u32) -> Option<&'a [u8]> {
        let begin = usize::try_from(number.checked_sub(1)?).ok()?.checked_mul(self.page)?;
        self.bytes.get(begin..)?.get(..self.page)
    }

    /// Hands each row of the table whose tree begins at the page `root` to `take`.
    fn rows(&self, root: u32, mut take: impl FnMut(&[u8]) -> Option<()>) -> Option<()> {
        let (mut pages, mut left) = (self.bytes.len() / self.page, self.bytes.len());
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop() {
            // in a tree no page is seen twice
            pages = pages.checked_sub(1)?;
            let page = self.page(number)?;
            let head = page.get(if number == 1 { FILE_HEADER } else { 0 }..)?;
            let cells = usize::from(u16::from_be_bytes([*head.get(3)?, *head.get(4)?]));
            let is_leaf = match *head.first()? {
                LEAF => true,
                INTERIOR => false,
                _ => return None,
            };
            let places = head.get(if is_leaf { 8 } else { 12 }..)?.get(..cells * 2)?.chunks_exact(2);
            let places = places.map(|place| usize::from(u16::from_be_bytes([place[0], place[1]])));
            if is_leaf {
                for place in places {
                    let row = self.payload(page.get(place..)?, left)?;
                    left = left.checked_sub(row.len())?;
                    take(&row)?;
                }
                continue;
            }
            waiting.push(big(head, 8)?);
            for place in places.rev() {
                waiting.push(big(page, place)?);
            }
            (waiting.len() <= pages + 1).then_some(())?;
        }
        Some(())
    }

    /// The row in a leaf's cell, of at most so many bytes; what does not fit into it lies in a chain of other pages.
    fn payload(&self, cell: &[u8], most: usize) -> Option<Vec<u8>> {
        let (length, cell) = varint(cell)?;
        let (_, cell) = varint(cell)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= most)?;
        let (largest, least) = (self.usable - 35, (self.usable - 12) * 32 / 255 - 23);
        if length <= largest {
            return Some(cell.get(..length)?.to_vec());
        }
        let here = least + (length - least) % (self.usable - 4);
        let here = if here <= largest { here } else { least };
        let mut row = cell.get(..here)?.to_vec();
        let mut next = big(cell, here)?;
        while row.len() < length {
            let page = self.page(next)?;
            row.extend_from_slice(page.get(4..self.usable.min(4 + length - row.len()))?);
            next = big(page, 0)?;
        }
        Some(row)
    }
}

/// The values of a row as they lie in it, and none of those beyond the first few.
fn columns(row: &[u8]) -> Option<Vec<&[u8]>> {
    let (length, kinds) = varint(row)?;
    let length = usize::try_from(length).ok()?;
    let head = row.len() - kinds.len();
    let mut kinds = row.get(head..length)?;
    let mut values = row.get(length..)?;
    let mut columns = Vec::new();
    while !kinds.is_empty() && columns.len() < MAX_COLUMNS {
        let (kind, rest) = varint(kinds)?;
        kinds = rest;
        let size = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            blob_or_text => (blob_or_text - 12) / 2,
        };
        let (value, rest) = values.split_at_checked(usize::try_from(size).ok()?)?;
        columns.push(value);
        values = rest;
    }
    Some(columns)
}

/// A number of one to nine bytes, and what is behind it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (position, byte) in bytes.iter().enumerate().take(9) {
        if position == 8 {
            return Some((value << 8 | u64::from(*byte), &bytes[9..]));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[position + 1..]));
        }
    }
    None
}
