//! The chunks of a layer, decoded by several threads and given back in order: [`crate::compress::pipeline`]'s way back.
//!
//! What bounds memory is bytes, as there. A chunk that is not what the table says makes the table worthless, not the layer:
//! what follows is then decoded as one stream.

use crate::compress::buffers::{Buffers, Pool};
use crate::compress::decode::Decoder;
use crate::compress::decompress::decompress_here;
use crate::compress::pipeline::{Threads, guarded, spawn};
use crate::compress::table::{Chunk, ChunkTable, find_table};
use image_format::{Blob, FileRange};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Bytes of all buffers of one layer, in use and spare; of most, half is never touched.
const BUDGET: usize = 14 << 20;
/// Buffers are made this much longer than a chunk needs, in bytes, so that most serve any other chunk: to give memory back
/// and get it anew costs a fault for every page.
const PLAIN_STEP: usize = 2 << 20;
const COMPRESSED_STEP: usize = 1 << 20;
/// More threads than this would wait for the budget.
const MAX_WORKERS: usize = 6;
/// Bytes that are taken at a time of what is decoded as one stream.
const BLOCK: usize = 256 << 10;

/// A blob that is a file, and the table of its chunks.
#[derive(Debug)]
pub(crate) struct ChunkedBlob {
    file: File,
    size: u64,
    table: ChunkTable,
}

impl ChunkedBlob {
    /// `None` where the blob of `size` bytes is not a whole file, or has no table that may be used.
    pub(crate) fn of(blob: &Blob, size: u64) -> io::Result<Option<ChunkedBlob>> {
        let Some(FileRange { file, offset: 0, length }) = blob.file_range() else { return Ok(None) };
        if *length != size {
            return Ok(None);
        }
        let table = find_table(file)?;
        table.map(|table| Ok(ChunkedBlob { file: file.try_clone()?, size, table })).transpose()
    }

    pub(crate) fn table(&self) -> &ChunkTable {
        &self.table
    }

    /// Its length in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Fills `buffer` from byte `offset` of the blob on.
    pub(crate) fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    /// Reads the chunk that begins at byte `offset` of the blob, and decodes it.
    pub(crate) fn decode(
        &self,
        decoder: &mut Decoder,
        chunk: Chunk,
        offset: u64,
        buffers: &mut Buffers,
    ) -> io::Result<()> {
        buffers.compressed.resize(chunk.compressed as usize, 0);
        self.read(&mut buffers.compressed, offset)?;
        decoder.decode(buffers, chunk.plain as usize)
    }

    fn whole(&self) -> io::Result<Blob> {
        Blob::from_file(FileRange { file: self.file.try_clone()?, offset: 0, length: self.size })
    }
}

/// A part of a layer's tar, and the bytes of the blob that it was decoded from; none where that was one stream.
pub(crate) struct Part {
    buffers: Option<Buffers>,
    shared: Arc<Shared>,
}

impl Part {
    pub(crate) fn plain(&self) -> &[u8] {
        self.buffers.as_ref().map_or(&[], |buffers| &buffers.plain)
    }

    pub(crate) fn compressed(&self) -> &[u8] {
        self.buffers.as_ref().map_or(&[], |buffers| &buffers.compressed)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(buffers) = self.buffers.take().filter(|_| !state.stopped) {
            state.pool.give(buffers);
            drop(state);
            self.shared.changed.notify_all();
        }
    }
}

/// The tar of a layer in parts, one after the other, decoded ahead. Nothing is verified.
pub(crate) struct SideBySide {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Bytes of the tar that were given.
    given: u64,
    /// Where a chunk was not what the table says: the rest.
    rest: Option<Box<dyn Read + Send>>,
}

impl SideBySide {
    /// Starts the threads.
    pub(crate) fn start(blob: ChunkedBlob) -> io::Result<SideBySide> {
        let threads = Threads::default().get().min(MAX_WORKERS).min(blob.table().chunks().len());
        let shared = Arc::new(Shared::new(blob));
        let mut started = SideBySide { shared, workers: Vec::new(), given: 0, rest: None };
        for _ in 0..threads {
            let shared = Arc::clone(&started.shared);
            match spawn("layer-decode", move || shared.work()) {
                Ok(worker) => started.workers.push(worker),
                Err(error) if started.workers.is_empty() => return Err(error),
                // those that run are enough
                Err(_) => break,
            }
        }
        Ok(started)
    }

