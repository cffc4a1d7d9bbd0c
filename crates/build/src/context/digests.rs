//! What files hold, remembered by how the system sees them: so a file that has not changed is not read again.
//!
//! One file of the cache for each context: records of one length in the order of device and inode, behind them their SHA-256.
//! A change of attributes changes the time of the inode, so that a file has none is remembered as well.

use crate::copy::{Stamp, Sum};
use cache::Cache;
use image_format::Digest;
use layer::Time;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The kind of these files; a change of their form takes a new number.
const KIND: &str = "file-digests-1";
/// Device, inode, size, two times, age and a flag, digest.
const RECORD: usize = 8 + 8 + 8 + 12 + 12 + 4 + 32;
/// A file that changed less than this before it was read may have changed again without a trace: file systems keep times in
/// steps, of two seconds at most (FAT).
const RACY: Duration = Duration::from_secs(2);
/// Builds that do not look at a file before it is forgotten.
const MAX_AGE: u32 = 16;
/// More files than this are not remembered.
const MAX_RECORDS: usize = 1 << 20;

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// What it holds.
    pub(crate) sum: Sum,
    /// Whether it has attributes that are copied.
    pub(crate) has_xattrs: bool,
}

/// What is known of the files of one context.
#[derive(Debug)]
pub(crate) struct Digests {
    kept: Option<(Cache, String)>,
    /// What was known before, in order.
    known: Vec<u8>,
    /// Records in no order; a later one counts.
    learned: Mutex<Vec<u8>>,
    /// Records that were asked for, one bit each.
    seen: Mutex<Vec<u64>>,
    /// What time it is.
    clock: fn() -> SystemTime,
}

impl Digests {
    /// What `cache` has of the context that is this directory.
    pub(crate) fn of(cache: &Cache, device: u64, inode: u64) -> Digests {
        let key = format!("{device:x}-{inode:x}");
        let known = cache.get(KIND, &key).and_then(checked).unwrap_or_default();
        let seen = Mutex::new(vec![0; (known.len() / RECORD).div_ceil(64)]);
        let kept = Some((cache.clone(), key));
        Digests { kept, known, learned: Mutex::default(), seen, clock: SystemTime::now }
    }

