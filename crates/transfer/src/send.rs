//! Blobs, side by side, from a source to a sink.

use crate::plan::Missing;
use crate::tally::{Left, Tally};
use image_format::{
    Blob, BlobWriter, Class, Descriptor, Expected, Failure, Node, Observer, Root, Sink, Source, in_parallel,
    store,
};
use std::io::Read;
use std::num::NonZeroUsize;
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

/// What moves, and in which order: a pull, a push, a copy, an export.
pub(crate) struct Transfer<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) sink: &'a dyn Sink,
    /// What the sink hears of before the first blob.
    pub(crate) images: &'a [Root],
    /// Moved side by side, begun in this order.
    pub(crate) blobs: &'a [Missing],
    /// Manifests and indexes that follow the blobs, children before parents.
    pub(crate) documents: &'a [(Descriptor, Node)],
    /// How many blobs move at a time.
    pub(crate) jobs: NonZeroUsize,
}

/// What has moved.
pub(crate) struct Moved {
    /// How many bytes: none of what was mounted or linked, twice what was sent twice.
    pub(crate) bytes: u64,
    /// How many blobs, manifests and indexes are there now that were not.
    pub(crate) blobs: usize,
}

impl Transfer<'_> {
    /// Moves all of it.
    ///
    /// # Errors
    /// The first failure; blobs that are on their way stop at their next buffer.
    pub(crate) fn run(&self, observer: &dyn Observer) -> Result<Moved, Failure> {
        self.sink.begin(self.images)?;
        let bytes = self.blobs.iter().map(|missing| missing.bytes).fold(0, u64::saturating_add);
        let tally = Tally::new(observer, bytes);
        in_parallel(self.blobs, self.jobs, |missing| {
            let (source, sink, left) = (self.source, self.sink, tally.of_blob(missing.bytes));
            let sent = BlobTransfer { source, sink, blob: &missing.blob, left }.send();
            // the others only stopped because the first has failed
            sent.or_else(|failure| if tally.fail() { Err(failure) } else { Ok(()) })
        })?;
        let mut blobs = self.blobs.len();
        for (descriptor, node) in self.documents {
            observer.advance(0)?;
            if store(self.sink, descriptor, node.bytes())? {
                let left = tally.of_blob(0);
                left.expect(descriptor.size);
                left.advance(descriptor.size)?;
                blobs += 1;
            }
        }
        self.sink.finish()?;
        Ok(Moved { bytes: tally.moved(), blobs })
    }
}

/// How an attempt ended.
struct Broken {
    failure: Failure,
    /// The sink broke, and soon after it had taken something: what was sent to it has to be read again. A source goes
    /// on by itself where its connection breaks.
    again: bool,
}

impl Broken {
    fn of_sink(failure: Failure, last: Instant) -> Broken {
        Broken { failure, again: last.elapsed() < SILENT }
    }
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Broken {
        Broken { failure, again: false }
    }
}

/// One blob on its way.
struct BlobTransfer<'a> {
    source: &'a dyn Source,
    sink: &'a dyn Sink,
    blob: &'a Descriptor,
    left: Left<'a>,
}

impl BlobTransfer<'_> {
    fn send(&self) -> Result<(), Failure> {
        let blob = self.blob;
        self.left.check()?;
        if let Some(origin) = self.source.origin(blob)
            && self.sink.adopt(blob, &origin)?
        {
            self.left.expect(0);
            return Ok(());
        }
        let (mut attempts, mut afresh) = (1, false);
        loop {
            let mut writer = self.sink.writer(Expected::Descriptor(blob.clone()))?;
            if std::mem::take(&mut afresh) {
                writer.restart()?;
            }
            let resumed = writer.have() > 0;
            self.left.expect(blob.size.saturating_sub(writer.have()));
            match self.copy(writer) {
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

    fn copy(&self, mut writer: Box<dyn BlobWriter>) -> Result<(), Broken> {
        let (blob, have) = (self.blob, writer.have());
        let mut last = Instant::now();
        if have < blob.size || blob.size == 0 {
            let reader = self.source.open(blob, have)?;
            let taken = match reader.file_range() {
                Some(range) => writer.take_file(range, &self.left)?,
                None => false,
            };
            if !taken {
                self.pump(reader, &mut *writer, &mut last)?;
            }
        }
        writer.commit().map(drop).map_err(|failure| Broken::of_sink(failure, last))
    }

    /// `last` is when the sink has last taken something.
    fn pump(&self, mut blob: Blob, writer: &mut dyn BlobWriter, last: &mut Instant) -> Result<(), Broken> {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let count = blob.read(&mut buffer).map_err(Failure::from)?;
            if count == 0 {
                return Ok(());
            }
            *last = Instant::now();
            writer.write_all(&buffer[..count]).map_err(|error| Broken::of_sink(error.into(), *last))?;
            self.left.advance(count as u64)?;
        }
    }

    fn pause(&self, duration: Duration) -> Result<(), Failure> {
        let end = Instant::now() + duration;
        while let Some(rest) = end.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
            self.left.check()?;
            std::thread::sleep(rest.min(LOOK));
        }
        Ok(())
    }
}
