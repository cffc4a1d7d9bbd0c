//! What keeps blobs from being collected between their upload, or a HEAD that found them, and the manifest that needs
//! them.
//!
//! A lease keeps what is younger than itself, so one lease for good would keep all garbage since. Leases are changed
//! instead: a request that touches a blob does so under one that is at most an epoch old, and that lives for one more.
//! An upload that takes longer holds its own. A server that nobody writes to holds none.

use layout::{Layout, LayoutSink};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
        if let Some(sink) = self.newest(&self.held()) {
            return Ok(sink);
        }
        // nobody waits for a lease while the disk gives another; of two at once the first is used
        let taken = Arc::new(self.layout.sink()?);
        let mut held = self.held();
        let sink = self.newest(&held).unwrap_or_else(|| {
            held.push((Instant::now(), taken.clone()));
            taken.clone()
        });
        drop(held);
        Ok(sink)
    }

    /// The newest, if it is young enough to be given once more.
    fn newest(&self, held: &[(Instant, Arc<LayoutSink>)]) -> Option<Arc<LayoutSink>> {
        held.last().filter(|(taken, _)| taken.elapsed() < self.epoch).map(|(_, sink)| sink.clone())
    }

    fn held(&self) -> MutexGuard<'_, Vec<(Instant, Arc<LayoutSink>)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of what is older than two epochs. Whoever lets go of a lease last deletes a file.
    pub(crate) fn expire(&self) {
        let mut held = self.held();
        let old = held.iter().take_while(|(taken, _)| taken.elapsed() >= 2 * self.epoch).count();
        let old: Vec<_> = held.drain(..old).collect();
        drop(held);
        drop(old);
    }

    /// Lets go of all: the server ends.
    pub(crate) fn release(&self) {
        let all = std::mem::take(&mut *self.held());
        drop(all);
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
