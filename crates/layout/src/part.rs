//! Blobs under construction in a directory: files in `ingest/` that are ours alone, and hard links that are not.

use crate::directory::{Directory, Entry};
use crate::lock::FileLock;
use crate::storage::Part;
use image_format::{Blob, FileRange, WriteBack};
use std::fs::File;
use std::io::{self, Write};
use std::time::SystemTime;

/// An unfinished blob: a locked file in `ingest/`.
pub(crate) struct FilePart {
    directory: Directory,
    entry: Entry,
    lock: FileLock,
    fsync: bool,
    have: u64,
    at: u64,
    write_back: WriteBack,
}

impl FilePart {
    pub(crate) fn new(
        directory: Directory,
        entry: Entry,
        lock: FileLock,
        have: u64,
        fsync: bool,
    ) -> FilePart {
        FilePart { directory, entry, lock, fsync, have, at: have, write_back: WriteBack::from(have) }
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Shares all of `source`'s bytes, where the file system can.
    pub(crate) fn clone_from(&mut self, source: &File) -> io::Result<bool> {
        if rustix::fs::ioctl_ficlone(self.lock.file(), source).is_err() {
            return Ok(false);
        }
        self.have = self.lock.file().metadata()?.len();
        (self.at, self.write_back) = (self.have, WriteBack::from(self.have));
        Ok(true)
    }
}

impl Write for FilePart {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let count = self.lock.file().write_at(bytes, self.at)?;
        self.at += count as u64;
        if self.fsync {
            self.write_back.written(self.lock.file(), self.at);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Part for FilePart {
    fn have(&self) -> u64 {
        self.have
    }

    fn reread(&mut self) -> io::Result<Blob> {
        let file = self.lock.file().try_clone()?;
        Blob::from_file(FileRange { file, offset: 0, length: self.at })
    }

    fn clear(&mut self) -> io::Result<()> {
        self.lock.file().set_len(0)?;
        (self.have, self.at, self.write_back) = (0, 0, WriteBack::default());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        // An old partial that was already whole must not look older than the lease of who names it.
        if self.at == self.have {
            self.lock.file().set_modified(SystemTime::now())?;
        }
        if self.fsync { self.lock.file().sync_all() } else { Ok(()) }
    }

    fn publish(self: Box<Self>, key: &str) -> io::Result<()> {
        self.directory.rename(&self.entry, key).inspect_err(|_| {
            // Left behind, it is swept by the next collection.
            let _ = self.entry.unlink();
        })
    }

    fn discard(self: Box<Self>) -> io::Result<()> {
        self.entry.unlink()
    }
}

/// A hard link to somebody else's blob: it is given its name or removed, and never written.
pub(crate) struct LinkedPart {
    directory: Directory,
    entry: Entry,
    /// Locked, so that no collection takes the link for that of a dead process. The lock is a shared one: the file may
    /// be linked into several layouts at once.
    file: File,
    length: u64,
    fsync: bool,
}

impl LinkedPart {
    /// `file` is locked already, since before it got its name.
    pub(crate) fn new(directory: Directory, entry: Entry, file: File, fsync: bool) -> io::Result<LinkedPart> {
        let length = file.metadata()?.len();
        Ok(LinkedPart { directory, entry, file, length, fsync })
    }
}

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "the file is shared with another layout")
}

impl Write for LinkedPart {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(read_only())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Part for LinkedPart {
    fn have(&self) -> u64 {
        self.length
    }

    fn reread(&mut self) -> io::Result<Blob> {
        Blob::from_file(FileRange { file: self.file.try_clone()?, offset: 0, length: self.length })
    }

    fn clear(&mut self) -> io::Result<()> {
        Err(read_only())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.set_modified(SystemTime::now())?;
        if self.fsync { self.file.sync_all() } else { Ok(()) }
    }

    fn publish(self: Box<Self>, key: &str) -> io::Result<()> {
        self.directory.rename(&self.entry, key)?;
        // Between two links to one file rename(2) does nothing.
        self.entry.unlink()
    }

    fn discard(self: Box<Self>) -> io::Result<()> {
        self.entry.unlink()
    }
}
