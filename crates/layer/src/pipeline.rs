//! Chunks side by side: encoded on worker threads, hashed in order on one more, given back in order.
//!
//! What bounds memory is bytes, not chunks: they are between 256 KiB and 4 MiB long, and sixteen threads with
//! chunks of the longest kind would hold 128 MiB. Where the budget is spent, threads wait.

use crate::assemble::{Encoded, Totals};
use crate::encode::Encoder;
use image_format::{Algorithm, DiffId, DigestHasher};
use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Bytes of chunks in work: the plain ones, those compressed that wait for their turn, and buffers kept for reuse.
const BUDGET: usize = 20 << 20;
/// Plain buffers come in multiples of this, in bytes, so that one serves chunks of about its size again.
const BUFFER_STEP: usize = 256 << 10;

/// How many threads may compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads(NonZeroUsize);

impl Threads {
    /// This many; the bytes of a layer do not depend on it, nor does memory grow with it.
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

/// A chunk on its way. Shared by the hasher and a worker; back with us alone when both are done.
type Plain = Arc<Vec<u8>>;

struct Job {
    number: u64,
    plain: Plain,
}

enum Report {
    Encoded(u64, io::Result<Encoded>),
    Hashed(u64),
}

/// A chunk in work, in the order of the tar.
struct Slot {
    plain: Option<Plain>,
    /// What it counts against the budget, in bytes.
    cost: usize,
    hashed: bool,
    encoded: Option<Encoded>,
}

pub(crate) struct Pipeline {
    encoder: Encoder,
    threads: usize,
    /// Set when dropped midway: what is queued is then not encoded any more.
    stop: Arc<AtomicBool>,
    jobs: Option<Sender<Job>>,
    queue: Arc<Mutex<Receiver<Job>>>,
    workers: Vec<JoinHandle<()>>,
    to_hash: Option<Sender<Job>>,
    hasher: Option<JoinHandle<Hashes>>,
    report: Sender<Report>,
    reports: Receiver<Report>,
    /// The number of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    in_work: usize,
    spare: Vec<Vec<u8>>,
}

impl Pipeline {
    /// Starts nothing yet: threads start as chunks come, so that a small layer costs two.
    pub(crate) fn new(encoder: Encoder, threads: Threads) -> Pipeline {
        let (jobs, queue) = mpsc::channel();
        let (report, reports) = mpsc::channel();
        Pipeline {
            encoder,
            threads: threads.get(),
            stop: Arc::default(),
            jobs: Some(jobs),
            queue: Arc::new(Mutex::new(queue)),
            workers: Vec::new(),
            to_hash: None,
            hasher: None,
            report,
            reports,
            first: 0,
            slots: VecDeque::new(),
            in_work: 0,
            spare: Vec::new(),
        }
    }

    /// Whether a chunk of this many bytes may be submitted now; if not, [`Pipeline::wait`].
    pub(crate) fn has_room(&self, length: usize) -> bool {
        self.slots.is_empty() || self.in_work + cost(length) <= BUDGET
    }

    /// Hands over the next chunk.
    pub(crate) fn submit(&mut self, plain: &[u8]) -> io::Result<()> {
        let number = self.first + self.slots.len() as u64;
        let plain = Arc::new(self.buffer_of(plain));
        let cost = cost(plain.len());
        self.slots.push_back(Slot { plain: Some(Arc::clone(&plain)), cost, hashed: false, encoded: None });
        self.in_work += cost;
        self.start_threads()?;
        // Both ends report even when they fail, so a closed channel can only be a thread that died.
        send(self.to_hash.as_ref(), Job { number, plain: Arc::clone(&plain) })?;
        send(self.jobs.as_ref(), Job { number, plain })
    }

    fn start_threads(&mut self) -> io::Result<()> {
        if self.hasher.is_none() {
            let (to_hash, chunks) = mpsc::channel();
            let report = self.report.clone();
            self.to_hash = Some(to_hash);
            self.hasher = Some(spawn("layer-hash", move || hash(&chunks, &report))?);
        }
        // A worker that does not start is a failure only where it would be the first.
        if self.workers.len() < self.threads.min(self.slots.len()) {
            let (encoder, stop) = (self.encoder, Arc::clone(&self.stop));
            let (queue, report) = (Arc::clone(&self.queue), self.report.clone());
            match spawn("layer-encode", move || work(encoder, &stop, &queue, &report)) {
                Ok(worker) => self.workers.push(worker),
                Err(error) if self.workers.is_empty() => return Err(error),
                Err(_) => self.threads = self.workers.len(),
            }
        }
        Ok(())
    }

