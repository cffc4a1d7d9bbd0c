//! Manifests that were sent, until they get their names: a name is given by sending the manifest once more.

use bytes::Bytes;
use image_format::{Descriptor, Digest};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The most bytes that are kept; older ones are asked for again where they are needed.
const MOST_BYTES: usize = 8 << 20;

/// The manifests that were sent last.
#[derive(Debug, Default)]
pub(crate) struct Pushed(Mutex<VecDeque<(Digest, Bytes)>>);

impl Pushed {
    pub(crate) fn keep(&self, manifest: &Descriptor, bytes: Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((manifest.digest, bytes));
        while kept.len() > 1 && kept.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > MOST_BYTES {
            kept.pop_front();
        }
    }

    pub(crate) fn find(&self, digest: &Digest) -> Option<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(other, _)| other == digest).map(|(_, bytes)| bytes.clone())
    }
}
