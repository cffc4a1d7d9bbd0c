//! Chunks side by side: hashed in order on one thread, from there encoded by whatever worker is free, given back
//! in order.
//!
//! What bounds memory is bytes, not chunks: they are between 256 KiB and 4 MiB long, and sixteen threads with
//! chunks of the longest kind would hold 128 MiB. Where the budget of [`crate::compress::buffers`] is spent, threads wait.

use crate::compress::assemble::Totals;
use crate::compress::buffers::{Buffers, Pool, room};
use crate::compress::earlier::{Earlier, Scratch};
use crate::compress::encode::Encoder;
use crate::compress::table::Chunk;
use image_format::{Algorithm, DiffId, DigestHasher};
use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// More workers than this would wait for the budget, which holds six chunks of average size. Each costs more
/// than a mebibyte of what glibc keeps for its encoder.
const MAX_WORKERS: usize = 8;

/// Bytes of all buffers, in use and spare, and of the encoders that run. With the 10 MiB that glibc keeps for the
/// threads, and the rest of a tool, this stays under 40 MiB with any number of threads.
const BUDGET: usize = 16 << 20;

/// How many threads may compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads(NonZeroUsize);

impl Threads {
    /// At most this many; fewer where memory would grow with them. The bytes of a layer do not depend on it.
    pub fn new(count: NonZeroUsize) -> Threads {
        Threads(count)
    }

    /// The number of threads.
    pub fn get(self) -> usize {
        self.0.get()
    }
}

