//! What uploads have hashed so far, so that the end of one need not read it again. It may be lost at any time.

use layout::{UploadHash, UploadId};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// More uploads at a time are hashed when they end.
const MOST: usize = 4096;

/// The hashes of uploads between two requests.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<UploadId, UploadHash>>);

impl Sessions {
    pub(crate) fn take(&self, id: UploadId) -> Option<UploadHash> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }

    pub(crate) fn keep(&self, id: UploadId, hash: UploadHash) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MOST {
            sessions.clear();
        }
        sessions.insert(id, hash);
    }
}
