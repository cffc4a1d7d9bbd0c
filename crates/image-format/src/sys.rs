//! The one system call that neither std nor rustix wraps.
#![expect(unsafe_code, reason = "sync_file_range is only in libc")]

use std::os::fd::{AsFd, AsRawFd};

/// Begins to write `length` bytes from `offset` back to the disk.
///
/// Only advice: a file system that cannot is no error.
pub(crate) fn start_write_back(file: impl AsFd, offset: u64, length: u64) {
    let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else { return };
    let file = file.as_fd();
    // SAFETY: the descriptor is open for as long as `file` lives; the call reads and writes no memory of ours.
    unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE);
    }
}
