//! rpm's databases: SQLite's form (Fedora, RHEL 9) and rpm's own, ndb (SUSE). Berkeley DB's (RHEL 7 and 8) is not read.
//!
//! A database is read whole, since its parts refer to each other, and held in memory meanwhile. Each package in it is a
//! header: an index of tags and a store of their values. What SQLite has in its write-ahead log alone is not seen; rpm
//! leaves nothing there.

mod header;
mod ndb;
mod sqlite;

use super::Package;
use super::collected::Collected;
use std::io::{self, BufRead, ErrorKind, Read};

/// No database of a distribution's image is longer.
const MAX_BYTES: u64 = 48 << 20;
/// Berkeley DB's marks of a hash and of a tree, at byte 12.
const BERKELEY: [[u8; 4]; 2] = [[0x61, 0x15, 0x06, 0], [0x62, 0x31, 0x05, 0]];

pub(super) fn packages(database: impl BufRead) -> io::Result<Vec<Package>> {
    let mut bytes = Vec::new();
    database.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(invalid(format_args!("longer than {MAX_BYTES} bytes")));
    }
    let mut all = Collected::default();
    let mut failure = None;
    let take = |blob: &[u8]| {
        let package = header::package(blob)?;
        all.push(package).map_err(|error| failure = Some(error)).ok()
    };
    let read = match &bytes {
        bytes if bytes.is_empty() => Some(()),
        bytes if bytes.starts_with(sqlite::MAGIC) => sqlite::blobs(bytes, "Packages", take),
        bytes if bytes.starts_with(ndb::MAGIC) => ndb::blobs(bytes, take),
        bytes if BERKELEY.iter().any(|mark| bytes.get(12..16) == Some(mark)) => {
            return Err(invalid("rpm's in the form of Berkeley DB, which is not read"));
        }
        _ => return Err(invalid("no database of rpm's that is known")),
    };
    match (read, failure) {
        (_, Some(failure)) => Err(failure),
        (None, None) => Err(invalid("a damaged database of rpm's")),
        (Some(()), None) => Ok(all.packages()),
    }
}

fn invalid(message: impl std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, message.to_string())
}

/// Four bytes as a number, the low one first.
fn little(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Four bytes as a number, the high one first.
fn big(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests;
