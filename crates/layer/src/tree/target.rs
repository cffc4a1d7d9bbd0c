//! A tree on disk in the making: what each entry of a layer does to it.

use super::apply::Privilege;
use super::attributes::{Attributes, PlainAttributes, seal_directory};
use super::filling::{Filling, MAX_COPIED, NewFile};
use super::on_disk::names_in;
use super::open_directories::OpenDirectories;
use super::place::Place;
use super::removal::{is_directory, remove_all};
use super::root::{Directory, Missing, Root, kind_of};
use super::touched::Touched;
use super::{Note, TreePath};
use crate::entry::{Entry, Kind, Metadata, Piece, Time, Whiteout};
use crate::failure::{of_stream, refused, shown};
use image_format::{Class, Failure, Observer, write_back_soon};
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::rc::Rc;

/// Files of this many bytes are not begun where there is no room for them.
const LARGE: u64 = 64 << 20;
/// What a directory has that no entry says anything about.
const IMPLICIT: Sealed = Sealed { mode: 0o755, mtime: Time { seconds: 0, nanoseconds: 0 }, implicit: true };

/// Permissions and times that a directory gets at the end: until then it can be written whatever they are.
#[derive(Clone, Copy, Debug)]
struct Sealed {
    mode: u32,
    mtime: Time,
    /// Has no entry said anything about it?
    implicit: bool,
}

pub(crate) struct Target<'a> {
    root: Root,
    privilege: Privilege,
    attributes: Attributes<'a>,
    directories: BTreeMap<TreePath, Sealed>,
    touched: Touched,
    open: OpenDirectories,
    filling: Filling,
}

