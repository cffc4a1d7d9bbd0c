//! The index as it is now, parsed once for as long as it stays the same: for a process that looks at it all the time.

use crate::layout::Layout;
use crate::snapshot::Snapshot;
use crate::storage::Version;
use crate::{Error, path};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// A file that changed so lately might change again without a change of its times.
const SETTLED: Duration = Duration::from_millis(50);

/// Gives the snapshot of a layout, and reads the index only where it has changed.
#[derive(Debug)]
pub struct Latest {
    layout: Layout,
    known: Mutex<Option<(Version, Arc<Snapshot>)>>,
}

impl Latest {
    /// Knows nothing yet.
    pub fn new(layout: Layout) -> Latest {
        Latest { layout, known: Mutex::default() }
    }

    /// `index.json` as it is now: the same snapshot as before if it is still the same file.
    ///
    /// # Errors
    /// It is missing or broken.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, Error> {
        let path = self.layout.path().join(path::INDEX);
        let version = self.layout.storage.version_of(path::INDEX).map_err(Error::io(&path))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(version), Some((old, snapshot))) = (&version, &*known)
            && version == old
        {
            return Ok(snapshot.clone());
        }
        let (snapshot, version) = self.layout.read_index()?;
        let snapshot = Arc::new(snapshot);
        let stat = self.layout.storage.stat(path::INDEX).map_err(Error::io(&path))?;
        let settled =
            |time: SystemTime| SystemTime::now().duration_since(time).is_ok_and(|age| age > SETTLED);
        *known = stat.is_some_and(|stat| settled(stat.modified)).then(|| (version, snapshot.clone()));
        Ok(snapshot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    #[test]
    fn the_same_file_is_parsed_once_and_a_new_one_is_seen_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("layout");
        let layout = Layout::create(&path, Options::default()).unwrap();
        let latest = Latest::new(layout);
        std::thread::sleep(2 * SETTLED);
        let first = latest.snapshot().unwrap();
        assert!(Arc::ptr_eq(&first, &latest.snapshot().unwrap()));
        std::fs::write(path.join("index.json"), r#"{"schemaVersion":2,"manifests":[{}]}"#).unwrap();
        assert_eq!(latest.snapshot().unwrap().rows().count(), 1);
        std::fs::write(path.join("index.json"), r#"{"schemaVersion":2,"manifests":[[]]}"#).unwrap();
        assert_eq!(latest.snapshot().unwrap().row(0).json, "[]");
    }
}