    /// What is known of the file that looks like this.
    pub(crate) fn find(&self, stamp: &Stamp) -> Option<Known> {
        let at = self.position(stamp)?;
        let record = self.record(at);
        if record.stamp != *stamp {
            return None;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen[at / 64] |= 1 << (at % 64);
        Some(record.known)
    }

    /// The file that looked like this before and after it was read, from `began` on, is this. One that changed just
    /// before is not remembered.
    pub(crate) fn learn(&self, stamp: &Stamp, known: Known, began: SystemTime) {
        if self.kept.is_none() || !is_settled(stamp, began) {
            return;
        }
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        if learned.len() < MAX_RECORDS * RECORD {
            Record { stamp: *stamp, age: 0, known }.write(&mut learned);
        }
    }

    /// When a file is read that is read now.
    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Asks `clock` what time it is.
    #[cfg(test)]
    pub(crate) fn set_clock(&mut self, clock: fn() -> SystemTime) {
        self.clock = clock;
    }

    /// Keeps what was learned. That it cannot be kept costs time alone.
    fn keep(&mut self) {
        let learned = std::mem::take(self.learned.get_mut().unwrap_or_else(PoisonError::into_inner));
        let Some((cache, key)) = self.kept.as_ref().filter(|_| !learned.is_empty()) else { return };
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records: Vec<Record> = Vec::with_capacity((self.known.len() + learned.len()) / RECORD);
        // a file that was known as it was before is behind what was learned of it since
        records.extend(learned.rchunks_exact(RECORD).map(Record::read));
        drop(learned);
        for at in 0..self.known.len() / RECORD {
            let record = self.record(at);
            let age = if seen[at / 64] & 1 << (at % 64) == 0 { record.age + 1 } else { 0 };
            if age <= MAX_AGE {
                records.push(Record { age, ..record });
            }
        }
        drop(seen);
        records.sort_by_key(|record| record.stamp.file());
        records.dedup_by_key(|record| record.stamp.file());
        records.truncate(MAX_RECORDS);
        let mut content: Vec<u8> = Vec::with_capacity(records.len() * RECORD + 32);
        records.iter().for_each(|record| record.write(&mut content));
        let sum = Digest::sha256(&content);
        content.extend_from_slice(sum.as_bytes());
        let _ = cache.put(KIND, key, &content);
    }

    fn position(&self, stamp: &Stamp) -> Option<usize> {
        let wanted = stamp.file();
        let (mut low, mut high) = (0, self.known.len() / RECORD);
        while low < high {
            let middle = low.midpoint(high);
            let found = self.record(middle).stamp;
            match found.file().cmp(&wanted) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    fn record(&self, at: usize) -> Record {
        Record::read(&self.known[at * RECORD..(at + 1) * RECORD])
    }
}

impl Default for Digests {
    /// Knows nothing and keeps nothing.
    fn default() -> Digests {
        let (known, learned, seen) = (Vec::new(), Mutex::default(), Mutex::default());
        Digests { kept: None, known, learned, seen, clock: SystemTime::now }
    }
}

impl Drop for Digests {
    fn drop(&mut self) {
        self.keep();
    }
}

/// The records of a file, where it is whole.
fn checked(mut file: Vec<u8>) -> Option<Vec<u8>> {
    let length = file.len().checked_sub(32)?;
    let sum = file.split_off(length);
    (length % RECORD == 0 && Digest::sha256(&file).as_bytes() == sum).then_some(file)
}

/// Has it been left alone for long enough before it was read?
fn is_settled(stamp: &Stamp, began: SystemTime) -> bool {
    let Ok(seconds) = u64::try_from(stamp.changed.seconds) else { return false };
    let changed = UNIX_EPOCH + Duration::new(seconds, stamp.changed.nanoseconds);
    began.duration_since(changed).is_ok_and(|since| since > RACY)
}

#[derive(Clone, Copy)]
struct Record {
    stamp: Stamp,
    /// In how many builds nobody has asked for it.
    age: u32,
    known: Known,
}

/// The bit of the age that says that there are attributes.
const XATTRS: u32 = 1 << 31;

impl Record {
    fn write(&self, out: &mut Vec<u8>) {
        let Stamp { device, inode, size, modified, changed } = self.stamp;
        for number in [device, inode, size] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for time in [modified, changed] {
            out.extend_from_slice(&time.seconds.to_le_bytes());
            out.extend_from_slice(&time.nanoseconds.to_le_bytes());
        }
        let flag = if self.known.has_xattrs { XATTRS } else { 0 };
        out.extend_from_slice(&(self.age | flag).to_le_bytes());
        out.extend_from_slice(&self.known.sum);
    }

    fn read(bytes: &[u8]) -> Record {
        let mut bytes = Fields(bytes);
        let (device, inode, size) = (bytes.long(), bytes.long(), bytes.long());
        let mut time = || Time { seconds: bytes.long() as i64, nanoseconds: bytes.short() };
        let (modified, changed) = (time(), time());
        let age = bytes.short();
        let known = Known { has_xattrs: age & XATTRS != 0, sum: bytes.take() };
        Record { stamp: Stamp { device, inode, size, modified, changed }, age: age & !XATTRS, known }
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.0.split_first_chunk().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *head
    }

    fn long(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn short(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(inode: u64) -> Stamp {
        let modified = Time { seconds: -5, nanoseconds: 7 };
        let changed = Time { seconds: 1_000_000, nanoseconds: 9 };
        Stamp { device: 1, inode, size: 3, modified, changed }
    }

    fn known(number: u64) -> Known {
        Known { sum: [number as u8; 32], has_xattrs: number % 2 == 1 }
    }

    fn later() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_010)
    }

    #[test]
    fn what_was_learned_is_known_the_next_time_and_only_while_nothing_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        let digests = Digests::of(&cache, 1, 2);
        for inode in [9, 3, 6] {
            digests.learn(&stamp(inode), known(inode), later());
        }
        assert_eq!(digests.find(&stamp(3)), None);
        drop(digests);
        let digests = Digests::of(&cache, 1, 2);
        for inode in [3, 6, 9] {
            assert_eq!(digests.find(&stamp(inode)), Some(known(inode)));
        }
        let other = [
            Stamp { size: 4, ..stamp(3) },
            Stamp { inode: 4, ..stamp(3) },
            Stamp { device: 2, ..stamp(3) },
            Stamp { modified: Time::from_seconds(-5), ..stamp(3) },
            Stamp { changed: Time::from_seconds(1_000_001), ..stamp(3) },
        ];
        for stamp in other {
            assert_eq!(digests.find(&stamp), None, "{stamp:?}");
        }
        assert_eq!(Digests::of(&cache, 1, 3).find(&stamp(3)), None);
    }

    #[test]
    fn what_changed_just_before_it_was_read_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        for (seconds, is_known) in
            [(1_000_000, false), (1_000_002, false), (1_000_003, true), (999_000, false)]
        {
            let digests = Digests::of(&cache, 1, 2);
            digests.learn(&stamp(seconds), known(1), UNIX_EPOCH + Duration::from_secs(seconds));
            drop(digests);
            assert_eq!(Digests::of(&cache, 1, 2).find(&stamp(seconds)).is_some(), is_known, "{seconds}");
        }
    }

    #[test]
    fn what_nobody_asks_for_is_forgotten_after_a_while_and_what_is_spoilt_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        let learn = |inode: u64, asked: Option<u64>| {
            let digests = Digests::of(&cache, 1, 2);
            digests.learn(&stamp(inode), known(0), later());
            asked.and_then(|inode| digests.find(&stamp(inode)))
        };
        learn(1, None);
        learn(2, None);
        for round in 0..=u64::from(MAX_AGE) {
            assert!(learn(100 + round, Some(1)).is_some());
        }
        assert!(learn(3, Some(1)).is_some());
        assert_eq!(learn(3, Some(2)), None);
        let file = directory.path().join(KIND).join("1-2");
        let mut content = std::fs::read(&file).unwrap();
        content[20] ^= 1;
        std::fs::write(&file, content).unwrap();
        assert_eq!(Digests::of(&cache, 1, 2).find(&stamp(1)), None);
    }
}
