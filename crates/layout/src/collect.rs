//! Taking away blobs that no row reaches, while others write (docs/contract.md, "Writers, readers, collections").
//!
//! A blob goes only if no row reaches it and its age, read again under the lock, is older than every live lease and
//! than the grace.

use crate::layout::Layout;
use crate::lease;
use crate::path;
use crate::snapshot::Snapshot;
use crate::storage::{Hold, Version};
use crate::{Error, reach};
use image_format::{Algorithm, Digest, Failure};
use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, SystemTime};

/// How many blobs are deleted while the lock is held once.
const BATCH: usize = 64;
/// How long an unfinished blob is kept for somebody to go on with.
const PARTIAL_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long an upload to a server is: clients go on with one within minutes, or begin anew.
const UPLOAD_KEPT: Duration = Duration::from_secs(60 * 60);

/// What to take away.
#[derive(Clone, Copy, Debug)]
pub struct Collection<'a> {
    /// Only these blobs, or all that no row reaches.
    pub only: Option<&'a BTreeSet<Digest>>,
    /// Younger blobs are left: it shields writers that know no leases.
    pub grace: Duration,
    /// Say what would go, and leave it.
    pub dry_run: bool,
}

/// A blob that was, or would be, taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Collected {
    /// Which.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Blobs that no row reaches and that were left all the same: too young, or a writer may be about to name them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spared {
    /// How many.
    pub blobs: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// How many of them are no older than the work of a writer that lives: it may be about to name them.
    pub leased: u64,
}

impl Spared {
    fn add(&mut self, size: u64, leased: bool) {
        self.blobs += 1;
        self.bytes = self.bytes.saturating_add(size);
        self.leased += u64::from(leased);
    }
}

impl Layout {
    /// Deletes what no row reaches, and hands each blob to `seen`; returns what was left for being young.
    ///
    /// # Errors
    /// A manifest that is here cannot be read, so that nobody knows what it needs ([`image_format::Class::Integrity`]);
    /// the layout cannot be read or written; or the first of `seen`.
    pub fn collect(
        &self,
        collection: &Collection<'_>,
        seen: &mut dyn FnMut(Collected) -> Result<(), Failure>,
    ) -> Result<Spared, Failure> {
        if !collection.dry_run && collection.only.is_none() {
            self.sweep_unfinished()?;
        }
        let (mut done, mut spared, mut leases_are_swept) = (BTreeSet::new(), Spared::default(), false);
        loop {
            let (snapshot, version) = self.read_index()?;
            let candidates = self.unreachable(&snapshot, collection, &done)?;
            let mut batches = candidates.chunks(BATCH).peekable();
            while let Some(batch) = batches.peek() {
                let _lock = self.lock_for(collection)?;
                if !collection.dry_run && !self.is_still(&version)? {
                    break;
                }
                let oldest = self.oldest_lease(collection)?;
                leases_are_swept = true;
                for digest in *batch {
                    done.insert(*digest);
                    match self.take(digest, collection, oldest)? {
                        Taken::Gone(collected) => seen(collected)?,
                        Taken::Young { size, leased } => spared.add(size, leased),
                        Taken::Absent => {}
                    }
                }
                batches.next();
            }
            if batches.peek().is_none() {
                if collection.only.is_none() && !leases_are_swept {
                    self.oldest_lease(collection)?;
                }
                return Ok(spared);
            }
        }
    }

    fn lock_for(&self, collection: &Collection<'_>) -> Result<Option<Box<dyn crate::storage::Guard>>, Error> {
        if collection.dry_run {
            return Ok(None);
        }
        self.lock(Hold::Exclusive).map(Some)
    }

    /// Under the lock: who takes a lease later refreshes what it needs after us.
    fn oldest_lease(&self, collection: &Collection<'_>) -> Result<Option<SystemTime>, Error> {
        let leases = self.path().join(path::LEASES);
        lease::oldest(&*self.storage, !collection.dry_run).map_err(Error::io(leases))
    }

    fn is_still(&self, version: &Version) -> Result<bool, Error> {
        let now = self.storage.version_of(path::INDEX).map_err(Error::io(self.path().join(path::INDEX)))?;
        Ok(now.as_ref() == Some(version))
    }

    fn unreachable(
        &self,
        snapshot: &Snapshot,
        collection: &Collection<'_>,
        done: &BTreeSet<Digest>,
    ) -> Result<Vec<Digest>, Failure> {
        let reached = reach::from_rows(self, snapshot)?;
        let here = match collection.only {
            Some(only) => only.iter().copied().collect(),
            None => self.blobs()?,
        };
        Ok(here.into_iter().filter(|digest| !reached.contains(digest) && !done.contains(digest)).collect())
    }

    /// The digests of all blobs in the layout, reachable or not; files with other names are passed over.
    ///
    /// # Errors
    /// The layout cannot be read.
    pub fn blobs(&self) -> Result<Vec<Digest>, Error> {
        let mut blobs = Vec::new();
        for algorithm in Algorithm::ALL {
            let prefix = format!("{}/{algorithm}", path::BLOBS);
            let names = self.storage.list(&prefix).map_err(Error::io(self.path().join(&prefix)))?;
            blobs.extend(names.iter().filter_map(|hex| format!("{algorithm}:{hex}").parse::<Digest>().ok()));
        }
        blobs.sort_unstable();
        Ok(blobs)
    }

    /// Deletes the blob if it is old enough, under the lock: older than the `oldest` lease.
    fn take(
        &self,
        digest: &Digest,
        collection: &Collection<'_>,
        oldest: Option<SystemTime>,
    ) -> Result<Taken, Failure> {
        let key = path::blob(digest);
        let path = self.path().join(&key);
        let Some(stat) = self.storage.stat(&key).map_err(Error::io(&path))? else { return Ok(Taken::Absent) };
        let shielded =
            SystemTime::now().checked_sub(collection.grace).filter(|_| !collection.grace.is_zero());
        let young = |limit: Option<SystemTime>| limit.is_some_and(|limit| stat.modified >= limit);
        let leased = young(oldest);
        if leased || young(shielded) {
            return Ok(Taken::Young { size: stat.size, leased });
        }
        if !collection.dry_run {
            self.storage.delete(&key).map_err(Error::io(&path))?;
        }
        Ok(Taken::Gone(Collected { digest: *digest, size: stat.size }))
    }

    /// Removes unfinished blobs that nobody writes: nameless ones at once, uploads after an hour, others after a week.
    ///
    /// # Errors
    /// The layout cannot be read or written.
    pub fn sweep_unfinished(&self) -> Result<(), Error> {
        self.sweep_ingest().map_err(Error::io(self.path().join(path::INGEST)))
    }

    fn sweep_ingest(&self) -> io::Result<()> {
        for name in self.storage.list(path::INGEST)? {
            let key = format!("{}/{name}", path::INGEST);
            let Some(stat) = self.storage.stat(&key)? else { continue };
            let age = SystemTime::now().duration_since(stat.modified).unwrap_or_default();
            let expired = match name.split_once('-') {
                Some(("new", _)) => true,
                Some(("upload", _)) => age > UPLOAD_KEPT,
                _ => age > PARTIAL_KEPT,
            };
            if expired {
                self.storage.bury(&key)?;
            }
        }
        Ok(())
    }
}

/// What became of a blob that no row reaches.
enum Taken {
    Gone(Collected),
    /// Its size in bytes, and whether a writer at work has kept it, or else its age alone.
    Young {
        size: u64,
        leased: bool,
    },
    Absent,
}
