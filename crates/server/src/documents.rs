//! Room in memory for manifests and indexes, as they arrive and as they are sent.

use crate::error::ApiError;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many bytes the large ones may have together.
const ROOM: u32 = 32 << 20;
/// Those up to this size wait for nobody: each connection has one at most.
const SMALL: u64 = 64 << 10;

/// The room, shared by all requests.
#[derive(Debug)]
pub(crate) struct Documents(Arc<Semaphore>);

/// A share of the room.
#[derive(Debug)]
pub(crate) struct Share {
    /// A small one needs none.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Default for Documents {
    fn default() -> Documents {
        Documents(Arc::new(Semaphore::new(ROOM as usize)))
    }
}

impl Documents {
    /// Waits until a document of so many bytes has room.
    pub(crate) async fn room(&self, bytes: u64) -> Result<Share, ApiError> {
        if bytes <= SMALL {
            return Ok(Share { _permit: None });
        }
        let weight = u32::try_from(bytes).unwrap_or(ROOM).min(ROOM);
        let permit = self.0.clone().acquire_many_owned(weight).await.map_err(ApiError::internal)?;
        Ok(Share { _permit: Some(permit) })
    }
}

impl Share {
    /// The bytes, which have their share until they are dropped: sent, that is.
    pub(crate) fn hold(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held { bytes, _share: self })
    }
}

struct Held {
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn now(documents: &Documents, bytes: u64) -> Option<Share> {
        match pin!(documents.room(bytes)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(share) => Some(share.unwrap()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn large_documents_wait_for_those_that_are_not_sent_yet_and_small_ones_do_not() {
        let documents = Documents::default();
        let sent = now(&documents, u64::from(ROOM)).unwrap().hold(vec![1, 2]);
        let rest = sent.slice(1..);
        drop(sent);
        assert!(now(&documents, SMALL + 1).is_none());
        assert!(now(&documents, SMALL).is_some());
        drop(rest);
        assert!(now(&documents, SMALL + 1).is_some());
        assert!(
            now(&documents, u64::MAX).is_some(),
            "what is too large has room, and is refused for its size"
        );
    }
}
