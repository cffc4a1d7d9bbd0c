//! A file that an archive is written to, on its way to the disk while it is still made.

use image_format::WriteBack;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Seek, Write};

/// A file, and how far it is written from where it was when it came.
pub(crate) struct Written {
    file: File,
    at: u64,
    write_back: WriteBack,
}

impl Written {
    pub(crate) fn new(mut file: File) -> Written {
        // a pipe has no position, and no disk to be written to
        let at = file.stream_position().unwrap_or(0);
        Written { file, at, write_back: WriteBack::from(at) }
    }

    /// Has the kernel copy at most so many bytes of `from`, and moves `at`, its place there, on.
    pub(crate) fn send(&mut self, from: &File, at: &mut u64, most: usize) -> Result<usize, Errno> {
        let count = rustix::fs::sendfile(&self.file, from, Some(at), most)?;
        self.add(count);
        Ok(count)
    }

    fn add(&mut self, count: usize) {
        self.at += count as u64;
        self.write_back.written(&self.file, self.at);
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.add(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
