//! Begins to write files to the disk while they are still made, so that a later fsync finds little to do.

use crate::sys;
use std::fs::File;

/// Shorter pieces cost more than they spare: the disk gets one order for each.
const PIECE: u64 = 8 << 20;
/// Shorter files are left to the system, which writes many of them with one order.
const FILE: u64 = 256 << 10;

/// How far a file that is written from its front on is on its way to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteBack {
    started: u64,
}

impl WriteBack {
    /// For a file whose first `written` bytes are nobody's business.
    pub fn from(written: u64) -> WriteBack {
        WriteBack { started: written }
    }

    /// So many bytes of the file are written by now. Only advice: a file system that cannot is no error.
    pub fn written(&mut self, file: &File, written: u64) {
        if written >= self.started + PIECE {
            sys::start_write_back(file, self.started, written - self.started);
            self.started = written;
        }
    }
}

/// A file of `length` bytes is written, and nothing more comes. Only advice, as above.
pub fn write_back_soon(file: impl std::os::fd::AsFd, length: u64) {
    if length >= FILE {
        sys::start_write_back(file, 0, length);
    }
}
