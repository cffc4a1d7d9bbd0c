//! All that a layout asks of the place it lives in: a directory now, a bucket one day.
//!
//! Correctness rests on two things: that [`Storage::replace_if`] replaces only the version that it was asked to, and
//! that a blob is deleted only at an age that nobody renews in between. A bucket will do both by conditional requests. A
//! directory has none, so it does both under its lock: an index is replaced, and an age read and its blob deleted, under
//! the exclusive one; a blob is published and its age renewed under the shared one. The lock's file may be taken away by
//! whoever clears a directory, so [`Storage::replace_if`] looks whether it still holds.

use crate::stop::Stop;
use image_format::Blob;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

#[cfg(test)]
pub(crate) mod memory;

/// The size and the age of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) size: u64,
    pub(crate) modified: SystemTime,
}

/// Tells one content of an object from the next, for as long as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) label: String,
    /// A file system gives the number of a deleted inode to the next file at once, so a file whose number is part
    /// of the label stays open.
    pub(crate) _pinned: Option<Arc<File>>,
}

impl PartialEq for Version {
    fn eq(&self, other: &Version) -> bool {
        self.label == other.label
    }
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    Shared,
    Exclusive,
}

/// An object under construction: only its writer has it, and nobody reads it.
pub(crate) trait Part: Write + Send {
    /// How many bytes are there from an earlier attempt.
    fn have(&self) -> u64;
    /// All bytes that are there.
    fn reread(&mut self) -> io::Result<Blob>;
    /// Throws all bytes away.
    fn clear(&mut self) -> io::Result<()>;
    /// Makes the bytes survive a crash.
    fn sync(&mut self) -> io::Result<()>;
    /// Gives the object its name: it appears whole. An object of that name is replaced.
    fn publish(self: Box<Self>, key: &str) -> io::Result<()>;
    /// Removes the unfinished object.
    fn discard(self: Box<Self>) -> io::Result<()>;
}

/// Something that its owner has until it is dropped.
pub(crate) trait Guard: Send + Sync {
    /// Is it still what it was? A lock may have been taken away.
    fn holds(&self) -> io::Result<bool> {
        Ok(true)
    }
}

/// A place for objects, each known by a key: a path of plain names and slashes, relative to the layout.
pub(crate) trait Storage: Debug + Send + Sync {
    /// Makes what the specification wants in a layout without objects.
    fn prepare(&self) -> io::Result<()>;
    /// The object's bytes, beginning at `from`.
    fn read(&self, key: &str, from: u64) -> io::Result<Blob>;
    /// A small object as a whole, and its version; more than `limit` bytes are an error.
    fn read_whole(&self, key: &str, limit: u64) -> io::Result<(Vec<u8>, Version)>;
    /// The object's version now; `None` where it is not there.
    fn version_of(&self, key: &str) -> io::Result<Option<Version>>;
    /// `None` where it is not there.
    fn stat(&self, key: &str) -> io::Result<Option<Stat>>;
    /// The names in a directory (`.`: the layout's own), in no order; none where there is no such directory.
    fn list(&self, prefix: &str) -> io::Result<Vec<String>>;
    /// Begins an object. With `resume`, one that an earlier writer left under this name is gone on with; `None`
    /// says that another writer has it right now.
    fn part(&self, key: &str, resume: bool) -> io::Result<Option<Box<dyn Part>>>;
    /// Goes on with an object that an earlier writer left, as [`Storage::part`] does; it must be there.
    fn part_again(&self, key: &str) -> io::Result<Option<Box<dyn Part>>>;
    /// Makes the names given by [`Part::publish`] survive a crash.
    fn sync_names(&self) -> io::Result<()>;
    /// Replaces a small object if it still has `version` (`None`: if it is not there); `false` where it has not,
    /// or `lock` does not hold any more. The new content, and its name, survive a crash.
    fn replace_if(
        &self,
        key: &str,
        version: Option<&Version>,
        content: &[u8],
        lock: &dyn Guard,
    ) -> io::Result<bool>;
    /// Deletes an object; one that is not there is no error.
    fn delete(&self, key: &str) -> io::Result<()>;
    /// Renews an object's age: it is as young as a new one. `false` where it is not there.
    fn touch(&self, key: &str) -> io::Result<bool>;
    /// Holds the layout's lock, unless `stop` asks first; a storage that has none returns at once.
    fn lock(&self, hold: Hold, stop: &Stop) -> io::Result<Box<dyn Guard>>;
    /// Makes an object that shows its owner to be alive for as long as the guard lives.
    fn mark_alive(&self, key: &str) -> io::Result<Box<dyn Guard>>;
    /// Is the owner of this object alive? One that is not there has none.
    fn is_alive(&self, key: &str) -> io::Result<bool>;
    /// Deletes this object if its owner is dead; nobody can take it over meanwhile.
    fn bury(&self, key: &str) -> io::Result<()>;
    /// The object's absolute path, where it has one.
    fn path(&self, key: &str) -> Option<PathBuf>;
    /// Takes over a file from elsewhere without copying its bytes, as a part to be checked and published;
    /// `None` where that cannot be.
    fn adopt(&self, key: &str, from: &std::path::Path) -> io::Result<Option<Box<dyn Part>>>;
}
