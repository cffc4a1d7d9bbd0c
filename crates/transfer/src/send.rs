//! Blobs, side by side, from a source to a sink.

use crate::observer::Observer;
use crate::plan::interrupted;
use image_format::{BlobWriter, Class, Descriptor, Expected, Failure, Sink, Source};
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How much of a blob is moved at a time.
const BUFFER_BYTES: usize = 256 << 10;
/// How often a blob is sent to a sink that breaks.
const ATTEMPTS: u32 = 3;
/// The pause after the first attempt.
const PAUSE: Duration = Duration::from_millis(500);

/// Moves all blobs, `jobs` at a time.
///
/// # Errors
/// The first failure; the others stop at their next buffer.
pub(crate) fn all(
    source: &dyn Source,
    sink: &dyn Sink,
    blobs: &[Descriptor],
    jobs: NonZeroUsize,
    observer: &dyn Observer,
) -> Result<(), Failure> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let first = Mutex::new(None);
    let worker = || {
        let mut transfer = Transfer { source, sink, observer, failed: &failed, buffer: Vec::new() };
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

/// Which side broke, where that matters.
enum Broken {
    Sink(Failure),
    Either(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Broken {
        Broken::Either(failure)
    }
}

struct Transfer<'a> {
    source: &'a dyn Source,
    sink: &'a dyn Sink,
    observer: &'a dyn Observer,
    failed: &'a AtomicBool,
    buffer: Vec<u8>,
}

impl Transfer<'_> {
    fn send(&mut self, blob: &Descriptor) -> Result<(), Failure> {
        if self.stopped() {
            return Err(interrupted());
        }
        if let Some(origin) = self.source.origin(blob)
            && self.sink.adopt(blob, &origin)?
        {
            self.observer.advance(blob.size);
            self.observer.arrived(blob);
            return Ok(());
        }
        let mut attempts = 1;
        let mut writer = self.sink.writer(Expected::Descriptor(blob.clone()))?;
        loop {
            let resumed = writer.have() > 0;
            let broken = match self.copy(blob, writer) {
                Ok(()) => break,
                Err(broken) => broken,
            };
            writer = self.sink.writer(Expected::Descriptor(blob.clone()))?;
            match broken {
                // What an earlier attempt left may itself be wrong: once more, from the first byte.
                Broken::Either(failure) | Broken::Sink(failure)
                    if resumed && failure.class() == Class::Integrity =>
                {
                    writer.restart()?;
                }
                // A source goes on by itself where its connection breaks; what was sent to a sink has to be read again.
                Broken::Sink(failure) if failure.class() == Class::Unavailable && attempts < ATTEMPTS => {
                    std::thread::sleep(PAUSE * attempts);
                    attempts += 1;
                }
                Broken::Either(failure) | Broken::Sink(failure) => return Err(failure),
            }
        }
        self.observer.arrived(blob);
        Ok(())
    }

    fn copy(&mut self, blob: &Descriptor, mut writer: Box<dyn BlobWriter>) -> Result<(), Broken> {
        let have = writer.have();
        self.observer.advance(have);
        if have < blob.size || blob.size == 0 {
            let mut reader = self.source.open(blob, have)?;
            self.buffer.resize(BUFFER_BYTES, 0);
            loop {
                let count = reader.read(&mut self.buffer).map_err(Failure::from)?;
                if count == 0 {
                    break;
                }
                writer.write_all(&self.buffer[..count]).map_err(|error| Broken::Sink(error.into()))?;
                self.observer.advance(count as u64);
                if self.stopped() {
                    return Err(interrupted().into());
                }
            }
        }
        writer.commit().map(drop).map_err(Broken::Sink)
    }

    fn stopped(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.observer.stopped()
    }
}
