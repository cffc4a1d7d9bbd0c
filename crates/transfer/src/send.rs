//! Blobs, side by side, from a source to a sink.

use crate::plan::{Missing, interrupted};
use crate::tally::{Left, Tally};
use image_format::{BlobWriter, Class, Descriptor, Expected, Failure, Sink, Source};
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How much of a blob is moved at a time.
const BUFFER_BYTES: usize = 256 << 10;
/// How often a blob is sent to a sink that breaks.
const ATTEMPTS: u32 = 3;
/// The pause after the first attempt.
const PAUSE: Duration = Duration::from_millis(500);
/// How often one who pauses looks whether to stop.
const LOOK: Duration = Duration::from_millis(50);
/// A sink that was silent for this long before it broke is not tried again: it would take as long once more.
const SILENT: Duration = Duration::from_secs(20);

/// Moves all blobs, `jobs` at a time.
///
/// # Errors
/// The first failure; the others stop at their next buffer.
pub(crate) fn all(
    source: &dyn Source,
    sink: &dyn Sink,
    blobs: &[Missing],
    jobs: NonZeroUsize,
    tally: &Tally<'_>,
) -> Result<(), Failure> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let first = Mutex::new(None);
    let worker = || {
        let mut transfer = Transfer { source, sink, tally, failed: &failed, buffer: Vec::new() };
        while let Some(blob) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(failure) = transfer.send(blob) {
                failed.store(true, Ordering::Relaxed);
                first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.get().min(blobs.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// How an attempt ended.
struct Broken {
    failure: Failure,
    /// The sink broke, and soon after it had taken something: what was sent to it has to be read again. A source goes
    /// on by itself where its connection breaks.
    again: bool,
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Broken {
        Broken { failure, again: false }
    }
}

struct Transfer<'a> {
    source: &'a dyn Source,
    sink: &'a dyn Sink,
    tally: &'a Tally<'a>,
    failed: &'a AtomicBool,
    buffer: Vec<u8>,
}

impl Transfer<'_> {
    fn send(&mut self, missing: &Missing) -> Result<(), Failure> {
        let blob = &missing.blob;
        let mut left = self.tally.of_blob(missing.bytes);
        self.check_stop()?;
        if let Some(origin) = self.source.origin(blob)
            && self.sink.adopt(blob, &origin)?
        {
            left.is(0);
            return Ok(());
        }
        let (mut attempts, mut afresh) = (1, false);
        loop {
            let mut writer = self.sink.writer(Expected::Descriptor(blob.clone()))?;
            if std::mem::take(&mut afresh) {
                writer.restart()?;
            }
            let resumed = writer.have() > 0;
            left.is(blob.size.saturating_sub(writer.have()));
            match self.copy(blob, writer, &mut left) {
                Ok(()) => return Ok(()),
                // What an earlier attempt left may itself be wrong: once more, from the first byte.
                Err(Broken { failure, .. }) if resumed && failure.class() == Class::Integrity => {
                    afresh = true;
                }
                Err(Broken { failure, again: true })
                    if failure.class() == Class::Unavailable && attempts < ATTEMPTS =>
                {
                    self.pause(PAUSE * attempts)?;
                    attempts += 1;
                }
                Err(Broken { failure, .. }) => return Err(failure),
            }
        }
    }

    fn copy(
        &mut self,
        blob: &Descriptor,
        mut writer: Box<dyn BlobWriter>,
        left: &mut Left<'_>,
    ) -> Result<(), Broken> {
        let have = writer.have();
        let mut taken = Instant::now();
        let sink = |failure, taken: Instant| Broken { failure, again: taken.elapsed() < SILENT };
        if have < blob.size || blob.size == 0 {
            let mut reader = self.source.open(blob, have)?;
            self.buffer.resize(BUFFER_BYTES, 0);
            loop {
                let count = reader.read(&mut self.buffer).map_err(Failure::from)?;
                if count == 0 {
                    break;
                }
                taken = Instant::now();
                writer.write_all(&self.buffer[..count]).map_err(|error| sink(error.into(), taken))?;
                left.move_on(count as u64);
                self.check_stop()?;
            }
        }
        writer.commit().map(drop).map_err(|failure| sink(failure, taken))
    }

    fn pause(&self, duration: Duration) -> Result<(), Failure> {
        let end = Instant::now() + duration;
        while let Some(rest) = end.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
            self.check_stop()?;
            std::thread::sleep(rest.min(LOOK));
        }
        Ok(())
    }

    fn check_stop(&self) -> Result<(), Failure> {
        let stopped = self.failed.load(Ordering::Relaxed) || self.tally.stopped();
        if stopped { Err(interrupted()) } else { Ok(()) }
    }
}
