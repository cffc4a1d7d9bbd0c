//! Uploads that a refused mount has opened: they are used, not left behind.

use image_format::Digest;
use reqwest::Url;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Where to send a blob whose mount was answered with 202.
#[derive(Debug, Default)]
pub(crate) struct Mounts(Mutex<HashMap<Digest, Url>>);

impl Mounts {
    pub(crate) fn keep(&self, digest: Digest, upload: Url) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, upload);
    }

    pub(crate) fn take(&self, digest: &Digest) -> Option<Url> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(digest)
    }
}
