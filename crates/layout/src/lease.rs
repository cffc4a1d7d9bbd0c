//! A lease says that a writer is at work: no blob as new as the lease is collected while it lives.

use crate::layout::Layout;
use crate::storage::{Guard, Storage};
use crate::{Error, path};
use std::time::SystemTime;

/// Keeps every blob that is written or refreshed from now on from being collected, until it is dropped.
///
/// A process that dies leaves a file without a lock behind, which the next collection sweeps.
pub struct Lease {
    _guard: Box<dyn Guard>,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lease")
    }
}

impl Layout {
    /// Takes a lease, and sweeps what dead writers left of blobs that nobody can go on with.
    ///
    /// # Errors
    /// The layout cannot be written.
    pub fn lease(&self) -> Result<Lease, Error> {
        let key = path::fresh(&format!("{}/", path::LEASES));
        let guard = self.storage.mark_alive(&key).map_err(Error::io(self.path().join(key)))?;
        // what cannot be taken away now is left to the next
        let _ = self.sweep_nameless();
        Ok(Lease { _guard: guard })
    }
}

impl Layout {
    fn sweep_nameless(&self) -> std::io::Result<()> {
        let names = self.storage.list(path::INGEST)?;
        let nameless = names.iter().filter(|name| path::is_nameless(name));
        nameless.map(|name| format!("{}/{name}", path::INGEST)).try_for_each(|key| self.storage.bury(&key))
    }
}

/// The start of the oldest writer's work that is still going on; with `sweep`, dead leases are removed.
pub(crate) fn oldest(storage: &dyn Storage, sweep: bool) -> std::io::Result<Option<SystemTime>> {
    let mut oldest: Option<SystemTime> = None;
    for name in storage.list(path::LEASES)? {
        let key = format!("{}/{name}", path::LEASES);
        let Some(stat) = storage.stat(&key)? else { continue };
        if storage.is_alive(&key)? {
            oldest = Some(oldest.map_or(stat.modified, |time| time.min(stat.modified)));
        } else if sweep {
            storage.bury(&key)?;
        }
    }
    Ok(oldest)
}
