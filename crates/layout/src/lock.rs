//! Files that are locked to say something, and may be unlinked by whoever finds them unlocked.

use crate::storage::{Guard, Hold};
use rustix::fs::{AtFlags, Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

/// Holds a lock until it is dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: File,
}

impl Guard for FileLock {}

impl FileLock {
    /// Locks `name` in `directory`, making it if need be, and waits for it.
    ///
    /// BuildKit unlinks the file after use, so the lock counts only if the name still leads to the same inode.
    pub(crate) fn wait(directory: &OwnedFd, name: &str, hold: Hold) -> io::Result<FileLock> {
        loop {
            let file = open(directory, name, OFlags::RDWR | OFlags::CREATE)?;
            match hold {
                Hold::Shared => file.lock_shared()?,
                Hold::Exclusive => file.lock()?,
            }
            if still_named(directory, name, &file)? {
                return Ok(FileLock { file });
            }
        }
    }

    /// Opens or makes `name` and locks it; `None` where somebody else has it, or buried it meanwhile.
    pub(crate) fn create(directory: &OwnedFd, name: &str) -> io::Result<Option<FileLock>> {
        FileLock::take(directory, name, open(directory, name, OFlags::RDWR | OFlags::CREATE)?)
    }

    fn take(directory: &OwnedFd, name: &str, file: File) -> io::Result<Option<FileLock>> {
        let ours = file.try_lock().is_ok() && still_named(directory, name, &file)?;
        Ok(ours.then_some(FileLock { file }))
    }

    /// The locked file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

/// Does somebody hold `name`?
pub(crate) fn is_held(directory: &OwnedFd, name: &str) -> io::Result<bool> {
    match open(directory, name, OFlags::RDONLY) {
        Ok(file) => Ok(file.try_lock_shared().is_err()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Unlinks `name` unless somebody holds it. It is held meanwhile, so whoever opens it just now finds out.
pub(crate) fn bury(directory: &OwnedFd, name: &str) -> io::Result<()> {
    let file = match open(directory, name, OFlags::RDONLY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        result => result?,
    };
    if FileLock::take(directory, name, file)?.is_some() {
        rustix::fs::unlinkat(directory, name, AtFlags::empty())?;
    }
    Ok(())
}

/// `NONBLOCK`: in a layout from elsewhere anything may be a FIFO.
fn open(directory: &OwnedFd, name: &str, flags: OFlags) -> io::Result<File> {
    let mode = Mode::from_raw_mode(0o644);
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    Ok(File::from(rustix::fs::openat(directory, name, flags, mode)?))
}

fn still_named(directory: &OwnedFd, name: &str, file: &File) -> io::Result<bool> {
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => {
            let held = file.metadata()?;
            Ok(named.st_ino == held.ino() && named.st_dev == held.dev())
        }
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
