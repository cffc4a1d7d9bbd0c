//! Reads the files that are copied, and makes sure that each is one file from its beginning to its end.

use super::files::{Content, Node, Stamp, Sum};
use super::key::sum_of;
use super::part::Store;
use crate::context::digests::Known;
use crate::context::{Context, shown};
use image_format::{Algorithm, Class, Digest, DigestHasher, Failure, Observer};
use layer::{Metadata, TreePath};
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt as _;
use std::time::SystemTime;

/// Bytes read at a time.
const BUFFER: usize = 128 << 10;

/// A file of a context that is being read, and hashed meanwhile where its content is not known.
pub(crate) struct Reading<'a> {
    context: &'a Context,
    path: &'a TreePath,
    file: File,
    stamp: Stamp,
    began: SystemTime,
    hasher: Option<DigestHasher>,
    has_xattrs: bool,
    observer: &'a dyn Observer,
    buffer: Vec<u8>,
    position: usize,
    at: u64,
}

impl<'a> Reading<'a> {
    /// Opens the file at `path`, which looked like `stamp` when it was found; hashes it if `metadata`, what goes with it, is
    /// given. `buffer` is room to be used again.
    pub(crate) fn open(
        context: &'a Context,
        path: &'a TreePath,
        stamp: Stamp,
        hashed: Option<&Metadata>,
        buffer: Vec<u8>,
        observer: &'a dyn Observer,
    ) -> Result<Reading<'a>, Failure> {
        let began = context.digests().now();
        let (file, found) = context.open_file(path)?;
        if found != stamp {
            return Err(changed(path));
        }
        let hasher = hashed.map(|_| DigestHasher::new(Algorithm::Sha256));
        let has_xattrs = hashed.is_some_and(|metadata| !metadata.xattrs.is_empty());
        let (position, at) = (0, 0);
        let reading =
            Reading { context, path, file, stamp, began, hasher, has_xattrs, observer, buffer, position, at };
        Ok(reading.emptied())
    }

    fn emptied(mut self) -> Reading<'a> {
        self.buffer.clear();
        self
    }

    /// Checks that all has been read, and that nobody has written to it meanwhile; gives what it holds, if that was to be
    /// found out, and the buffer.
    pub(crate) fn finish(self) -> Result<(Option<Sum>, Vec<u8>), Failure> {
        let is_whole = self.at == self.stamp.size && self.position == self.buffer.len();
        if !is_whole || self.context.look_again(&self.file)? != self.stamp {
            return Err(changed(self.path));
        }
        let sum = self.hasher.map(|hasher| sum_of(&hasher.finish()));
        if let Some(sum) = sum {
            let known = Known { sum, has_xattrs: self.has_xattrs };
            self.context.digests().learn(&self.stamp, known, self.began);
        }
        Ok((sum, self.buffer))
    }
}

impl BufRead for Reading<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.buffer.len() && self.at < self.stamp.size {
            let left = usize::try_from(self.stamp.size - self.at).unwrap_or(usize::MAX);
            self.buffer.resize(BUFFER.min(left), 0);
            let count = self.file.read_at(&mut self.buffer, self.at)?;
            self.buffer.truncate(count);
            self.position = 0;
            self.at += count as u64;
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&self.buffer);
            }
            self.observer.advance(count as u64)?;
        }
        Ok(&self.buffer[self.position..])
    }

    fn consume(&mut self, count: usize) {
        self.position += count;
    }
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// A file that is another one now, or another length.
pub(crate) fn changed(path: &TreePath) -> Failure {
    let failure = Failure::new(Class::Conflict, format_args!("{}: changed while it was read", shown(path)));
    failure.with_hint("build again when nobody writes to it")
}

/// What the file at `path` holds.
pub(crate) fn read_whole(
    store: &Store<'_>,
    path: &TreePath,
    node: &Node,
    observer: &dyn Observer,
) -> Result<Sum, Failure> {
    let (Some(context), Content::OnDisk { stamp, .. }) = (store.context(), &node.content) else {
        return Ok(sum_of(&Digest::sha256(b"")));
    };
    let mut reading = Reading::open(context, path, *stamp, Some(&node.metadata), Vec::new(), observer)?;
    loop {
        let count = reading.fill_buf().map_err(Failure::from)?.len();
        if count == 0 {
            break;
        }
        reading.consume(count);
    }
    reading.finish().map(|(sum, _)| sum.unwrap_or_default())
}
