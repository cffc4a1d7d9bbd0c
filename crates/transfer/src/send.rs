//! Blobs, side by side, from a source to a sink.

use crate::plan::Missing;
use crate::tally::{Left, Tally};
use image_format::{
    BlobWriter, Class, Descriptor, Expected, Failure, Observer as _, Sink, Source, in_parallel,
};
use std::io::{Read, Write};
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
    in_parallel(blobs, jobs, |missing| {
        let transfer = Transfer { source, sink, blob: &missing.blob, left: tally.of_blob(missing.bytes) };
        // the others only stopped because the first has failed
        transfer.send().or_else(|failure| if tally.fail() { Err(failure) } else { Ok(()) })
    })
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

/// One blob on its way.
struct Transfer<'a> {
    source: &'a dyn Source,
    sink: &'a dyn Sink,
    blob: &'a Descriptor,
    left: Left<'a>,
}

impl Transfer<'_> {
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
        let mut taken = Instant::now();
        let sink = |failure, taken: Instant| Broken { failure, again: taken.elapsed() < SILENT };
        if have < blob.size || blob.size == 0 {
            let mut reader = self.source.open(blob, have)?;
            let mut buffer = vec![0; BUFFER_BYTES];
            loop {
                let count = reader.read(&mut buffer).map_err(Failure::from)?;
                if count == 0 {
                    break;
                }
                taken = Instant::now();
                writer.write_all(&buffer[..count]).map_err(|error| sink(error.into(), taken))?;
                self.left.advance(count as u64)?;
            }
        }
        writer.commit().map(drop).map_err(|failure| sink(failure, taken))
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
