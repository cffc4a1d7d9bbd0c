//! Manifests in memory: those read or stored lately, and which tag a digest was found under.

use bytes::Bytes;
use image_format::{Digest, MAX_MANIFEST_BYTES};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A few megabytes of manifests, oldest first.
#[derive(Default)]
pub(crate) struct Manifests(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    kept: VecDeque<(Digest, Bytes)>,
    tags: HashMap<Digest, String>,
}

impl Manifests {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, digest: &Digest) -> Option<Bytes> {
        let memory = self.memory();
        memory.kept.iter().find(|(other, _)| other == digest).map(|(_, bytes)| bytes.clone())
    }

    /// Keeps a verified manifest for as long as there is room.
    pub(crate) fn keep(&self, digest: Digest, bytes: Bytes) {
        let mut memory = self.memory();
        if memory.kept.iter().any(|(other, _)| *other == digest) {
            return;
        }
        memory.kept.push_back((digest, bytes));
        let total =
            |kept: &VecDeque<(Digest, Bytes)>| kept.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
        while memory.kept.len() > 1 && total(&memory.kept) > MAX_MANIFEST_BYTES {
            memory.kept.pop_front();
        }
    }

    /// A HEAD of `tag` said that this is what it stands for.
    pub(crate) fn was_said(&self, digest: Digest, tag: String) {
        self.memory().tags.insert(digest, tag);
    }

    pub(crate) fn said_of(&self, digest: &Digest) -> Option<String> {
        self.memory().tags.get(digest).cloned()
    }
}
