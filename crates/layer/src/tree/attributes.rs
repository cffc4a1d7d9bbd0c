//! Sets what goes with a file besides its content: owner, attributes, permissions, times, in the order in which none
//! undoes another.

use super::apply::Privilege;
use super::{Note, TreePath, owner_record};
use crate::entry::{Metadata, Time};
use image_format::Observer;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::mem::Discriminant;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// overlayfs would take them for its own, and show other things than are there.
const OVERLAY: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];
/// A label of the machine that a file is on.
const SELINUX: &[u8] = b"security.selinux";

/// Sets attributes, and says once what cannot be.
pub(crate) struct Attributes<'a> {
    privilege: Privilege,
    observer: &'a dyn Observer,
    said: Vec<Discriminant<Note>>,
}

/// What a new file gets besides its content, where all of it can be had: nothing is to be said of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainAttributes {
    owner: Option<(u32, u32)>,
    mode: u32,
    mtime: Time,
}

impl PlainAttributes {
    /// `None` for extended attributes, which a file system may not take, and an owner who is to be recorded as one.
    pub(crate) fn of(meta: &Metadata, privilege: Privilege) -> Option<PlainAttributes> {
        let owner = match privilege {
            Privilege::Root => Some((meta.uid, meta.gid)),
            Privilege::Rootless if (meta.uid, meta.gid) == (0, 0) => None,
            Privilege::Rootless => return None,
        };
        let plain = PlainAttributes { owner, mode: meta.mode, mtime: meta.mtime };
        meta.xattrs.is_empty().then_some(plain)
    }

    /// Sets them on a new file, open for writing.
    pub(crate) fn set(&self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        let made = rustix::fs::fstat(fd)?;
        if let Some(owner) = self.owner {
            change_owner(Target::Open(fd), Some(&made), owner)?;
        }
        set_mode_and_time(fd, &made, self.mode, self.mtime)
    }
}

