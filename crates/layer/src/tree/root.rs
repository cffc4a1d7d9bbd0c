//! The directory that everything happens beneath. Names are resolved by the kernel, with this directory as their
//! root: whatever symlinks say, and whoever swaps directories meanwhile, nothing outside is reached.
//!
//! A name without symlinks is one `openat2`. One with symlinks, or with directories that must be made first, is walked
//! part by part, each opened without following links; so is every name where the kernel lacks `openat2`.

use super::TreePath;
use super::path::MAX_LENGTH;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// As many symlinks as the kernel follows in one name.
const MAX_LINKS: usize = 40;
/// What somebody else's renames may make us try again.
const MAX_TRIES: usize = 64;

/// The root of a tree on disk. Whatever is opened by it lies beneath it.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    has_openat2: AtomicBool,
}

/// A directory of the tree, open for reaching what is in it, and the name that leads there without symlinks.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) fd: OwnedFd,
    pub(crate) path: TreePath,
}

/// What to do where a directory is not there.
pub(crate) enum Missing<'a> {
    /// Make it, and be told of it.
    Make(&'a mut dyn FnMut(&TreePath)),
    /// Fail with `ENOENT`.
    Fail,
}

impl Root {
    /// The directory at `path`.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> Result<Root, Errno> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Root { fd: rustix::fs::open(path, flags, Mode::empty())?, has_openat2: AtomicBool::new(true) })
    }

    /// Never uses `openat2`, as on kernels before 5.6 and under some seccomp profiles.
    #[cfg(test)]
    pub(crate) fn without_openat2(self) -> Root {
        self.has_openat2.store(false, Ordering::Relaxed);
        self
    }

    /// Opens a file to read it; no symlink is followed in its last part, and nobody is waited for at a pipe's other end.
    ///
    /// # Errors
    /// What the system says.
    pub fn open_file(&self, path: &TreePath) -> Result<File, Errno> {
        let (parent, name) = path.split().ok_or(Errno::ISDIR)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        if self.has_openat2.load(Ordering::Relaxed)
            && let Ok(fd) = self.openat2(path, flags)
        {
            return Ok(fd.into());
        }
        let directory = self.directory(&parent, Missing::Fail)?;
        Ok(rustix::fs::openat(&directory.fd, name, flags, Mode::empty())?.into())
    }

    /// Opens the directory `path` to list it; no symlink is followed.
    ///
    /// # Errors
    /// What the system says; `ELOOP` or `ENOTDIR` where a part of it is a symlink.
    pub fn open_directory(&self, path: &TreePath) -> Result<OwnedFd, Errno> {
        self.open_plain(path, OFlags::RDONLY)
    }

    /// The root's own descriptor.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The directory `path`, through symlinks as if this were `/`.
    ///
    /// `ENOTDIR` where something on the way is neither directory nor symlink, `ELOOP` where there are too many symlinks.
    pub(crate) fn directory(&self, path: &TreePath, missing: Missing<'_>) -> Result<Directory, Errno> {
        match self.open_plain(path, OFlags::PATH) {
            Ok(fd) => Ok(Directory { fd, path: path.clone() }),
            Err(Errno::NOENT) if matches!(missing, Missing::Fail) => Err(Errno::NOENT),
            Err(_) => self.walk(path, missing),
        }
    }

    /// The directory `path`, which has no symlinks on its way: what [`Root::directory`] gave as its path.
    pub(crate) fn open_plain(&self, path: &TreePath, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if path.is_root() {
            return rustix::fs::openat(&self.fd, ".", flags, Mode::empty());
        }
        if self.has_openat2.load(Ordering::Relaxed) {
            match self.openat2(path, flags) {
                // missing, or forbidden by a seccomp profile that does not know it
                Err(Errno::NOSYS | Errno::PERM) => self.has_openat2.store(false, Ordering::Relaxed),
                Err(Errno::NAMETOOLONG) => {}
                other => return other,
            }
        }
        self.step_by_step(path, flags)
    }

    fn openat2(&self, path: &TreePath, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
        let mut tries = 0;
        loop {
            match rustix::fs::openat2(&self.fd, path.as_bytes(), flags, Mode::empty(), resolve) {
                // a rename elsewhere made the kernel unsure: openat2(2)
                Err(Errno::AGAIN) if tries < MAX_TRIES => tries += 1,
                other => return other,
            }
        }
    }

    fn step_by_step(&self, path: &TreePath, flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut fd = rustix::fs::openat(&self.fd, ".", path_only(), Mode::empty())?;
        for part in path.parts() {
            fd = rustix::fs::openat(&fd, part, path_only(), Mode::empty())?;
        }
        rustix::fs::openat(&fd, ".", flags, Mode::empty())
    }

    fn walk(&self, path: &TreePath, mut missing: Missing<'_>) -> Result<Directory, Errno> {
        let mut left: VecDeque<Vec<u8>> = path.parts().map(<[u8]>::to_vec).collect();
        let mut here =
            Directory { fd: self.open_plain(&TreePath::root(), OFlags::PATH)?, path: TreePath::root() };
        let (mut links, mut tries) = (0, 0);
        while let Some(part) = left.pop_front() {
            if part == b".." {
                here.path.pop();
                here.fd = self.open_plain(&here.path, OFlags::PATH)?;
                continue;
            }
            if here.path.as_bytes().len() + part.len() > MAX_LENGTH {
                return Err(Errno::NAMETOOLONG);
            }
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(&here.fd, &part[..], flags, Mode::empty()) {
                Ok(fd) if is(&fd, FileType::Directory)? => {
                    here.fd = fd;
                    here.path.push(&part);
                }
                Ok(fd) if is(&fd, FileType::Symlink)? => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::LOOP);
                    }
                    let target = rustix::fs::readlinkat(&fd, "", Vec::new())?.into_bytes();
                    if target.starts_with(b"/") {
                        here.path = TreePath::root();
                        here.fd = self.open_plain(&here.path, OFlags::PATH)?;
                    }
                    for part in target.split(|byte| *byte == b'/').rev() {
                        if !matches!(part, b"" | b".") {
                            left.push_front(part.to_vec());
                        }
                    }
                }
                Ok(_) => return Err(Errno::NOTDIR),
                Err(Errno::NOENT) => {
                    let Missing::Make(made) = &mut missing else { return Err(Errno::NOENT) };
                    tries += 1;
                    match rustix::fs::mkdirat(&here.fd, &part[..], Mode::RWXU) {
                        Ok(()) => made(&here.path.join(&part)),
                        Err(Errno::EXIST) if tries < MAX_TRIES => {}
                        Err(error) => return Err(error),
                    }
                    left.push_front(part);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(here)
    }
}

fn path_only() -> OFlags {
    OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC
}

fn is(fd: &OwnedFd, kind: FileType) -> Result<bool, Errno> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode) == kind)
}

/// What kind of thing `name` in `directory` is, itself and not what it links to; `None` where there is nothing.
pub(crate) fn kind_of(directory: BorrowedFd<'_>, name: &[u8]) -> Result<Option<FileType>, Errno> {
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
