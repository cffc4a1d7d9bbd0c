//! Blobs, side by side, from a source to a sink.

use crate::observer::Observer;
use crate::plan::interrupted;
use image_format::{BlobWriter, Class, Descriptor, Expected, Failure, Sink, Source};
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How much of a blob is moved at a time.
const BUFFER_BYTES: usize = 256 << 10;

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
        let writer = self.sink.writer(Expected::Descriptor(blob.clone()))?;
        let resumed = writer.have() > 0;
        match self.copy(blob, writer) {
            // What an earlier attempt left may itself be wrong: once more, from the first byte.
            Err(failure) if resumed && failure.class() == Class::Integrity => {
                let mut writer = self.sink.writer(Expected::Descriptor(blob.clone()))?;
                writer.restart()?;
                self.copy(blob, writer)?;
            }
            result => result?,
        }
        self.observer.arrived(blob);
        Ok(())
    }

    fn copy(&mut self, blob: &Descriptor, mut writer: Box<dyn BlobWriter>) -> Result<(), Failure> {
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
                writer.write_all(&self.buffer[..count]).map_err(Failure::from)?;
                self.observer.advance(count as u64);
                if self.stopped() {
                    return Err(interrupted());
                }
            }
        }
        writer.commit().map(drop)
    }

    fn stopped(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.observer.stopped()
    }
}