/// Something in an open directory, or open itself.
#[derive(Clone, Copy)]
enum Target<'a> {
    Open(BorrowedFd<'a>),
    Named(BorrowedFd<'a>, &'a [u8]),
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(privilege: Privilege, observer: &'a dyn Observer) -> Attributes<'a> {
        Attributes { privilege, observer, said: Vec::new() }
    }

    pub(crate) fn note(&mut self, note: &Note) {
        let kind = std::mem::discriminant(note);
        if !self.said.contains(&kind) {
            self.said.push(kind);
            self.observer.note(note);
        }
    }

    /// Everything of a new file, open for writing.
    pub(crate) fn set_file(
        &mut self,
        fd: BorrowedFd<'_>,
        path: &TreePath,
        meta: &Metadata,
    ) -> Result<(), Errno> {
        let made = rustix::fs::fstat(fd)?;
        self.set_owner(Target::Open(fd), Some(&made), path, meta)?;
        self.set_xattrs(Target::Open(fd), path, &meta.xattrs)?;
        set_mode_and_time(fd, &made, meta.mode, meta.mtime)
    }

    /// Owner and attributes of an open directory; the rest comes when nothing is put into it any more.
    pub(crate) fn set_directory(
        &mut self,
        fd: BorrowedFd<'_>,
        path: &TreePath,
        meta: &Metadata,
        fresh: bool,
    ) -> Result<(), Errno> {
        if !fresh {
            remove_xattrs(fd)?;
        }
        self.set_owner(Target::Open(fd), None, path, meta)?;
        self.set_xattrs(Target::Open(fd), path, &meta.xattrs)
    }

    /// Everything of a new symlink.
    pub(crate) fn set_symlink(
        &mut self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        path: &TreePath,
        meta: &Metadata,
    ) -> Result<(), Errno> {
        let target = Target::Named(directory, name);
        // who has no privileges can set nothing on a symlink
        if self.privilege == Privilege::Root {
            self.set_owner(target, None, path, meta)?;
            self.set_xattrs(target, path, &meta.xattrs)?;
        }
        rustix::fs::utimensat(directory, name, &times(meta.mtime), AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Everything of a new device or named pipe.
    pub(crate) fn set_node(
        &mut self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        path: &TreePath,
        meta: &Metadata,
    ) -> Result<(), Errno> {
        let target = Target::Named(directory, name);
        self.set_owner(target, None, path, meta)?;
        self.set_xattrs(target, path, &meta.xattrs)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(directory, name, flags, Mode::empty())?;
        chmod_handle(handle.as_fd(), mode(meta.mode))?;
        rustix::fs::utimensat(directory, name, &times(meta.mtime), AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Root's, whatever the directory that it was made in hands on.
    pub(crate) fn set_implicit_directory(&self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        match self.privilege {
            Privilege::Root => change_owner(Target::Open(fd), None, (0, 0)),
            Privilege::Rootless => Ok(()),
        }
    }

    /// Sets the owner, or records it; `found` is what is known of the target.
    fn set_owner(
        &mut self,
        target: Target<'_>,
        found: Option<&Stat>,
        path: &TreePath,
        meta: &Metadata,
    ) -> Result<(), Errno> {
        let owner = (meta.uid, meta.gid);
        match self.privilege {
            Privilege::Root => change_owner(target, found, owner),
            Privilege::Rootless => self.record_owner(target, path, owner),
        }
    }

    fn record_owner(&mut self, target: Target<'_>, path: &TreePath, owner: (u32, u32)) -> Result<(), Errno> {
        if owner == (0, 0) {
            return Ok(());
        }
        match set_xattr(target, owner_record::NAME, &owner_record::written(owner)) {
            Ok(()) => self.note(&Note::Owner(path.clone())),
            Err(Errno::OPNOTSUPP | Errno::PERM | Errno::ACCESS) => self.note(&Note::OwnerLost(path.clone())),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn set_xattrs(
        &mut self,
        target: Target<'_>,
        path: &TreePath,
        xattrs: &BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Result<(), Errno> {
        for (name, value) in xattrs {
            let text = || String::from_utf8_lossy(name).into_owned();
            if is_of_overlayfs(name) {
                self.note(&Note::OverlayXattr(path.clone(), text()));
                continue;
            }
            if name == SELINUX || self.privilege == Privilege::Rootless && name == owner_record::NAME {
                continue;
            }
            match set_xattr(target, name, value) {
                Ok(()) => {}
                Err(Errno::OPNOTSUPP) => self.note(&Note::Xattr(path.clone(), text())),
                Err(Errno::PERM | Errno::ACCESS) if self.privilege == Privilege::Rootless => {
                    self.note(&Note::Xattr(path.clone(), text()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_of_overlayfs(name: &[u8]) -> bool {
    OVERLAY.iter().any(|prefix| name.starts_with(prefix))
}

/// Is the attribute about where a file is, and not what it is? No layer has it.
pub fn is_of_the_machine(name: &[u8]) -> bool {
    is_of_overlayfs(name) || name == SELINUX
}

/// Changes the owner where it is another: a new file has its directory's group, if that is setgid or the file system
/// mounted so.
fn change_owner(target: Target<'_>, found: Option<&Stat>, owner: (u32, u32)) -> Result<(), Errno> {
    let found = match (found, target) {
        (Some(found), _) => *found,
        (None, Target::Open(fd)) => rustix::fs::fstat(fd)?,
        (None, Target::Named(directory, name)) => {
            rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?
        }
    };
    if owner == (found.st_uid, found.st_gid) {
        return Ok(());
    }
    let (uid, gid) = (Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)));
    match target {
        Target::Open(fd) => rustix::fs::fchown(fd, uid, gid),
        Target::Named(directory, name) => {
            rustix::fs::chownat(directory, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
        }
    }
}

/// Permissions, where they are others, and times of a file that is written.
fn set_mode_and_time(fd: BorrowedFd<'_>, made: &Stat, bits: u32, mtime: Time) -> Result<(), Errno> {
    if made.st_mode & 0o7777 != bits {
        rustix::fs::fchmod(fd, mode(bits))?;
    }
    rustix::fs::futimens(fd, &times(mtime))
}

/// Permissions and times of a directory that nothing is put into any more.
pub(crate) fn seal_directory(fd: BorrowedFd<'_>, bits: u32, mtime: Time) -> Result<(), Errno> {
    rustix::fs::fchmod(fd, mode(bits))?;
    rustix::fs::futimens(fd, &times(mtime))
}

/// Changes the permissions of what an `O_PATH` descriptor stands for: chmod alone has no way not to follow symlinks.
pub(crate) fn chmod_handle(handle: BorrowedFd<'_>, mode: Mode) -> Result<(), Errno> {
    rustix::fs::chmod(format!("/proc/self/fd/{}", handle.as_raw_fd()), mode)
}

fn mode(bits: u32) -> Mode {
    Mode::from_raw_mode(bits & 0o7777)
}

fn times(mtime: Time) -> Timestamps {
    let time = Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}

fn set_xattr(target: Target<'_>, name: &[u8], value: &[u8]) -> Result<(), Errno> {
    match target {
        Target::Open(fd) => rustix::fs::fsetxattr(fd, name, value, XattrFlags::empty()),
        Target::Named(directory, file) => {
            let mut path = format!("/proc/self/fd/{}/", directory.as_raw_fd()).into_bytes();
            path.extend_from_slice(file);
            rustix::fs::lsetxattr(&path[..], name, value, XattrFlags::empty())
        }
    }
}

/// Those of a lower layer's directory do not show through.
fn remove_xattrs(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut names = vec![0; 64 << 10];
    let length = match rustix::fs::flistxattr(fd, &mut names[..]) {
        Err(Errno::OPNOTSUPP) => return Ok(()),
        other => other?,
    };
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        match rustix::fs::fremovexattr(fd, name) {
            // the machine's own, as an SELinux label
            Ok(()) | Err(Errno::NODATA | Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
