//! A reader that is read ahead of its consumer, on a thread of its own, so that decoding and what becomes of the
//! bytes go side by side.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Bytes of a block, and how many blocks there are: all the memory this takes.
const BLOCK: usize = 1 << 20;
const BLOCKS: usize = 4;

/// Blocks in order; an error or the end (an empty block) is the last.
type Blocks = io::Result<Vec<u8>>;

/// Reads `R` ahead. Dropping it does not wait for the thread, which may be in a read of a pipe that never returns.
pub(crate) struct Ahead {
    blocks: Receiver<Blocks>,
    /// Blocks that were read, back to be filled again.
    empty: Sender<Vec<u8>>,
    current: Vec<u8>,
    position: usize,
    ended: bool,
}

impl Ahead {
    /// Starts the thread.
    pub(crate) fn new(source: impl Read + Send + 'static) -> io::Result<Ahead> {
        let (full, blocks) = sync_channel(BLOCKS);
        let (empty, free) = channel();
        for _ in 0..BLOCKS {
            empty.send(Vec::new()).map_err(io::Error::other)?;
        }
        thread::Builder::new().name("layer-decode".into()).spawn(move || fill(source, &free, &full))?;
        Ok(Ahead { blocks, empty, current: Vec::new(), position: 0, ended: false })
    }

    /// Takes the next block; the one before goes back.
    fn next(&mut self) -> io::Result<()> {
        // The thread may have ended already and want no more blocks.
        let _ = self.empty.send(std::mem::take(&mut self.current));
        self.position = 0;
        let block =
            self.blocks.recv().unwrap_or_else(|_| Err(io::Error::other("the decoding thread panicked")));
        self.ended = !block.as_ref().is_ok_and(|block| !block.is_empty());
        self.current = block?;
        Ok(())
    }
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.current.len() && !self.ended {
            self.next()?;
        }
        Ok(&self.current[self.position..])
    }

    fn consume(&mut self, count: usize) {
        self.position += count;
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = if buffer.is_empty() { 0 } else { self.fill_buf()?.read(buffer)? };
        self.consume(count);
        Ok(count)
    }
}

/// Fills free blocks until the source ends or fails, or nobody reads any more.
fn fill(mut source: impl Read, free: &Receiver<Vec<u8>>, full: &SyncSender<Blocks>) {
    while let Ok(mut block) = free.recv() {
        block.clear();
        let result = source.by_ref().take(BLOCK as u64).read_to_end(&mut block);
        let is_last = block.is_empty() || result.is_err();
        if result.is_ok() || !block.is_empty() {
            // What came before an error is delivered first.
            let sent = full.send(Ok(block));
            if sent.is_err() {
                return;
            }
        }
        if let Err(error) = result {
            let _ = full.send(Err(error));
        }
        if is_last {
            return;
        }
    }
}