impl<'a> Target<'a> {
    pub(crate) fn open(
        directory: &Path,
        privilege: Privilege,
        observer: &'a dyn Observer,
    ) -> Result<Target<'a>, Failure> {
        let root = Root::open(directory).map_err(|error| Failure::io(directory.display(), error.into()))?;
        Ok(Target {
            root,
            privilege,
            attributes: Attributes::new(privilege, observer),
            directories: BTreeMap::new(),
            touched: Touched::default(),
            open: OpenDirectories::default(),
            filling: Filling::default(),
        })
    }

    /// What comes now is another layer's: its whiteouts hide what has come so far.
    pub(crate) fn begin_layer(&mut self) {
        self.touched.clear();
    }

    /// Waits until the files of this layer are as they should be.
    ///
    /// # Errors
    /// What went wrong with the first of them: it came before anything that [`Target::entry`] has failed with.
    pub(crate) fn end_layer(&mut self) -> Result<(), Failure> {
        self.filling.finish()
    }

    /// Does what `entry` says at `path`, its name in the tree.
    pub(crate) fn entry(
        &mut self,
        path: &TreePath,
        entry: &Entry,
        content: &mut dyn BufRead,
    ) -> Result<(), Failure> {
        let Some((parent, name)) = path.split() else { return self.root_entry(entry) };
        match mark(&parent, name)? {
            Mark::None => {}
            Mark::Ignored => return Ok(()),
            Mark::Gone(gone) => return self.whiteout(&parent, gone),
            Mark::Opaque => return self.opaque(&parent),
        }
        if is_device(&entry.kind) && self.privilege == Privilege::Rootless {
            self.attributes.note(&Note::Device(path.clone()));
            return Ok(());
        }
        let directory = self.parent(parent)?;
        let place = Place { directory: directory.fd.as_fd(), name };
        let path = directory.path.join(name);
        self.put(place, &path, entry, content)?;
        self.touched.add(&path);
        Ok(())
    }

    /// Gives directories what they get at the end, the deepest first, when all files are as they should be.
    pub(crate) fn seal(mut self) -> Result<(), Failure> {
        self.filling.finish()?;
        while let Some((path, sealed)) = self.directories.pop_last() {
            self.seal_one(&path, sealed).map_err(|error| failed(error).at(&path))?;
        }
        Ok(())
    }

    fn seal_one(&self, path: &TreePath, sealed: Sealed) -> Result<(), Errno> {
        let fd = self.root.open_plain(path, OFlags::RDONLY)?;
        if sealed.implicit {
            self.attributes.set_implicit_directory(fd.as_fd())?;
        }
        seal_directory(fd.as_fd(), sealed.mode, sealed.mtime)
    }

    fn root_entry(&mut self, entry: &Entry) -> Result<(), Failure> {
        if entry.kind != Kind::Directory {
            return Err(refused("the root of the tree is no directory"));
        }
        let root = TreePath::root();
        let fd = self.root.open_plain(&root, OFlags::RDONLY).map_err(failed)?;
        self.set_directory(fd.as_fd(), root, &entry.metadata, false)
    }

    /// The directory that `path` leads to, made where it is missing.
    fn parent(&mut self, path: TreePath) -> Result<Rc<Directory>, Failure> {
        if let Some(directory) = self.open.find(&path) {
            return Ok(directory);
        }
        let (directories, touched) = (&mut self.directories, &mut self.touched);
        let mut made = |path: &TreePath| {
            directories.insert(path.clone(), IMPLICIT);
            touched.add(path);
        };
        let found = self.root.directory(&path, Missing::Make(&mut made)).map_err(|error| match error {
            Errno::NOTDIR => refused(format_args!("{path} is no directory")),
            Errno::LOOP => refused(format_args!("{path}: too many symlinks")),
            error => failed(error),
        })?;
        let directory = Rc::new(found);
        self.open.keep(path, directory.clone());
        Ok(directory)
    }

    fn put(
        &mut self,
        place: Place<'_>,
        path: &TreePath,
        entry: &Entry,
        content: &mut dyn BufRead,
    ) -> Result<(), Failure> {
        match &entry.kind {
            Kind::File { size, pieces } => self.file(place, path, entry, (*size, pieces.as_deref()), content),
            Kind::HardLink { target } => self.hard_link(place, path, target),
            Kind::Directory => {
                let (fd, fresh) = place.make_directory(&mut || self.forget(path)).map_err(failed)?;
                self.set_directory(fd.as_fd(), path.clone(), &entry.metadata, fresh)?;
                self.open.keep(path.clone(), Rc::new(Directory { fd, path: path.clone() }));
                Ok(())
            }
            Kind::Symlink { target } => {
                place.make_symlink(target, &mut || self.forget(path)).map_err(failed)?;
                self.attributes
                    .set_symlink(place.directory, place.name, path, &entry.metadata)
                    .map_err(failed)
            }
            kind @ (Kind::CharacterDevice(_) | Kind::BlockDevice(_) | Kind::Fifo) => {
                place.make_node(kind, &mut || self.forget(path)).map_err(device_failed)?;
                self.attributes.set_node(place.directory, place.name, path, &entry.metadata).map_err(failed)
            }
        }
    }

    fn file(
        &mut self,
        place: Place<'_>,
        path: &TreePath,
        entry: &Entry,
        (size, pieces): (u64, Option<&[Piece]>),
        content: &mut dyn BufRead,
    ) -> Result<(), Failure> {
        let stored = entry.stored_size();
        if stored >= LARGE {
            self.check_room(stored)?;
        }
        let fd = place.create_file(entry.metadata.mode, &mut || self.forget(path)).map_err(failed)?;
        let attributes = PlainAttributes::of(&entry.metadata, self.privilege);
        if let Some(attributes) = attributes
            && pieces.is_none()
            && stored <= MAX_COPIED
        {
            let file = NewFile { fd, path: path.clone(), size: stored, attributes };
            return self.filling.fill_file(file, content);
        }
        match pieces {
            None => write(fd.as_fd(), 0, stored, content)?,
            Some(pieces) => {
                for piece in pieces {
                    write(fd.as_fd(), piece.offset, piece.length, content)?;
                }
                rustix::fs::ftruncate(&fd, size).map_err(failed)?;
            }
        }
        if let Some(attributes) = attributes {
            return self.filling.finish_file(NewFile { fd, path: path.clone(), size: stored, attributes });
        }
        self.attributes.set_file(fd.as_fd(), path, &entry.metadata).map_err(failed)?;
        write_back_soon(&fd, stored);
        Ok(())
    }

    fn check_room(&self, wanted: u64) -> Result<(), Failure> {
        let free = rustix::fs::fstatvfs(self.root.fd()).map_err(failed)?;
        let free = free.f_bavail.saturating_mul(free.f_frsize);
        if wanted <= free {
            return Ok(());
        }
        let message = format!("a file of {wanted} bytes; there is room for {free}");
        Err(Failure::new(Class::Failed, message))
    }

    fn hard_link(&mut self, place: Place<'_>, path: &TreePath, target: &[u8]) -> Result<(), Failure> {
        let missing = || refused(format_args!("a hard link to {}, which is not there", shown(target)));
        let target = TreePath::of(target);
        let Some((parent, name)) = target.split() else {
            return Err(refused("a hard link to the root of the tree"));
        };
        let directory = self.root.directory(&parent, Missing::Fail).map_err(|error| match error {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => missing(),
            error => failed(error),
        })?;
        let from = Place { directory: directory.fd.as_fd(), name };
        match kind_of(from.directory, name).map_err(failed)? {
            None => return Err(missing()),
            Some(FileType::Directory) => return Err(refused("a hard link to a directory")),
            // a link to itself changes nothing
            Some(_) if directory.path.join(name) == *path => return Ok(()),
            Some(_) => {}
        }
        place.make_link(from, &mut || self.forget(path)).map_err(|error| match error {
            // its target lay below what it has replaced
            Errno::NOENT => missing(),
            error => failed(error),
        })
    }

    fn set_directory(
        &mut self,
        fd: BorrowedFd<'_>,
        path: TreePath,
        meta: &Metadata,
        fresh: bool,
    ) -> Result<(), Failure> {
        self.attributes.set_directory(fd, &path, meta, fresh).map_err(failed)?;
        self.directories.insert(path, Sealed { mode: meta.mode, mtime: meta.mtime, implicit: false });
        Ok(())
    }

    /// Hides what lower layers have under `name` in the directory that `parent` leads to.
    fn whiteout(&mut self, parent: &TreePath, name: &[u8]) -> Result<(), Failure> {
        let Some(directory) = self.existing(parent)? else { return Ok(()) };
        let path = directory.path.join(name);
        match self.hide(directory.fd.as_fd(), name, &path).map_err(failed)? {
            Hidden::Whole => Ok(()),
            Hidden::Inside => self.hide_below(path).map_err(failed),
        }
    }

    /// Hides all that lower layers have in the directory that `path` leads to.
    fn opaque(&mut self, path: &TreePath) -> Result<(), Failure> {
        let Some(directory) = self.existing(path)? else { return Ok(()) };
        self.hide_below(directory.path).map_err(failed)
    }

    /// The directory that a whiteout speaks of; where there is none, there is nothing to hide.
    fn existing(&self, path: &TreePath) -> Result<Option<Directory>, Failure> {
        match self.root.directory(path, Missing::Fail) {
            Ok(directory) => Ok(Some(directory)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Hides what lower layers have below a directory, however deep, with one directory open at a time.
    fn hide_below(&mut self, top: TreePath) -> Result<(), Errno> {
        let mut levels = vec![(self.hide_in(&top)?, top)];
        while let Some((left, path)) = levels.last_mut() {
            let Some(name) = left.pop() else {
                levels.pop();
                continue;
            };
            let inner = path.join(&name);
            levels.push((self.hide_in(&inner)?, inner));
        }
        Ok(())
    }

    /// Hides what lower layers have in a directory; gives the names of those that are to be looked into.
    fn hide_in(&mut self, path: &TreePath) -> Result<Vec<Vec<u8>>, Errno> {
        if !self.touched.hide_below(path) {
            return Ok(Vec::new());
        }
        let fd = self.root.open_plain(path, OFlags::RDONLY)?;
        let mut left = Vec::new();
        for name in names_in(fd.as_fd())? {
            if let Hidden::Inside = self.hide(fd.as_fd(), &name, &path.join(&name))? {
                left.push(name);
            }
        }
        Ok(left)
    }

    fn hide(&mut self, directory: BorrowedFd<'_>, name: &[u8], path: &TreePath) -> Result<Hidden, Errno> {
        if !self.touched.is_touched(path) {
            self.forget(path);
            remove_all(directory, name)?;
            return Ok(Hidden::Whole);
        }
        Ok(if is_directory(directory, name)? { Hidden::Inside } else { Hidden::Whole })
    }

    /// Something at `path` goes away, with all below it.
    fn forget(&mut self, path: &TreePath) {
        self.open.clear();
        let mut below = path.clone();
        below.push(b"");
        let inside: Vec<TreePath> = self
            .directories
            .range(below.clone()..)
            .map(|(inside, _)| inside)
            .take_while(|inside| inside.as_bytes().starts_with(below.as_bytes()))
            .cloned()
            .collect();
        self.directories.remove(path);
        for path in inside {
            self.directories.remove(&path);
        }
    }
}

/// What a whiteout had to do with a name.
enum Hidden {
    /// All that is to be hidden is.
    Whole,
    /// Its own layer has added something below: what else is there is to be hidden one by one.
    Inside,
}

/// What a name says about lower layers.
pub(crate) enum Mark<'a> {
    None,
    Ignored,
    Gone(&'a [u8]),
    Opaque,
}

/// What the name of an entry in `parent` marks.
///
/// # Errors
/// A mark that no honest writer makes, or a name below one.
pub(crate) fn mark<'a>(parent: &TreePath, name: &'a [u8]) -> Result<Mark<'a>, Failure> {
    match parent.parts().find_map(Whiteout::of) {
        None => {}
        Some(Whiteout::Reserved) => return Ok(Mark::Ignored),
        Some(_) => return Err(refused("lies below a whiteout")),
    }
    match Whiteout::of(name) {
        None => Ok(Mark::None),
        Some(Whiteout::Reserved) => Ok(Mark::Ignored),
        Some(Whiteout::Gone(gone)) => Ok(Mark::Gone(gone)),
        Some(Whiteout::Opaque) => Ok(Mark::Opaque),
        Some(Whiteout::Malformed) => Err(refused("a whiteout of no file")),
    }
}

