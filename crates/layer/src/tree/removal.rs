//! Takes files and directories away, by descriptor: no symlink is followed, and depth costs no descriptors.

use super::on_disk::names_in;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// So deep does it go with a descriptor a level; what lies deeper is moved up first.
const MAX_DEPTH: usize = 100;

/// Removes `name` in `directory` with all below it; nothing there is fine.
pub(crate) fn remove_all(directory: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // POSIX has EPERM for directories
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    loop {
        match rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                let top = open_directory(directory, name)?;
                empty(top.as_fd(), top.as_fd(), 0)?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Removes all that is in the directory at `path`, which itself stays. No symlink is followed, and depth costs no
/// descriptors.
///
/// # Errors
/// What the system says.
pub fn clear_directory(path: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(path, flags, Mode::empty())?;
    loop {
        let names = names_in(directory.as_fd())?;
        if names.is_empty() {
            return Ok(());
        }
        names.iter().try_for_each(|name| remove_all(directory.as_fd(), name))?;
    }
}

/// Removes what is in `directory`, or moves it up to `top` where it lies too deep.
fn empty(directory: BorrowedFd<'_>, top: BorrowedFd<'_>, depth: usize) -> Result<(), Errno> {
    for name in names_in(directory)? {
        match unlink(directory, &name) {
            Ok(()) | Err(Errno::NOENT) => continue,
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(error) => return Err(error),
        }
        if depth >= MAX_DEPTH {
            move_up(directory, &name, top)?;
            continue;
        }
        if rustix::fs::unlinkat(directory, &name[..], AtFlags::REMOVEDIR).is_ok() {
            continue;
        }
        let inner = open_directory(directory, &name)?;
        empty(inner.as_fd(), top, depth + 1)?;
        drop(inner);
        match rustix::fs::unlinkat(directory, &name[..], AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Unlinks; a directory that its owner may not write is made writable first.
fn unlink(directory: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::ACCESS) => {
            rustix::fs::fchmod(directory, Mode::RWXU)?;
            rustix::fs::unlinkat(directory, name, AtFlags::empty())
        }
        other => other,
    }
}

fn move_up(directory: BorrowedFd<'_>, name: &[u8], top: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut number = 0u64;
    loop {
        let above = format!(".removed-{number}");
        match rustix::fs::renameat(directory, name, top, &above) {
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => number += 1,
            other => return other,
        }
    }
}

/// Opens a directory to be emptied; its owner may have taken the right from himself.
fn open_directory(directory: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            let handle = rustix::fs::openat(directory, name, flags | OFlags::PATH, Mode::empty())?;
            super::attributes::chmod_handle(handle.as_fd(), Mode::RWXU)?;
            rustix::fs::openat(directory, name, flags, Mode::empty())
        }
        other => other,
    }
}

/// Is `name` in `directory` a directory itself?
pub(crate) fn is_directory(directory: BorrowedFd<'_>, name: &[u8]) -> Result<bool, Errno> {
    Ok(super::root::kind_of(directory, name)? == Some(FileType::Directory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn open(path: &std::path::Path) -> OwnedFd {
        fs::File::open(path).unwrap().into()
    }

    #[test]
    fn what_symlinks_name_stays_and_the_links_go() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("keep/inner")).unwrap();
        fs::create_dir_all(dir.path().join("gone/sub")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("keep"), dir.path().join("gone/sub/link")).unwrap();
        std::os::unix::fs::symlink("../../..", dir.path().join("gone/up")).unwrap();
        remove_all(open(dir.path()).as_fd(), b"gone").unwrap();
        assert!(!dir.path().join("gone").exists() && dir.path().join("keep/inner").exists());
        remove_all(open(dir.path()).as_fd(), b"gone").unwrap();
    }

    #[test]
    fn a_tree_deeper_than_there_are_descriptors_goes() {
        let dir = tempfile::tempdir().unwrap();
        let mut here = open(dir.path());
        for _ in 0..1100 {
            rustix::fs::mkdirat(&here, "d", Mode::RWXU).unwrap();
            here = open_directory(here.as_fd(), b"d").unwrap();
            rustix::fs::mkdirat(&here, ".removed-0", Mode::RWXU).unwrap();
        }
        clear_directory(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