    /// The next chunk in order, if it is done. Never waits.
    pub(crate) fn next(&mut self) -> io::Result<Option<Encoded>> {
        while let Ok(report) = self.reports.try_recv() {
            self.take(report)?;
        }
        match self.slots.front() {
            Some(slot) if slot.encoded.is_some() && slot.hashed => {}
            _ => return Ok(None),
        }
        let slot = self.slots.pop_front();
        self.first += 1;
        Ok(slot.and_then(|slot| {
            self.in_work -= slot.cost;
            slot.encoded
        }))
    }

    /// Whether nothing is in work.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Waits until some chunk in work comes further; at least one must be.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        // We hold a sender ourselves, so this cannot find the channel closed; every job gives a report.
        let report = self.reports.recv().map_err(io::Error::other)?;
        self.take(report)
    }

    fn take(&mut self, report: Report) -> io::Result<()> {
        let (number, encoded) = match report {
            Report::Encoded(number, encoded) => (number, Some(encoded?)),
            Report::Hashed(number) => (number, None),
        };
        let at = usize::try_from(number - self.first).map_err(io::Error::other)?;
        let slot = self.slots.get_mut(at).ok_or_else(|| io::Error::other("layer: a chunk came back twice"))?;
        match encoded {
            Some(encoded) => slot.encoded = Some(encoded),
            None => slot.hashed = true,
        }
        if let (true, Some(encoded)) = (slot.hashed, &slot.encoded) {
            // From here on only the compressed bytes count.
            self.in_work = self.in_work - slot.cost + encoded.compressed.capacity();
            slot.cost = encoded.compressed.capacity();
            let plain = slot.plain.take().and_then(Arc::into_inner);
            self.spare.extend(plain);
            self.trim(0);
        }
        Ok(())
    }

    /// A buffer that holds `plain`, an old one where one of about its size is spare.
    fn buffer_of(&mut self, plain: &[u8]) -> Vec<u8> {
        let length = plain.len();
        let fits = |buffer: &Vec<u8>| (length..=length + 2 * BUFFER_STEP).contains(&buffer.capacity());
        let mut buffer = match self.spare.iter().position(fits) {
            Some(at) => self.spare.swap_remove(at),
            None => Vec::with_capacity(length.next_multiple_of(BUFFER_STEP)),
        };
        self.trim(cost(length));
        buffer.clear();
        buffer.extend_from_slice(plain);
        buffer
    }

    /// Drops spare buffers, the oldest first, until they and `more` bytes are within the budget.
    fn trim(&mut self, more: usize) {
        let mut spare: usize = self.spare.iter().map(Vec::capacity).sum();
        while self.in_work + more + spare > BUDGET && !self.spare.is_empty() {
            spare -= self.spare.remove(0).capacity();
        }
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
        self.jobs = None;
        self.to_hash = None;
        // A thread's panic was reported as an error when it happened.
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
        if let Some(hasher) = self.hasher.take() {
            let _ = hasher.join();
        }
    }
}

/// What a chunk counts until it is done: itself, and half again for what comes of it. Tars rarely grow less
/// small than that; noise does, and then the whole takes a third more than the budget.
fn cost(length: usize) -> usize {
    length + length / 2
}

fn send(to: Option<&Sender<Job>>, job: Job) -> io::Result<()> {
    to.and_then(|to| to.send(job).ok()).ok_or_else(|| io::Error::other("layer: a compressing thread died"))
}

fn spawn<T: Send + 'static>(name: &str, body: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// Encodes jobs until there are no more.
fn work(encoder: Encoder, stop: &AtomicBool, queue: &Mutex<Receiver<Job>>, report: &Sender<Report>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { number, plain }) = job else { return };
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let encoded = catch_unwind(AssertUnwindSafe(|| Encoded::new(encoder, &plain)))
            .unwrap_or_else(|_| Err(io::Error::other("layer: the encoder panicked")));
        // Ours is dropped before the report, so that the buffer can be used again.
        drop(plain);
        if report.send(Report::Encoded(number, encoded)).is_err() {
            return;
        }
    }
}

/// Hashes chunks in their order until there are no more.
fn hash(chunks: &Receiver<Job>, report: &Sender<Report>) -> Hashes {
    let mut hasher = Hasher::new();
    while let Ok(Job { number, plain }) = chunks.recv() {
        hasher.update(&plain);
        drop(plain);
        if report.send(Report::Hashed(number)).is_err() {
            break;
        }
    }
    hasher.finish()
}

/// All hashes of a whole tar.
pub(crate) struct Hasher {
    sha256: DigestHasher,
    crc32: crc32fast::Hasher,
    plain_size: u64,
}

impl Hasher {
    pub(crate) fn new() -> Hasher {
        Hasher { sha256: DigestHasher::new(Algorithm::Sha256), crc32: crc32fast::Hasher::new(), plain_size: 0 }
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
