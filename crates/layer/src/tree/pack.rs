//! Writes a tree, or what has changed in it, as a layer's tar.

use super::Privilege;
use super::diff::{Change, Changes};
use super::path::TreePath;
use super::root::Root;
use super::snapshot::{Item, Snapshot};
use crate::entry::{Device, Entry, Kind, Metadata, Piece, TarWriter};
use image_format::{Class, Failure, Observer};
use rustix::fs::{OFlags, SeekFrom};
use rustix::io::Errno;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

/// Bytes of content read at a time.
const BUFFER: usize = 128 << 10;
/// A file is written as sparse if it has so many bytes of holes at least.
const HOLES: u64 = 64 << 10;
/// More pieces than this are not worth their map.
const MAX_PIECES: usize = 1 << 14;

/// Writes the whole tree in `directory` as one tar to `sink`, which is given back unflushed: names in order, hard links,
/// attributes, holes. The same tree gives the same bytes.
///
/// # Errors
/// Something cannot be read, or changes meanwhile ([`Class::Conflict`]); the sink cannot be written; those of `observer`.
pub fn pack<W: Write>(
    directory: &Path,
    privilege: Privilege,
    sink: W,
    observer: &dyn Observer,
) -> Result<W, Failure> {
    let snapshot = Snapshot::of_directory(directory, privilege, observer)?;
    let all = snapshot.iter().map(|(path, _)| (path.clone(), vec![Change::Added])).collect();
    write_layer(directory, &snapshot, &Changes(all), sink, observer)
}

/// Writes `changes`, of which `snapshot` is the outcome, as a layer's tar: what was added or modified with its content from
/// `directory`, where `snapshot` was taken; a whiteout for what was removed.
///
/// # Errors
/// As [`pack()`]; a name says in a layer that another is gone, as `.wh.x` does.
pub fn write_layer<W: Write>(
    directory: &Path,
    snapshot: &Snapshot,
    changes: &Changes,
    sink: W,
    observer: &dyn Observer,
) -> Result<W, Failure> {
    let root = Root::open(directory).map_err(|error| Failure::io(directory.display(), error.into()))?;
    let mut output = Output { root, writer: TarWriter::new(sink), first_names: HashMap::new(), observer };
    for (path, change) in changes.iter() {
        let done = match (change, snapshot.get(path)) {
            (Change::Removed, _) => path
                .split()
                .map_or(Ok(()), |(parent, name)| output.mark(&parent.join(&[b".wh.", name].concat()))),
            (Change::Opaque, _) => output.mark(&path.join(b".wh..wh..opq")),
            (_, Some(item)) => output.item(path, item),
            (_, None) => Ok(()),
        };
        done.map_err(|error| error.at(path))?;
    }
    output.writer.finish().map_err(Failure::from)
}

/// What an overlay mount keeps of its changes, its upper directory, as changes.
///
/// A character device 0:0 is a file that was removed; a directory with the attribute `overlay.opaque` shows nothing of
/// what lies below. Kernel, overlayfs.rst, "whiteouts and opaque directories".
///
/// # Errors
/// Something cannot be read; those of `observer`.
pub fn overlay_changes(
    upper: &Path,
    privilege: Privilege,
    observer: &dyn Observer,
) -> Result<(Snapshot, Changes), Failure> {
    let snapshot = Snapshot::of_directory(upper, privilege, observer)?;
    let root = Root::open(upper).map_err(|error| Failure::io(upper.display(), error.into()))?;
    let mut changes = Changes::default();
    for (path, item) in snapshot.iter().filter(|(path, _)| !path.is_root()) {
        let whiteout = Kind::CharacterDevice(Device { major: 0, minor: 0 });
        let mut all = vec![if item.kind == whiteout { Change::Removed } else { Change::Modified }];
        if item.kind == Kind::Directory
            && is_opaque(&root, path).map_err(|error| Failure::io(path, error.into()))?
        {
            all.push(Change::Opaque);
        }
        changes.0.insert(path.clone(), all);
    }
    Ok((snapshot, changes))
}