fn is_device(kind: &Kind) -> bool {
    matches!(kind, Kind::CharacterDevice(_) | Kind::BlockDevice(_))
}

/// Writes `left` bytes of `content` to the file from `offset` on.
fn write(
    fd: BorrowedFd<'_>,
    mut offset: u64,
    mut left: u64,
    content: &mut dyn BufRead,
) -> Result<(), Failure> {
    while left > 0 {
        let bytes = content.fill_buf().map_err(of_stream)?;
        if bytes.is_empty() {
            return Err(of_stream(io::ErrorKind::UnexpectedEof.into()));
        }
        let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = match rustix::io::pwrite(fd, &bytes[..count], offset) {
            Err(Errno::INTR) => continue,
            other => other.map_err(failed)?,
        };
        content.consume(count);
        (offset, left) = (offset + count as u64, left - count as u64);
    }
    Ok(())
}

pub(super) fn failed(error: Errno) -> Failure {
    let failure = Failure::from(io::Error::from(error));
    // what is not there was there a moment ago: nobody asked for it
    if failure.class() == Class::NotFound { Failure::new(Class::Failed, failure) } else { failure }
}

fn device_failed(error: Errno) -> Failure {
    let failure = failed(error);
    if error == Errno::PERM { failure.with_hint("--rootless leaves devices out") } else { failure }
}
