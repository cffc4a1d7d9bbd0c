//! A layout's storage in a directory.
//!
//! Everything is reached from the directory's own descriptor, so neither a change of the working directory nor a
//! swap of its parents leads elsewhere.

use crate::lock::{FileLock, is_held};
use crate::path;
use crate::storage::{Guard, Hold, Part, Stat, Storage, Version};
use crate::sys;
use image_format::{Blob, FileRange};
use rustix::fs::{AtFlags, Mode, OFlags, Timestamps};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Write-back begins after this many bytes.
const WRITEBACK_BYTES: u64 = 8 << 20;

/// A directory, its path for messages, and whether its writes are to survive a crash.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    root: Arc<OwnedFd>,
    path: PathBuf,
    fsync: bool,
}

impl Directory {
    /// Opens the directory at `path`.
    pub(crate) fn open(path: &Path, fsync: bool) -> io::Result<Directory> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Directory { root: Arc::new(root), path: path.to_owned(), fsync })
    }

    fn open_file(&self, key: &str, flags: OFlags, mode: u32) -> io::Result<File> {
        // A layout that comes from elsewhere may hold symbolic links; none of ours is one.
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        Ok(File::from(rustix::fs::openat(&*self.root, key, flags, Mode::from_raw_mode(mode))?))
    }

    fn open_regular(&self, key: &str) -> io::Result<File> {
        let file = self.open_file(key, OFlags::RDONLY, 0)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"));
        }
        Ok(file)
    }

    /// Makes the directories that `key` lies in, where `attempt` fails for the lack of them.
    fn with_parents<T>(&self, key: &str, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_parents(key)?;
                attempt()
            }
            result => result,
        }
    }

    fn make_parents(&self, key: &str) -> io::Result<()> {
        for (end, _) in key.match_indices('/') {
            match rustix::fs::mkdirat(&*self.root, &key[..end], Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn sync_directory(&self, key: &str) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::openat(&*self.root, key, flags, Mode::empty()) {
            Ok(directory) => Ok(rustix::fs::fsync(directory)?),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn version(file: &File) -> io::Result<Version> {
        let stat = file.metadata()?;
        Ok(Version(format!("{}:{}:{}:{}", stat.ino(), stat.mtime(), stat.mtime_nsec(), stat.size())))
    }

    fn current_version(&self, key: &str) -> io::Result<Option<Version>> {
        match self.open_file(key, OFlags::RDONLY, 0) {
            Ok(file) => Directory::version(&file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&*self.root, from, &*self.root, to)?)
    }

    fn new_part(&self, key: &str) -> io::Result<Option<FilePart>> {
        let lock = self.with_parents(key, || FileLock::create(&self.root, key))?;
        let Some(lock) = lock else { return Ok(None) };
        let have = lock.file().metadata()?.len();
        Ok(Some(FilePart {
            directory: self.clone(),
            key: key.to_owned(),
            lock,
            have,
            at: have,
            started: have,
        }))
    }
}

impl Storage for Directory {
    fn read(&self, key: &str, from: u64) -> io::Result<Blob> {
        let file = self.open_regular(key)?;
        let length = file.metadata()?.len().saturating_sub(from);
        Blob::from_file(FileRange { file, offset: from, length })
    }

    fn read_whole(&self, key: &str) -> io::Result<(Vec<u8>, Version)> {
        let mut file = self.open_regular(key)?;
        let version = Directory::version(&file)?;
        let mut content = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or(0) + 1);
        file.read_to_end(&mut content)?;
        Ok((content, version))
    }

    fn stat(&self, key: &str) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&*self.root, key, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() => {
                Ok(Some(Stat { size: u64::try_from(stat.st_size).unwrap_or(0), modified: modified(&stat) }))
            }
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<String>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = match rustix::fs::openat(&*self.root, prefix, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
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
        let Some(mut part) = self.new_part(key)? else { return Ok(None) };
        if !resume && part.have > 0 {
            part.clear()?;
        }
        Ok(Some(Box::new(part)))
    }

    fn sync_names(&self) -> io::Result<()> {
        if !self.fsync {
            return Ok(());
        }
        image_format::Algorithm::ALL
            .iter()
            .try_for_each(|algorithm| self.sync_directory(&format!("{}/{algorithm}", path::BLOBS)))
    }

    fn replace_if(&self, key: &str, version: Option<&Version>, content: &[u8]) -> io::Result<bool> {
        let temporary = path::fresh(&format!("{}/new-", path::INGEST));
        let Some(mut part) = self.new_part(&temporary)? else { return Ok(false) };
        part.write_all(content)?;
        part.sync()?;
        if self.current_version(key)?.as_ref() != version {
            Box::new(part).discard()?;
            return Ok(false);
        }
        Box::new(part).publish(key)?;
        if self.fsync {
            self.sync_directory(".")?;
        }
        Ok(true)
    }

    fn delete(&self, key: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&*self.root, key, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn touch(&self, key: &str) -> io::Result<bool> {
        let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        match rustix::fs::utimensat(&*self.root, key, &times, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn lock(&self, hold: Hold) -> io::Result<Box<dyn Guard>> {
        Ok(Box::new(FileLock::wait(&self.root, path::LOCK, hold)?))
    }

    fn mark_alive(&self, key: &str) -> io::Result<Box<dyn Guard>> {
        loop {
            if let Some(lock) = self.with_parents(key, || FileLock::create(&self.root, key))? {
                return Ok(Box::new(LiveFile { directory: self.clone(), key: key.to_owned(), _lock: lock }));
            }
        }
    }

    fn is_alive(&self, key: &str) -> io::Result<Option<bool>> {
        is_held(&self.root, key)
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.path.join(key))
    }

    fn adopt(&self, key: &str, from: &Path) -> io::Result<Option<Box<dyn Part>>> {
        let Some(part) = self.new_part(key)? else { return Ok(None) };
        let source = File::open(from)?;
        if rustix::fs::ioctl_ficlone(part.lock.file(), &source).is_ok() {
            drop(part);
            return self.part(key, true);
        }
        // A hard link to a file that others may write would let them change a blob of ours.
        let stat = source.metadata()?;
        let ours = stat.uid() == rustix::process::geteuid().as_raw() && stat.mode() & 0o022 == 0;
        Box::new(part).discard()?;
        if !ours || rustix::fs::linkat(rustix::fs::CWD, from, &*self.root, key, AtFlags::empty()).is_err() {
            return Ok(None);
        }
        self.part(key, true)
    }
}

fn modified(stat: &rustix::fs::Stat) -> SystemTime {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
}

/// A file that is locked for as long as its owner lives, and removed with it.
struct LiveFile {
    directory: Directory,
    key: String,
    _lock: FileLock,
}

impl Guard for LiveFile {}

impl Drop for LiveFile {
    fn drop(&mut self) {
        // What stays behind has no lock and is swept by the next collection.
        let _ = self.directory.delete(&self.key);
    }
}

/// An unfinished blob: a locked file in `ingest/`.
struct FilePart {
    directory: Directory,
    key: String,
    lock: FileLock,
    have: u64,
    at: u64,
    started: u64,
}

impl Write for FilePart {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let count = self.lock.file().write_at(bytes, self.at)?;
        self.at += count as u64;
        if self.directory.fsync && self.at - self.started >= WRITEBACK_BYTES {
            sys::start_writeback(self.lock.file(), self.started, self.at - self.started);
            self.started = self.at;
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
        let mut file = self.lock.file().try_clone()?;
        file.rewind()?;
        Blob::from_file(FileRange { file, offset: 0, length: self.have })
    }

    fn clear(&mut self) -> io::Result<()> {
        self.lock.file().set_len(0)?;
        (self.have, self.at, self.started) = (0, 0, 0);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        // An old partial that was already whole must not look older than the lease of who names it.
        let now = SystemTime::now();
        if self.at == self.have {
            self.lock.file().set_modified(now)?;
        }
        if self.directory.fsync { self.lock.file().sync_all() } else { Ok(()) }
    }

    fn publish(self: Box<Self>, key: &str) -> io::Result<()> {
        let (directory, from) = (&self.directory, &self.key);
        directory.with_parents(key, || directory.rename(from, key))
    }

    fn discard(self: Box<Self>) -> io::Result<()> {
        self.directory.delete(&self.key)
    }
}
