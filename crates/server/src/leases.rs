//! What keeps blobs from being collected between their upload, or a HEAD that found them, and the manifest that needs
//! them.
//!
//! A lease keeps what is younger than itself, so one lease for good would keep all garbage since. Leases are changed
//! instead: a request that touches a blob does so under one that is at most an epoch old, and that lives for one more.
//! An upload that takes longer holds its own. A server that nobody writes to holds none.

use layout::{Layout, LayoutSink};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The leases that live, the newest last.
#[derive(Debug)]
pub(crate) struct Leases {
    layout: Layout,
    epoch: Duration,
    held: Mutex<Vec<(Instant, Arc<LayoutSink>)>>,
}

impl Leases {
    pub(crate) fn new(layout: Layout, epoch: Duration) -> Leases {
        Leases { layout, epoch, held: Mutex::default() }
    }

    /// A sink whose lease lives for at least an epoch more, or for as long as the sink is held.
    ///
    /// # Errors
    /// The layout cannot be written.
    pub(crate) fn sink(&self) -> Result<Arc<LayoutSink>, layout::Error> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((taken, sink)) = held.last()
            && taken.elapsed() < self.epoch
        {
            return Ok(sink.clone());
        }
        let sink = Arc::new(self.layout.sink()?);
        held.push((Instant::now(), sink.clone()));
        Ok(sink)
    }

    /// Lets go of what is older than two epochs.
    pub(crate) fn expire(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|(taken, _)| taken.elapsed() < 2 * self.epoch);
    }

    /// Lets go of all: the server ends.
    pub(crate) fn release(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How often [`Leases::expire`] is to be called.
    pub(crate) fn pause(&self) -> Duration {
        self.epoch / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use layout::Options;

    #[test]
    fn a_lease_is_shared_for_an_epoch_and_lives_for_two() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(&dir.path().join("layout"), Options::default()).unwrap();
        let epoch = Duration::from_millis(200);
        let leases = Leases::new(layout, epoch);
        let count = || std::fs::read_dir(dir.path().join("layout/.ociutils/leases")).unwrap().count();
        let first = leases.sink().unwrap();
        assert!(Arc::ptr_eq(&first, &leases.sink().unwrap()));
        std::thread::sleep(epoch);
        leases.expire();
        let second = leases.sink().unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        assert_eq!(count(), 2);
        drop(second);
        std::thread::sleep(2 * epoch);
        leases.expire();
        // whoever still writes keeps its own
        assert_eq!(count(), 1);
        drop(first);
        assert_eq!(count(), 0);
    }
}
