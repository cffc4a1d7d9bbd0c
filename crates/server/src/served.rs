//! Manifests that were answered by tag a short while ago: a client that asked for a tag then asks for the digest,
//! and must get it although the tag has moved on in between. Only a memory, lost with the process.

use image_format::Digest;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a client has from the tag to the digest.
const KEPT: Duration = Duration::from_secs(10 * 60);
/// More are never remembered: two megabytes.
const MOST: usize = 10_000;

/// Digests of one repository each, and when they were answered.
#[derive(Debug, Default)]
pub(crate) struct Served(Mutex<HashMap<(String, Digest), Instant>>);

impl Served {
    /// Remembers that a tag of the repository `locator` was answered with `digest`.
    pub(crate) fn remember(&self, locator: String, digest: Digest) {
        let mut served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if served.len() >= MOST {
            served.retain(|_, since| since.elapsed() < KEPT);
        }
        if served.len() < MOST {
            served.insert((locator, digest), Instant::now());
        }
    }

    /// Was it answered lately?
    pub(crate) fn remembers(&self, locator: String, digest: Digest) -> bool {
        let served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        served.get(&(locator, digest)).is_some_and(|since| since.elapsed() < KEPT)
    }

    /// What was deleted is not answered again.
    pub(crate) fn forget(&self, locator: String, digest: Digest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(locator, digest));
    }
}
