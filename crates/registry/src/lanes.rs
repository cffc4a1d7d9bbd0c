//! What all downloads of a client share: the connections that fetch parts, and how fast everything comes.

use crate::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many parts of [`PART`](crate::ahead::PART) bytes may be in memory at a time, for all blobs together.
const LANES: usize = 5;

/// The downloads of one client.
pub(crate) struct Lanes {
    free: Arc<Semaphore>,
    received: AtomicU64,
}

impl Lanes {
    pub(crate) fn new() -> Lanes {
        Lanes { free: Arc::new(Semaphore::new(LANES)), received: AtomicU64::new(0) }
    }

    /// A lane for one part, where one is free.
    pub(crate) fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }

    /// `bytes` more have come.
    pub(crate) fn count(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

/// How fast everything came lately, and whether it was the network that was waited for.
pub(crate) struct Gauge {
    since: Instant,
    received: u64,
    /// How long the network has waited for the reader.
    held_up: Duration,
}

impl Gauge {
    pub(crate) fn new(lanes: &Lanes) -> Gauge {
        Gauge { since: Instant::now(), received: lanes.received(), held_up: Duration::ZERO }
    }

    /// The reader had no room for this long.
    pub(crate) fn held_up(&mut self, by: Duration) {
        self.held_up += by;
    }

    /// Did little come since the last look, for no fault of the reader's? `false` while it is too early to say.
    pub(crate) fn found_slow(&mut self, lanes: &Lanes, settings: &Settings) -> bool {
        if settings.slow_after.is_zero() {
            return true;
        }
        let time = self.since.elapsed();
        if time < settings.slow_after {
            return false;
        }
        let seen = std::mem::replace(self, Gauge::new(lanes));
        let bytes = self.received - seen.received;
        (bytes as f64) < settings.slow_below as f64 * time.as_secs_f64() && seen.held_up < time / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_slow_only_where_little_came_and_the_reader_had_room() {
        let settings =
            Settings { slow_after: Duration::from_secs(1), slow_below: 1000, ..Settings::default() };
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        for (bytes, seconds, held_up, expected) in
            [(1, 0, 0, false), (1, 10, 0, true), (1, 10, 9, false), (1_000_000, 10, 0, false)]
        {
            let lanes = Lanes::new();
            let held_up = Duration::from_secs(held_up);
            let mut gauge = Gauge { since: ago(seconds), held_up, ..Gauge::new(&lanes) };
            lanes.count(bytes);
            assert_eq!(gauge.found_slow(&lanes, &settings), expected, "{bytes} bytes in {seconds} s");
        }
    }

    #[test]
    fn no_more_lanes_are_taken_than_there_are() {
        let lanes = Lanes::new();
        let taken: Vec<_> = std::iter::from_fn(|| lanes.take()).collect();
        assert_eq!(taken.len(), LANES);
        drop(taken);
        assert!(lanes.take().is_some());
    }
}