impl Default for Threads {
    /// As many as the process may use processors; one where that is not known.
    fn default() -> Threads {
        Threads(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

/// Hashes of the whole tar.
#[derive(Debug)]
pub(crate) struct Hashes {
    pub(crate) diff_id: DiffId,
    pub(crate) totals: Totals,
}

/// A chunk on its way: to the hasher, from there to a worker, and back.
struct Job {
    number: u64,
    buffers: Buffers,
}

/// A chunk that is compressed, and its entry in the table.
pub(crate) struct Done {
    pub(crate) buffers: Buffers,
    pub(crate) entry: Chunk,
}

type Report = io::Result<(u64, Done)>;

pub(crate) struct Pipeline {
    encoder: Encoder,
    /// Where chunks may be copied from.
    earlier: Option<Arc<Earlier>>,
    threads: usize,
    pool: Pool,
    /// Set when dropped midway: what is queued is then not encoded any more.
    stop: Arc<AtomicBool>,
    /// The hasher has the other end of the workers' queue; so they end after it does.
    to_hash: Option<Sender<Job>>,
    hasher: Option<JoinHandle<Hashes>>,
    queue: Option<Arc<Mutex<Receiver<Job>>>>,
    workers: Vec<JoinHandle<()>>,
    report: Sender<Report>,
    reports: Receiver<Report>,
    /// The number of the first slot.
    first: u64,
    /// Chunks in work, in order; those that are done have something in their slot.
    slots: VecDeque<Option<Done>>,
}

impl Pipeline {
    /// Starts nothing yet: threads start as chunks come, so that a small layer costs two.
    pub(crate) fn new(encoder: Encoder, threads: Threads, earlier: Option<Arc<Earlier>>) -> Pipeline {
        let (report, reports) = mpsc::channel();
        Pipeline {
            encoder,
            earlier: earlier.filter(|earlier| earlier.is_of(encoder)),
            threads: threads.get().min(MAX_WORKERS),
            pool: Pool::new(encoder.memory(), BUDGET),
            stop: Arc::default(),
            to_hash: None,
            hasher: None,
            queue: None,
            workers: Vec::new(),
            report,
            reports,
            first: 0,
            slots: VecDeque::new(),
        }
    }

    /// Buffers for a chunk of `length` bytes, to be emptied, filled and submitted. `None` where there is enough in
    /// work: then [`Pipeline::wait`] and take what is done.
    pub(crate) fn buffers(&mut self, length: usize) -> Option<Buffers> {
        if self.slots.len() >= 2 * self.threads + 2 {
            return None;
        }
        self.pool.take(length, room(length))
    }

    /// Hands over the next chunk.
    pub(crate) fn submit(&mut self, buffers: Buffers) -> io::Result<()> {
        let number = self.first + self.slots.len() as u64;
        self.slots.push_back(None);
        self.start_hasher()?;
        self.start_worker()?;
        let sent = self.to_hash.as_ref().and_then(|to_hash| to_hash.send(Job { number, buffers }).ok());
        sent.ok_or_else(|| io::Error::other("layer: a compressing thread ended"))
    }

    fn start_hasher(&mut self) -> io::Result<()> {
        if self.hasher.is_none() {
            let (to_hash, chunks) = mpsc::channel();
            let (to_encode, queue) = mpsc::channel();
            let report = self.report.clone();
            self.hasher = Some(spawn("layer-hash", move || hash(&chunks, &to_encode, &report))?);
            self.to_hash = Some(to_hash);
            self.queue = Some(Arc::new(Mutex::new(queue)));
        }
        Ok(())
    }

    /// One more worker while there are more chunks than workers.
    fn start_worker(&mut self) -> io::Result<()> {
        let Some(queue) =
            self.queue.as_ref().filter(|_| self.workers.len() < self.threads.min(self.slots.len()))
        else {
            return Ok(());
        };
        let (encoder, stop) = (self.encoder, Arc::clone(&self.stop));
        let (queue, report) = (Arc::clone(queue), self.report.clone());
        let mut worker = Worker { encoder, earlier: self.earlier.clone(), scratch: Scratch::default() };
        match spawn("layer-encode", move || worker.work(&stop, &queue, &report)) {
            Ok(worker) => self.workers.push(worker),
            Err(error) if self.workers.is_empty() => return Err(error),
            // Those that run are enough.
            Err(_) => self.threads = self.workers.len(),
        }
        Ok(())
    }

    /// The next chunk in order, if it is done. Never waits.
    pub(crate) fn next(&mut self) -> io::Result<Option<Done>> {
        while let Ok(report) = self.reports.try_recv() {
            self.take(report)?;
        }
        let Some(done) = self.slots.front_mut().and_then(Option::take) else { return Ok(None) };
        self.slots.pop_front();
        self.first += 1;
        Ok(Some(done))
    }

    /// Takes back the buffers of a chunk that is written.
    pub(crate) fn give(&mut self, buffers: Buffers) {
        self.pool.give(buffers);
    }

    /// Whether nothing is in work.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Waits until some chunk in work is done; at least one must be in work.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        // We hold a sender ourselves, so this cannot find the channel closed; every job gives a report.
        let report = self.reports.recv().map_err(io::Error::other)?;
        self.take(report)
    }

    fn take(&mut self, report: Report) -> io::Result<()> {
        let (number, done) = report?;
        let slot = usize::try_from(number - self.first).ok().and_then(|at| self.slots.get_mut(at));
        *slot.ok_or_else(|| io::Error::other("layer: a chunk came back twice"))? = Some(done);
        Ok(())
    }

    /// Ends the threads; the hashes of all that was submitted. All chunks must have been taken.
    pub(crate) fn finish(mut self) -> io::Result<Hashes> {
        self.to_hash = None;
        match self.hasher.take() {
            Some(hasher) => hasher.join().map_err(|_| io::Error::other("layer: the hashing thread panicked")),
            None => Ok(Hasher::new().finish()),
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.to_hash = None;
        // A thread's panic was reported as an error when it happened.
        if let Some(hasher) = self.hasher.take() {
            let _ = hasher.join();
        }
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// Runs `step`; a panic becomes an error that says where it was.
pub(crate) fn guarded<T>(place: &str, step: impl FnOnce() -> T) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(step)).map_err(|_| io::Error::other(format!("layer: the {place} panicked")))
}

/// Hashes chunks in their order, and passes them on, until there are no more.
fn hash(chunks: &Receiver<Job>, to_encode: &Sender<Job>, report: &Sender<Report>) -> Hashes {
    let mut hasher = Hasher::new();
    while let Ok(job) = chunks.recv() {
        if let Err(error) = guarded("hasher", || hasher.update(&job.buffers.plain)) {
            let _ = report.send(Err(error));
            break;
        }
        if to_encode.send(job).is_err() {
            break;
        }
    }
    hasher.finish()
}

/// What one thread encodes with.
struct Worker {
    encoder: Encoder,
    earlier: Option<Arc<Earlier>>,
    scratch: Scratch,
}

impl Worker {
    /// Encodes chunks until there are no more.
    fn work(&mut self, stop: &AtomicBool, queue: &Mutex<Receiver<Job>>, report: &Sender<Report>) {
        loop {
            let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Job { number, mut buffers }) = job else { return };
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let entry = guarded("encoder", || self.encode(&mut buffers)).flatten();
            if report.send(entry.map(|entry| (number, Done { buffers, entry }))).is_err() {
                return;
            }
        }
    }

    fn encode(&mut self, buffers: &mut Buffers) -> io::Result<Chunk> {
        let Buffers { plain, compressed, .. } = buffers;
        let xxh3 = xxhash_rust::xxh3::xxh3_128(plain);
        let scratch = &mut self.scratch;
        if !self.earlier.as_ref().is_some_and(|earlier| earlier.copy(plain, xxh3, compressed, scratch)) {
            self.encoder.encode(plain, compressed)?;
        }
        Ok(Chunk {
            compressed: u32::try_from(compressed.len()).map_err(io::Error::other)?,
            plain: u32::try_from(plain.len()).map_err(io::Error::other)?,
            xxh3,
        })
    }
}

/// All hashes of a whole tar.
pub(crate) struct Hasher {
    sha256: DigestHasher,
    crc32: crc32fast::Hasher,
    plain_size: u64,
}

impl Hasher {
    pub(crate) fn new() -> Hasher {
        Hasher {
            sha256: DigestHasher::new(Algorithm::Sha256),
            crc32: crc32fast::Hasher::new(),
            plain_size: 0,
        }
    }

    pub(crate) fn update(&mut self, plain: &[u8]) {
        self.sha256.update(plain);
        self.crc32.update(plain);
        self.plain_size += plain.len() as u64;
    }

    pub(crate) fn finish(self) -> Hashes {
        let totals = Totals { crc32: self.crc32.finalize(), plain_size: self.plain_size };
        Hashes { diff_id: DiffId::new(self.sha256.finish()), totals }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_thread_becomes_an_error() {
        let error = guarded::<()>("encoder", || panic!("a test's own panic")).unwrap_err();
        assert_eq!(error.to_string(), "layer: the encoder panicked");
    }

    #[test]
    fn a_pipeline_dropped_full_ends_its_threads() {
        let mut pipeline = Pipeline::new(Encoder::of(Default::default()).unwrap(), Threads::default(), None);
        while let Some(mut buffers) = pipeline.buffers(1 << 20) {
            buffers.plain.resize(1 << 20, 7);
            pipeline.submit(buffers).unwrap();
        }
        let stop = Arc::clone(&pipeline.stop);
        drop(pipeline);
        assert_eq!(Arc::strong_count(&stop), 1);
    }
}
