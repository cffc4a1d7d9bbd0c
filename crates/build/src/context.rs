//! The files that a build is given.
//!
//! A context is a directory, held open: whatever is opened lies beneath it, whoever renames and links meanwhile. What a file
//! holds is remembered in the user's cache by how the system sees it (`digests`), so a build of what has not changed reads
//! no file.

pub(crate) mod checkout;
pub(crate) mod digests;
mod ignore_file;

pub use checkout::Checkout;
pub use ignore_file::find_ignore;

use crate::copy::{Content, Files, Node, Stamp};
use cache::Cache;
use digests::Digests;
use dockerfile::Ignore;
use image_format::{Class, Failure};
use layer::{Kind, Metadata, Root, Time, TreePath, file_kind, file_xattrs, names_in};
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

/// A directory of files, and which of them the build does not see.
#[derive(Debug)]
pub struct Context {
    directory: PathBuf,
    name: String,
    root: Root,
    ignore: Ignore,
    digests: Digests,
}

impl Context {
    /// The files of `directory`, without those that `ignore` says. What they hold is remembered in `cache`.
    ///
    /// # Errors
    /// It is not there, no directory, or may not be read.
    pub fn open(
        directory: impl Into<PathBuf>,
        ignore: Ignore,
        cache: Option<&Cache>,
    ) -> Result<Context, Failure> {
        let directory = directory.into();
        let root = Root::open(&directory).map_err(|error| match error {
            Errno::NOTDIR => {
                let message = format!("{}: no directory; expected one with the files", directory.display());
                Failure::new(Class::Usage, message)
            }
            error => Failure::io(directory.display(), error.into()),
        })?;
        let stat =
            rustix::fs::fstat(root.fd()).map_err(|error| Failure::io(directory.display(), error.into()))?;
        let digests =
            cache.map_or_else(Digests::default, |cache| Digests::of(cache, stat.st_dev, stat.st_ino));
        Ok(Context { directory, name: "the build context".into(), root, ignore, digests })
    }

    /// The same, called `name` in messages.
    #[must_use]
    pub fn called(self, name: impl Into<String>) -> Context {
        Context { name: name.into(), ..self }
    }

    /// Where the files lie.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is not seen.
    pub fn ignore(&self) -> &Ignore {
        &self.ignore
    }

    /// What is known of files, and to be learned.
    pub(crate) fn digests(&self) -> &Digests {
        &self.digests
    }

    /// What is known of files, to be changed.
    #[cfg(test)]
    pub(crate) fn digests_mut(&mut self) -> &mut Digests {
        &mut self.digests
    }

    /// Opens the file at `path`, which has no symlinks on its way, and says how the system sees it now.
    pub(crate) fn open_file(&self, path: &TreePath) -> Result<(File, Stamp), Failure> {
        let file = self.root.open_file(path).map_err(|error| self.failed(path, error))?;
        let stat = rustix::fs::fstat(&file).map_err(|error| self.failed(path, error))?;
        Ok((file, stamp(&stat)))
    }

    /// How the system sees an open file now.
    pub(crate) fn look_again(&self, file: &File) -> Result<Stamp, Failure> {
        Ok(stamp(&rustix::fs::fstat(file).map_err(std::io::Error::from)?))
    }

    fn failed(&self, path: &TreePath, error: Errno) -> Failure {
        Failure::io(format_args!("{} in {}", shown(path), self.name), error.into())
    }

    /// What `stat` says of `name` in an open directory; sockets are empty files, as BuildKit copies them.
    fn node_of(&self, directory: BorrowedFd<'_>, name: &[u8], stat: &Stat) -> Result<Node, Errno> {
        let kind = file_kind(directory, name, stat)?.unwrap_or(Kind::File { size: 0, pieces: None });
        let is_socket = FileType::from_raw_mode(stat.st_mode) == FileType::Socket;
        let mut may_have_xattrs = kind == Kind::Directory;
        let content = match kind {
            Kind::File { .. } if is_socket => Content::Held(Vec::new()),
            Kind::File { .. } => {
                let stamp = stamp(stat);
                let known = self.digests.find(&stamp);
                may_have_xattrs = known.is_none_or(|known| known.has_xattrs);
                Content::OnDisk {
                    stamp,
                    linked: stat.st_nlink > 1,
                    digest: known.map(|known| Box::new(known.sum)),
                }
            }
            _ => Content::Nothing,
        };
        let xattrs = if may_have_xattrs { xattrs_of(directory, name)? } else { BTreeMap::new() };
        let mtime = Time { seconds: stat.st_mtime, nanoseconds: stat.st_mtime_nsec as u32 };
        let metadata = Metadata { mode: stat.st_mode & 0o7777, uid: 0, gid: 0, mtime, xattrs };
        Ok(Node { kind, metadata, content })
    }
}

impl Files for Context {
    fn node(&self, path: &TreePath) -> Result<Option<Node>, Failure> {
        let found = match path.split() {
            None => rustix::fs::fstat(self.root.fd())
                .and_then(|stat| self.node_of(self.root.fd(), b".", &stat).map(Some)),
            Some((parent, name)) => self.root.open_directory(&parent).and_then(|directory| {
                match rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => self.node_of(directory.as_fd(), name, &stat).map(Some),
                    Err(error) => Err(error),
                }
            }),
        };
        match found {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            other => other.map_err(|error| self.failed(path, error)),
        }
    }

    fn children(&self, path: &TreePath) -> Result<Vec<(Vec<u8>, Node)>, Failure> {
        let fail = |error| self.failed(path, error);
        let directory = self.root.open_directory(path).map_err(fail)?;
        let mut names = names_in(directory.as_fd()).map_err(fail)?;
        names.sort_unstable();
        names.dedup();
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let node = rustix::fs::statat(&directory, &name[..], AtFlags::SYMLINK_NOFOLLOW)
                .and_then(|stat| self.node_of(directory.as_fd(), &name, &stat));
            match node {
                // gone meanwhile
                Err(Errno::NOENT) => {}
                Err(error) => return Err(self.failed(&path.join(&name), error)),
                Ok(node) => found.push((name, node)),
            }
        }
        Ok(found)
    }

    fn ignore(&self) -> &Ignore {
        &self.ignore
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// A path of a context in a message, as the Dockerfile would have it.
pub(crate) fn shown(path: &TreePath) -> String {
    let shown = path.to_string();
    shown.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(".").to_owned()
}

/// How the system sees a file.
fn stamp(stat: &Stat) -> Stamp {
    let time = |seconds: i64, nanoseconds| Time { seconds, nanoseconds: nanoseconds as u32 };
    Stamp {
        device: stat.st_dev,
        inode: stat.st_ino,
        size: stat.st_size as u64,
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        changed: time(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// The attributes that anybody may have set: others are not for everybody to read, and a capability does not survive
/// docker's way of a context either.
fn xattrs_of(directory: BorrowedFd<'_>, name: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Errno> {
    let handle = [format!("/proc/self/fd/{}/", directory.as_raw_fd()).as_bytes(), name].concat();
    let mut xattrs = file_xattrs(&handle)?;
    xattrs.retain(|name, _| name.starts_with(b"user.") && name != b"user.rootlesscontainers");
    Ok(xattrs)
}
