//! What the system says of files in a directory.

use super::attributes::is_of_the_machine;
use crate::entry::{Device, Kind};
use rustix::fs::{Dir, FileType, Stat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

/// The names in a directory that is open for reading, in no order.
///
/// # Errors
/// What the system says.
pub fn names_in(directory: BorrowedFd<'_>) -> Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if !matches!(&name[..], b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// What kind of file `stat`, that of `name` in an open directory, says it is, a symlink with its target; `None` for a
/// socket, which no layer can hold.
///
/// # Errors
/// What the system says of a symlink.
pub fn file_kind(directory: BorrowedFd<'_>, name: &[u8], stat: &Stat) -> Result<Option<Kind>, Errno> {
    let device = Device { major: rustix::fs::major(stat.st_rdev), minor: rustix::fs::minor(stat.st_rdev) };
    Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File { size: stat.st_size as u64, pieces: None },
        FileType::Directory => Kind::Directory,
        FileType::Symlink => {
            Kind::Symlink { target: rustix::fs::readlinkat(directory, name, Vec::new())?.into_bytes() }
        }
        FileType::CharacterDevice => Kind::CharacterDevice(device),
        FileType::BlockDevice => Kind::BlockDevice(device),
        FileType::Fifo => Kind::Fifo,
        _ => return Ok(None),
    }))
}

/// The extended attributes of the file that `handle` names, itself and not what it links to; without those that are of
/// the machine and not of the file. None where the file system has none.
///
/// # Errors
/// What the system says.
pub fn file_xattrs(handle: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Errno> {
    let mut found = BTreeMap::new();
    let mut few = [0; 512];
    let mut many = Vec::new();
    let names = match rustix::fs::llistxattr(handle, &mut few[..]) {
        Ok(0) | Err(Errno::OPNOTSUPP | Errno::NOENT) => return Ok(found),
        Err(Errno::RANGE) => {
            many.resize(64 << 10, 0);
            let length = rustix::fs::llistxattr(handle, &mut many[..])?;
            &many[..length]
        }
        other => &few[..other?],
    };
    let mut value = vec![0; 64 << 10];
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if is_of_the_machine(name) {
            continue;
        }
        match rustix::fs::lgetxattr(handle, name, &mut value[..]) {
            Ok(length) => drop(found.insert(name.to_vec(), value[..length].to_vec())),
            // gone meanwhile
            Err(Errno::NODATA) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