fn is_opaque(root: &Root, path: &TreePath) -> Result<bool, Errno> {
    let fd = root.open_plain(path, OFlags::RDONLY)?;
    for name in ["trusted.overlay.opaque", "user.overlay.opaque"] {
        let mut value = [0; 8];
        match rustix::fs::fgetxattr(&fd, name, &mut value[..]) {
            Ok(length) if value[..length] == *b"y" => return Ok(true),
            Ok(_) | Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::PERM | Errno::RANGE) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

struct Output<'a, W> {
    root: Root,
    writer: TarWriter<W>,
    /// The name that other names of a file link to.
    first_names: HashMap<(u64, u64), TreePath>,
    observer: &'a dyn Observer,
}

impl<W: Write> Output<'_, W> {
    /// An empty file whose name says something about the layers below.
    fn mark(&mut self, path: &TreePath) -> Result<(), Failure> {
        let kind = Kind::File { size: 0, pieces: None };
        self.write(path, kind, Metadata { mode: 0o600, ..Metadata::default() })
    }

    fn item(&mut self, path: &TreePath, item: &Item) -> Result<(), Failure> {
        self.observer.advance(0)?;
        check_no_mark(path)?;
        if item.kind != Kind::Directory && item.links > 1 {
            if let Some(first) = self.first_names.get(&item.inode) {
                let target = first.as_bytes().to_vec();
                return self.write(path, Kind::HardLink { target }, item.metadata.clone());
            }
            self.first_names.insert(item.inode, path.clone());
        }
        match item.kind {
            Kind::File { size, .. } => self.file(path, item, size),
            _ => self.write(path, item.kind.clone(), item.metadata.clone()),
        }
    }

    fn write(&mut self, path: &TreePath, kind: Kind, metadata: Metadata) -> Result<(), Failure> {
        let path = if path.is_root() { b".".to_vec() } else { path.as_bytes().to_vec() };
        Ok(self.writer.append(&Entry { path, kind, metadata }, &mut &b""[..])?)
    }

    fn file(&mut self, path: &TreePath, item: &Item, size: u64) -> Result<(), Failure> {
        let file = self.root.open_file(path).map_err(|error| Failure::from(io::Error::from(error)))?;
        let found = file.metadata()?;
        let changed = || Failure::new(Class::Conflict, "changed while it was read");
        if (found.dev(), found.ino()) != item.inode || found.len() != size || !found.is_file() {
            return Err(changed());
        }
        let pieces = if found.blocks() * 512 + HOLES <= size { pieces(&file, size)? } else { None };
        let whole = || vec![Piece { offset: 0, length: size }];
        let mut content = Content::new(&file, pieces.clone().unwrap_or_else(whole), self.observer);
        let kind = Kind::File { size, pieces };
        let entry = Entry { path: path.as_bytes().to_vec(), kind, metadata: item.metadata.clone() };
        self.writer.append(&entry, &mut content).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => changed(),
            _ => Failure::from(error),
        })
    }
}

impl Changes {
    /// Can a layer say all of them?
    ///
    /// # Errors
    /// A name that is there says in a layer that another is gone, as `.wh.x` does.
    pub fn check_names(&self) -> Result<(), Failure> {
        let mut there = self.iter().filter(|(_, change)| !matches!(change, Change::Removed | Change::Opaque));
        there.try_for_each(|(path, _)| check_no_mark(path).map_err(|error| error.at(path)))
    }
}

/// Refuses what a layer could say only by deleting something else.
fn check_no_mark(path: &TreePath) -> Result<(), Failure> {
    match path.split() {
        Some((_, name)) if name.starts_with(b".wh.") => {
            let message = "a name that means in a layer that another is gone";
            Err(Failure::new(Class::Failed, message).with_hint("rename or remove it"))
        }
        _ => Ok(()),
    }
}

/// Where a file has data; `None` where that is everywhere, or not known.
fn pieces(file: &File, size: u64) -> io::Result<Option<Vec<Piece>>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < size {
        let offset = match rustix::fs::seek(file.as_fd(), SeekFrom::Data(at)) {
            // nothing but a hole is left
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(None),
            other => other?,
        };
        let end = rustix::fs::seek(file.as_fd(), SeekFrom::Hole(offset))?.min(size);
        if end <= offset || found.len() == MAX_PIECES {
            return Ok(None);
        }
        found.push(Piece { offset, length: end - offset });
        at = end;
    }
    let stored: u64 = found.iter().map(|piece| piece.length).sum();
    Ok((stored < size).then_some(found))
}

/// The stored bytes of a file, one piece after the other.
struct Content<'a> {
    file: &'a File,
    pieces: std::vec::IntoIter<Piece>,
    piece: Piece,
    buffer: Vec<u8>,
    position: usize,
    observer: &'a dyn Observer,
}

impl<'a> Content<'a> {
    fn new(file: &'a File, pieces: Vec<Piece>, observer: &'a dyn Observer) -> Content<'a> {
        let piece = Piece { offset: 0, length: 0 };
        Content { file, pieces: pieces.into_iter(), piece, buffer: Vec::new(), position: 0, observer }
    }
}

impl BufRead for Content<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.buffer.len() {
            while self.piece.length == 0 {
                let Some(next) = self.pieces.next() else { return Ok(&[]) };
                self.piece = next;
            }
            self.buffer.resize(BUFFER.min(usize::try_from(self.piece.length).unwrap_or(BUFFER)), 0);
            let count = self.file.read_at(&mut self.buffer, self.piece.offset)?;
            self.buffer.truncate(count);
            self.position = 0;
            self.piece.offset += count as u64;
            self.piece.length -= count as u64;
            self.observer.advance(count as u64)?;
        }
        Ok(&self.buffer[self.position..])
    }

    fn consume(&mut self, count: usize) {
        self.position += count;
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