    pub(crate) fn blob(&self) -> &ChunkedBlob {
        &self.shared.blob
    }

    /// The next part; `None` at the end. Parts that are kept take room from those that come.
    pub(crate) fn next(&mut self) -> io::Result<Option<Part>> {
        let buffers = match self.rest {
            Some(_) => self.next_of_rest()?,
            None => match self.shared.next() {
                Some(Ok(buffers)) => Some(buffers),
                Some(Err(error)) if !is_of_the_bytes(&error) => return Err(error),
                Some(Err(_)) => {
                    self.fall_back()?;
                    self.next_of_rest()?
                }
                None => None,
            },
        };
        let shared = Arc::clone(&self.shared);
        Ok(buffers.map(|buffers| {
            self.given += buffers.plain.len() as u64;
            Part { buffers: Some(buffers), shared }
        }))
    }

    fn fall_back(&mut self) -> io::Result<()> {
        self.shared.stop();
        let (_, mut plain) = decompress_here(self.shared.blob.whole()?)?;
        let skipped = io::copy(&mut plain.by_ref().take(self.given), &mut io::sink())?;
        if skipped < self.given {
            let message = "the blob holds less than the table of its chunks says";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.rest = Some(plain);
        Ok(())
    }

    fn next_of_rest(&mut self) -> io::Result<Option<Buffers>> {
        let Some(rest) = &mut self.rest else { return Ok(None) };
        let mut buffers = Buffers::new(BLOCK, 0);
        rest.by_ref().take(BLOCK as u64).read_to_end(&mut buffers.plain)?;
        Ok((!buffers.plain.is_empty()).then_some(buffers))
    }
}

/// May a wrong table be the cause? What the disk says is said.
fn is_of_the_bytes(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

impl Drop for SideBySide {
    fn drop(&mut self) {
        self.shared.stop();
        for worker in self.workers.drain(..) {
            // what it panicked with was reported as an error
            let _ = worker.join();
        }
    }
}

/// What the workers and the reader share.
struct Shared {
    blob: ChunkedBlob,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    pool: Pool,
    /// The chunk that is begun next, and where it lies in the blob.
    next: usize,
    offset: u64,
    /// How many were given to the reader, and those that come next; what is done stands in its slot.
    given: usize,
    slots: VecDeque<Option<io::Result<Buffers>>>,
    stopped: bool,
}

struct Job {
    number: usize,
    chunk: Chunk,
    offset: u64,
    buffers: Buffers,
}

impl Shared {
    fn new(blob: ChunkedBlob) -> Shared {
        let state = State {
            pool: Pool::new(0, BUDGET),
            next: 0,
            offset: blob.table().first_chunk_offset(),
            given: 0,
            slots: VecDeque::new(),
            stopped: false,
        };
        Shared { blob, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn work(&self) {
        let mut decoder = Decoder::new(self.blob.table().form());
        while let Some(Job { number, chunk, offset, mut buffers }) = self.begin() {
            let result = match &mut decoder {
                Ok(decoder) => {
                    let decode = || self.blob.decode(decoder, chunk, offset, &mut buffers);
                    guarded("decoder", decode).flatten().map(|()| buffers)
                }
                Err(error) => Err(error.kind().into()),
            };
            let mut state = self.lock();
            let slot = number - state.given;
            state.slots[slot] = Some(result);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The next chunk, once there is room for it; `None` where there is none left, or nobody wants it.
    fn begin(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            let number = state.next;
            let chunk = *self.blob.table().chunks().get(number)?;
            let plain = (chunk.plain as usize).next_multiple_of(PLAIN_STEP);
            let compressed = (chunk.compressed as usize + Decoder::SPARE).next_multiple_of(COMPRESSED_STEP);
            if let Some(buffers) = state.pool.take(plain, compressed) {
                let offset = state.offset;
                state.next += 1;
                state.offset += u64::from(chunk.compressed);
                state.slots.push_back(None);
                return Some(Job { number, chunk, offset, buffers });
            }
            state = self.wait(state);
        }
    }

    /// What became of the next chunk in order; `None` at the end.
    fn next(&self) -> Option<io::Result<Buffers>> {
        let mut state = self.lock();
        loop {
            if state.given == self.blob.table().chunks().len() {
                return None;
            }
            if let Some(result) = state.slots.front_mut().and_then(Option::take) {
                state.slots.pop_front();
                state.given += 1;
                return Some(result);
            }
            state = self.wait(state);
        }
    }
}

#[cfg(test)]
mod tests;
