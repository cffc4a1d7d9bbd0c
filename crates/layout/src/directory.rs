//! A layout's storage in a directory.
//!
//! Everything is reached from the directory's own descriptor, one plain directory after the other: neither a change
//! of the working directory, nor a swap of its parents, nor a symbolic link in a layout from elsewhere leads out.

use crate::lock::{self, FileLock};
use crate::part::{FilePart, LinkedPart};
use crate::path;
use crate::stop::Stop;
use crate::storage::{Guard, Hold, Part, Stat, Storage, Version};
use image_format::{Blob, Class, Failure, FileRange};
use rustix::fs::{AtFlags, Mode, OFlags, Timestamps};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A directory, its path, and whether its writes are to survive a crash.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    root: Arc<OwnedFd>,
    /// Absolute.
    path: PathBuf,
    fsync: bool,
}

/// A name in an open directory.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) directory: Arc<OwnedFd>,
    pub(crate) name: String,
}

impl Directory {
    /// Opens the directory at `path`.
    pub(crate) fn open(path: &Path, fsync: bool) -> io::Result<Directory> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Directory { root: Arc::new(root), path: std::path::absolute(path)?, fsync })
    }

    /// Opens the directory at `path`, and makes it first, for its owner alone, where it is not there. `made` grows to
    /// how many directories, from this one upwards, are there because of us.
    pub(crate) fn create(path: &Path, fsync: bool, made: &mut usize) -> io::Result<Directory> {
        let path = std::path::absolute(path)?;
        let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
        for (above, directory) in missing.iter().enumerate().rev() {
            match std::fs::DirBuilder::new().mode(0o700).create(directory) {
                Ok(()) => *made = (above + 1).max(*made),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            if let Some(parent) = directory.parent().filter(|_| fsync) {
                File::open(parent)?.sync_all()?;
            }
        }
        Directory::open(&path, fsync)
    }

    /// Removes an empty directory of the layout; one that is not there is no error.
    pub(crate) fn remove_directory(&self, key: &str) -> io::Result<()> {
        let Some(entry) = if_there(self.entry(key, false))? else { return Ok(()) };
        match rustix::fs::unlinkat(&*entry.directory, &entry.name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the directory itself and those before it, `count` in all, that are there, as long as they are empty.
    pub(crate) fn remove_with_parents(&self, count: usize) -> io::Result<()> {
        self.path.ancestors().take(count).try_for_each(|path| if_there(std::fs::remove_dir(path)).map(drop))
    }

    /// What is at its path now.
    pub(crate) fn again(&self) -> io::Result<Directory> {
        Directory::open(&self.path, self.fsync)
    }

    /// Does `key` lead to this open file?
    pub(crate) fn is_still(&self, key: &str, file: &File) -> io::Result<bool> {
        if_there(self.entry(key, false))?.map_or(Ok(false), |entry| lock::still_named(&entry, file))
    }

    /// The same directory; what is written to it by this need not survive a crash.
    pub(crate) fn without_sync(&self) -> Directory {
        Directory { fsync: false, ..self.clone() }
    }

    /// Where `key` lies; with `make`, the directories before it are made.
    fn entry(&self, key: &str, make: bool) -> io::Result<Entry> {
        let mut directory = self.root.clone();
        let mut rest = key;
        while let Some((first, tail)) = rest.split_once('/') {
            directory = Arc::new(step(&directory, first, make)?);
            rest = tail;
        }
        Ok(Entry { directory, name: rest.to_owned() })
    }

    pub(crate) fn open_regular(&self, key: &str) -> io::Result<File> {
        let entry = self.entry(key, false)?;
        // Nothing of ours is a symbolic link, and a FIFO must not keep us waiting.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&*entry.directory, &entry.name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::LOOP | Errno::NXIO) => return Err(not_a("regular file")),
            Err(error) => return Err(error.into()),
        };
        if file.metadata()?.is_file() { Ok(file) } else { Err(not_a("regular file")) }
    }

    fn open_directory(&self, key: &str) -> io::Result<OwnedFd> {
        let entry = self.entry(&format!("{key}/."), false)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&*entry.directory, ".", flags, Mode::empty())?)
    }

    fn sync_directory(&self, key: &str) -> io::Result<()> {
        match self.open_directory(key) {
            Ok(directory) => Ok(rustix::fs::fsync(directory)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives an object its name.
    pub(crate) fn rename(&self, from: &Entry, key: &str) -> io::Result<()> {
        let to = self.entry(key, true)?;
        Ok(rustix::fs::renameat(&*from.directory, &from.name, &*to.directory, &to.name)?)
    }

    fn new_part(&self, key: &str) -> io::Result<Option<FilePart>> {
        self.part_by(FileLock::create, key)
    }

    /// A part whose file `lock` opens; `None`: another writer has it.
    fn part_by(
        &self,
        lock: fn(&Entry) -> io::Result<Option<FileLock>>,
        key: &str,
    ) -> io::Result<Option<FilePart>> {
        let entry = self.entry(key, true)?;
        loop {
            match lock(&entry) {
                Ok(None) => return Ok(None),
                Ok(Some(lock)) => {
                    let stat = lock.file().metadata()?;
                    if stat.is_file() && stat.nlink() == 1 {
                        return Ok(Some(FilePart::new(self.clone(), entry, lock, stat.len(), self.fsync)));
                    }
                }
                Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {}
                Err(error) => return Err(error),
            }
            // Whoever put this here, writing into it could change a file outside.
            entry.unlink()?;
        }
    }
}

/// Opens the directory `name` in `from`; never through a symbolic link.
fn step(from: &OwnedFd, name: &str, make: bool) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(from, name, flags, Mode::empty());
    let mut opened = open();
    if make && opened.as_ref().err() == Some(&Errno::NOENT) {
        match rustix::fs::mkdirat(from, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => opened = open(),
            Err(error) => return Err(error.into()),
        }
    }
    match opened {
        Err(Errno::NOTDIR | Errno::LOOP) => {
            Err(Failure::new(Class::Integrity, format!("{name}: not a plain directory of the layout")).into())
        }
        result => Ok(result?),
    }
}

fn not_a(what: &str) -> io::Error {
    Failure::new(Class::Integrity, format!("not a {what}")).into()
}

impl Entry {
    /// Removes the name; one that is not there is no error.
    pub(crate) fn unlink(&self) -> io::Result<()> {
        match rustix::fs::unlinkat(&*self.directory, &self.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn version(file: File) -> io::Result<Version> {
    let stat = file.metadata()?;
    let label = format!("{}:{}:{}:{}", stat.ino(), stat.mtime(), stat.mtime_nsec(), stat.size());
    Ok(Version { label, _pinned: Some(Arc::new(file)) })
}

/// What is not there is `None`.
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

impl Storage for Directory {
    fn prepare(&self) -> io::Result<()> {
        self.entry(&format!("{}/sha256/", path::BLOBS), true)?;
        self.sync_names()
    }

    fn read(&self, key: &str, from: u64) -> io::Result<Blob> {
        let file = self.open_regular(key)?;
        let length = file.metadata()?.len().saturating_sub(from);
        Blob::from_file(FileRange { file, offset: from, length })
    }

    fn read_whole(&self, key: &str, limit: u64) -> io::Result<(Vec<u8>, Version)> {
        let file = self.open_regular(key)?;
        let size = file.metadata()?.len();
        let mut content = Vec::with_capacity(usize::try_from(size.min(limit)).unwrap_or(0) + 1);
        let version = version(file.try_clone()?)?;
        file.take(limit + 1).read_to_end(&mut content)?;
        if content.len() as u64 > limit {
            let message = format!("larger than {limit} bytes");
            return Err(Failure::new(Class::Integrity, message).into());
        }
        Ok((content, version))
    }

    fn version_of(&self, key: &str) -> io::Result<Option<Version>> {
        if_there(self.open_regular(key))?.map(version).transpose()
    }

    fn stat(&self, key: &str) -> io::Result<Option<Stat>> {
        let Some(entry) = if_there(self.entry(key, false))? else { return Ok(None) };
        match rustix::fs::statat(&*entry.directory, &entry.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() => {
                Ok(Some(Stat { size: u64::try_from(stat.st_size).unwrap_or(0), modified: modified(&stat) }))
            }
            Ok(_) | Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<String>> {
        let Some(directory) = if_there(self.open_directory(prefix))? else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn part(&self, key: &str, resume: bool) -> io::Result<Option<Box<dyn Part>>> {
        let mut part = match self.new_part(key) {
            Ok(Some(part)) => part,
            Ok(None) => return Ok(None),
            // What another user left is theirs to go on with.
            Err(error) if resume && error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
            Err(error) => return Err(error),
        };
        if !resume && part.have() > 0 {
            part.clear()?;
        }
        Ok(Some(Box::new(part)))
    }

    fn part_again(&self, key: &str) -> io::Result<Option<Box<dyn Part>>> {
        let part = self.part_by(FileLock::existing, key)?;
        Ok(part.map(|part| Box::new(part) as Box<dyn Part>))
    }

    fn sync_names(&self) -> io::Result<()> {
        if !self.fsync {
            return Ok(());
        }
        for algorithm in image_format::Algorithm::ALL {
            self.sync_directory(&format!("{}/{algorithm}", path::BLOBS))?;
        }
        // The first blob of an algorithm made its directory.
        self.sync_directory(path::BLOBS)
    }

    fn replace_if(
        &self,
        key: &str,
        version: Option<&Version>,
        content: &[u8],
        lock: &dyn Guard,
    ) -> io::Result<bool> {
        let temporary = path::nameless();
        let Some(mut part) = self.new_part(&temporary)? else { return Ok(false) };
        let ready = part.write_all(content).and_then(|()| part.sync());
        let unchanged = || Ok(self.version_of(key)?.as_ref() == version && lock.holds()?);
        match ready.and_then(|()| unchanged()) {
            Ok(true) => {}
            result => {
                let removed = Box::new(part).discard();
                return result.and(removed).map(|()| false);
            }
        }
        let entry = part.entry().clone();
        if let Err(error) = Box::new(part).publish(key) {
            entry.unlink()?;
            return Err(error);
        }
        if self.fsync {
            self.sync_directory(".")?;
        }
        Ok(true)
    }

    fn delete(&self, key: &str) -> io::Result<()> {
        if_there(self.entry(key, false))?.map_or(Ok(()), |entry| entry.unlink())
    }

    fn touch(&self, key: &str) -> io::Result<bool> {
        let Some(entry) = if_there(self.entry(key, false))? else { return Ok(false) };
        let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        match rustix::fs::utimensat(&*entry.directory, &entry.name, &times, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn lock(&self, hold: Hold, stop: &Stop) -> io::Result<Box<dyn Guard>> {
        let file = FileLock::wait(&self.entry(path::LOCK, false)?, hold, stop)?;
        let root = File::from(self.open_directory(".")?);
        // A file system that cannot lock a directory has the file all the same.
        let _ = lock::acquire(&root, hold, stop);
        stop.check()?;
        Ok(Box::new(LayoutLock { file, _root: root }))
    }

    fn mark_alive(&self, key: &str) -> io::Result<Box<dyn Guard>> {
        let entry = self.entry(key, true)?;
        loop {
            if let Some(lock) = FileLock::create(&entry)? {
                return Ok(Box::new(LiveFile { entry, _lock: lock }));
            }
        }
    }

    fn is_alive(&self, key: &str) -> io::Result<bool> {
        let entry = if_there(self.entry(key, false))?;
        entry.map_or(Ok(false), |entry| lock::is_held(&entry))
    }

    fn bury(&self, key: &str) -> io::Result<()> {
        let entry = if_there(self.entry(key, false))?;
        entry.map_or(Ok(()), |entry| lock::bury(&entry))
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.path.join(key))
    }

    fn adopt(&self, key: &str, from: &Path) -> io::Result<Option<Box<dyn Part>>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let Ok(source) = rustix::fs::open(from, flags, Mode::empty()).map(File::from) else {
            return Ok(None);
        };
        let stat = source.metadata()?;
        if !stat.is_file() {
            return Ok(None);
        }
        if let Some(mut part) = self.new_part(key)? {
            if part.clone_from(&source)? {
                return Ok(Some(Box::new(part)));
            }
            Box::new(part).discard()?;
        }
        // A hard link to a file that others may write would let them change a blob of ours.
        if stat.uid() != rustix::process::geteuid().as_raw() || stat.mode() & 0o022 != 0 {
            return Ok(None);
        }
        // Whoever locks the source for itself may do so for long.
        if source.try_lock_shared().is_err() {
            return Ok(None);
        }
        let entry = self.entry(key, true)?;
        if rustix::fs::linkat(rustix::fs::CWD, from, &*entry.directory, &entry.name, AtFlags::empty())
            .is_err()
        {
            return Ok(None);
        }
        let linked = rustix::fs::statat(&*entry.directory, &entry.name, AtFlags::SYMLINK_NOFOLLOW)?;
        if (linked.st_dev, linked.st_ino) != (stat.dev(), stat.ino()) {
            entry.unlink()?;
            return Ok(None);
        }
        Ok(Some(Box::new(LinkedPart::new(self.clone(), entry, source, self.fsync)?)))
    }
}

fn modified(stat: &rustix::fs::Stat) -> SystemTime {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
}

/// The layout's lock: the file that BuildKit locks too, and, since BuildKit unlinks that after use, so that two
/// writers may each hold one, the directory itself.
struct LayoutLock {
    file: FileLock,
    _root: File,
}

impl Guard for LayoutLock {
    fn holds(&self) -> io::Result<bool> {
        self.file.holds()
    }
}

/// A file that is locked for as long as its owner lives, and removed with it.
struct LiveFile {
    entry: Entry,
    _lock: FileLock,
}

impl Guard for LiveFile {}

impl Drop for LiveFile {
    fn drop(&mut self) {
        // What stays behind has no lock and is swept by the next collection.
        let _ = self.entry.unlink();
    }
}

#[cfg(test)]
mod tests;
