//! The waiting end of a download.

use crate::pipe::Pipe;
use bytes::{Buf, Bytes};
use std::io::{self, Read};

/// The reader's end of the pipe.
pub(crate) struct PipeReader {
    pipe: Pipe,
    block: Bytes,
}

impl PipeReader {
    pub(crate) fn new(pipe: Pipe) -> PipeReader {
        PipeReader { pipe, block: Bytes::new() }
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.block.is_empty() && !buffer.is_empty() {
            match self.pipe.receive()? {
                Some(block) => self.block = block,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.block.len());
        self.block.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        self.pipe.close();
    }
}
