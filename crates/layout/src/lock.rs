//! Files that are locked to say something, and may be unlinked by whoever finds them unlocked.

use crate::directory::Entry;
use crate::stop::Stop;
use crate::storage::{Guard, Hold};
use rustix::fs::{AtFlags, Mode, OFlags};
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How often one who waits for a lock looks whether to stop.
const LOOK: Duration = Duration::from_millis(20);

/// Holds a lock until it is dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: File,
    entry: Entry,
}

impl Guard for FileLock {
    /// BuildKit unlocks the file and then unlinks it: who got the lock in between shares it with nobody.
    fn holds(&self) -> io::Result<bool> {
        still_named(&self.entry, &self.file)
    }
}

impl FileLock {
    /// Locks the file at `entry`, making it if need be, and waits for it, or for `stop`.
    ///
    /// BuildKit unlinks the file after use, so the lock counts only if the name still leads to the same inode.
    pub(crate) fn wait(entry: &Entry, hold: Hold, stop: &Stop) -> io::Result<FileLock> {
        loop {
            let file = open(entry, OFlags::RDWR | OFlags::CREATE)?;
            acquire(&file, hold, stop)?;
            if still_named(entry, &file)? {
                return Ok(FileLock { file, entry: entry.clone() });
            }
        }
    }

    /// Opens or makes the file at `entry` and locks it; `None` where somebody else has it, or buried it meanwhile.
    pub(crate) fn create(entry: &Entry) -> io::Result<Option<FileLock>> {
        FileLock::take(entry, open(entry, OFlags::RDWR | OFlags::CREATE)?)
    }

    /// As [`FileLock::create`], for a file that is there.
    pub(crate) fn existing(entry: &Entry) -> io::Result<Option<FileLock>> {
        FileLock::take(entry, open(entry, OFlags::RDWR)?)
    }

    fn take(entry: &Entry, file: File) -> io::Result<Option<FileLock>> {
        let ours = file.try_lock().is_ok() && still_named(entry, &file)?;
        Ok(ours.then_some(FileLock { file, entry: entry.clone() }))
    }

    /// The locked file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

/// Locks an open file, and waits for it.
///
/// # Errors
/// [`image_format::Class::Interrupted`] where `stop` says so before it is ours, or just then.
pub(crate) fn acquire(file: &File, hold: Hold, stop: &Stop) -> io::Result<()> {
    if stop.is_never() {
        return block(file, hold);
    }
    stop.check()?;
    let taken = match hold {
        Hold::Shared => file.try_lock_shared(),
        Hold::Exclusive => file.try_lock(),
    };
    match taken {
        Ok(()) => return Ok(()),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // A signal does not end the system call, and who only tries again and again may never get it: so a thread waits in
    // the line. One that nobody waits for any more lets go of the lock as soon as it has it.
    let waiting = file.try_clone()?;
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new().spawn(move || {
        let locked = block(&waiting, hold);
        drop(waiting);
        let _ = sender.send(locked);
    })?;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(locked) => return locked.and_then(|()| Ok(stop.check()?)),
            Err(RecvTimeoutError::Timeout) => stop.check()?,
            Err(error @ RecvTimeoutError::Disconnected) => return Err(io::Error::other(error)),
        }
    }
}

fn block(file: &File, hold: Hold) -> io::Result<()> {
    match hold {
        Hold::Shared => file.lock_shared(),
        Hold::Exclusive => file.lock(),
    }
}

/// Does somebody hold the file at `entry`?
pub(crate) fn is_held(entry: &Entry) -> io::Result<bool> {
    match open(entry, OFlags::RDONLY) {
        Ok(file) => Ok(file.try_lock_shared().is_err()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Unlinks the file at `entry` unless somebody holds it. It is held meanwhile, so whoever opens it just now finds out.
pub(crate) fn bury(entry: &Entry) -> io::Result<()> {
    let file = match open(entry, OFlags::RDONLY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        result => result?,
    };
    if let Some(_held) = FileLock::take(entry, file)? {
        entry.unlink()?;
    }
    Ok(())
}

/// `NONBLOCK`: in a layout from elsewhere anything may be a FIFO.
fn open(entry: &Entry, flags: OFlags) -> io::Result<File> {
    let mode = Mode::from_raw_mode(0o644);
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    Ok(File::from(rustix::fs::openat(&*entry.directory, &entry.name, flags, mode)?))
}

/// Does the name still lead to this file?
pub(crate) fn still_named(entry: &Entry, file: &File) -> io::Result<bool> {
    match rustix::fs::statat(&*entry.directory, &entry.name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => {
            let held = file.metadata()?;
            Ok(named.st_ino == held.ino() && named.st_dev == held.dev())
        }
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
