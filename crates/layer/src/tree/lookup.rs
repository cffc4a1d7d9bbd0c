//! Reads files of a tree on disk that came from an image, and so may lie about everything.

use super::TreePath;
use super::root::{Missing, Root};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// As many symlinks as the kernel follows in one name.
const MAX_LINKS: usize = 40;

/// The content of the regular file that `path` leads to in the tree at `root`, symlinks followed as if that were `/`;
/// `None` where there is none. Nothing else is ever opened: no device, no pipe.
///
/// # Errors
/// It is longer than `limit` bytes ([`io::ErrorKind::InvalidData`]), or cannot be read.
pub fn read_file(root: &Path, path: &TreePath, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(&Root::open(root)?, path)? else { return Ok(None) };
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        let message = format!("longer than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(Some(content))
}

fn open(root: &Root, path: &TreePath) -> io::Result<Option<File>> {
    let mut path = path.clone();
    for _ in 0..MAX_LINKS {
        let Some((parent, name)) = path.split() else { return Ok(None) };
        let directory = match root.directory(&parent, Missing::Fail) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            other => other?,
        };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = match rustix::fs::openat(&directory.fd, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            other => other?,
        };
        match FileType::from_raw_mode(rustix::fs::fstat(&handle)?.st_mode) {
            FileType::RegularFile => {}
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&handle, "", Vec::new())?.into_bytes();
                let base = if target.starts_with(b"/") { TreePath::root() } else { directory.path };
                path = TreePath::of(&[base.as_bytes(), b"/", &target[..]].concat());
                continue;
            }
            _ => return Ok(None),
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&directory.fd, name, flags, Mode::empty())?);
        // whoever swaps it for a pipe meanwhile has only that opened, and not read
        return Ok(file.metadata()?.is_file().then_some(file));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_lead_to_files_beneath_the_root_and_everything_else_is_not_there() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        std::fs::create_dir_all(root.join("usr/etc")).unwrap();
        std::fs::write(root.join("usr/etc/passwd"), "inside\n").unwrap();
        std::fs::write(outer.path().join("passwd"), "outside\n").unwrap();
        symlink("/usr/etc", root.join("etc")).unwrap();
        symlink("../../../usr/./etc/passwd", root.join("usr/link")).unwrap();
        symlink("../passwd", root.join("out")).unwrap();
        symlink(outer.path().join("passwd"), root.join("abs")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("/dev/zero", root.join("zero")).unwrap();
        let pipe = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), pipe, Mode::RWXU, 0).unwrap();
        let read = |path: &str| read_file(&root, &TreePath::of(path.as_bytes()), 7).unwrap();
        for path in ["etc/passwd", "usr/link", "usr/etc/passwd"] {
            assert_eq!(read(path).as_deref(), Some(&b"inside\n"[..]), "{path}");
        }
        for path in ["out", "abs", "loop", "zero", "pipe", "etc", "", "etc/passwd/x", "nowhere"] {
            assert_eq!(read(path), None, "{path}");
        }
        assert!(read_file(&root, &TreePath::of(b"etc/passwd"), 6).is_err());
    }
}
