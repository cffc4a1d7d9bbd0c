//! Puts one new thing at a name of an open directory: whatever was there is replaced, never written through.

use super::removal::remove_all;
use crate::entry::{Device, Kind};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Somebody else may put things there as fast as we remove them.
const MAX_TRIES: usize = 16;

/// A name in an open directory.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) directory: BorrowedFd<'a>,
    pub(crate) name: &'a [u8],
}

impl Place<'_> {
    /// A new, empty file, open for writing. It has these permissions, mostly its last ones already: but for what the umask
    /// takes, without set-id bits, which are for its own owner alone, and for us to write.
    pub(crate) fn create_file(self, bits: u32, replaced: &mut dyn FnMut()) -> Result<OwnedFd, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(bits & 0o777) | Mode::RUSR | Mode::WUSR;
        self.put(replaced, || rustix::fs::openat(self.directory, self.name, flags, mode))
    }

    /// A directory, open for reading, and whether it is new; one that was there stays with all that is in it.
    pub(crate) fn make_directory(self, replaced: &mut dyn FnMut()) -> Result<(OwnedFd, bool), Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(self.directory, self.name, flags, Mode::empty());
        self.put(replaced, || match rustix::fs::mkdirat(self.directory, self.name, Mode::RWXU) {
            Ok(()) => Ok((open()?, true)),
            Err(Errno::EXIST) => match open() {
                Ok(fd) => Ok((fd, false)),
                Err(Errno::NOTDIR | Errno::LOOP) => Err(Errno::EXIST),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        })
    }

    /// A new symlink.
    pub(crate) fn make_symlink(self, target: &[u8], replaced: &mut dyn FnMut()) -> Result<(), Errno> {
        self.put(replaced, || rustix::fs::symlinkat(target, self.directory, self.name))
    }

    /// Another name for `target`, itself and not what it links to.
    pub(crate) fn make_link(self, target: Place<'_>, replaced: &mut dyn FnMut()) -> Result<(), Errno> {
        let link =
            || rustix::fs::linkat(target.directory, target.name, self.directory, self.name, AtFlags::empty());
        self.put(replaced, link)
    }

    /// A new device or named pipe.
    pub(crate) fn make_node(self, kind: &Kind, replaced: &mut dyn FnMut()) -> Result<(), Errno> {
        let (kind, device) = match kind {
            Kind::CharacterDevice(device) => (FileType::CharacterDevice, number(*device)),
            Kind::BlockDevice(device) => (FileType::BlockDevice, number(*device)),
            _ => (FileType::Fifo, 0),
        };
        let mode = Mode::RUSR | Mode::WUSR;
        self.put(replaced, || rustix::fs::mknodat(self.directory, self.name, kind, mode, device))
    }

    /// Makes room and tries again where something is there already.
    fn put<T>(self, replaced: &mut dyn FnMut(), make: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
        for _ in 0..MAX_TRIES {
            match make() {
                Err(Errno::EXIST) => {
                    replaced();
                    remove_all(self.directory, self.name)?;
                }
                other => return other,
            }
        }
        Err(Errno::EXIST)
    }
}

fn number(device: Device) -> rustix::fs::Dev {
    rustix::fs::makedev(device.major, device.minor)
}
