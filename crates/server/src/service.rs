//! What all requests share.

use crate::arriving::ROOM;
use crate::body::Sending;
use crate::catalog::Catalogs;
use crate::documents::Documents;
use crate::error::ApiError;
use crate::leases::Leases;
use crate::serve::Settings;
use crate::served::Served;
use crate::sessions::Sessions;
use image_format::{Descriptor, Digest, MediaType, Sink};
use layout::Layout;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The layout and what is remembered of it. Nothing here is needed after a restart.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) layout: Layout,
    pub(crate) leases: Leases,
    pub(crate) catalogs: Catalogs,
    pub(crate) sessions: Sessions,
    pub(crate) served: Served,
    pub(crate) settings: Settings,
    /// For bodies that are sent.
    pub(crate) sending: Sending,
    pub(crate) documents: Documents,
    /// For bodies that arrive.
    pub(crate) room: Arc<Semaphore>,
}

impl Service {
    pub(crate) fn new(layout: Layout, settings: Settings) -> Service {
        Service {
            leases: Leases::new(layout.clone(), settings.lease),
            catalogs: Catalogs::new(layout.clone()),
            sessions: Sessions::default(),
            served: Served::default(),
            layout,
            settings,
            sending: Sending::default(),
            documents: Documents::default(),
            room: Arc::new(Semaphore::new(ROOM as usize)),
        }
    }

    /// The size of a blob, which is then kept from collection for a while, since who is told of it relies on it.
    ///
    /// # Errors
    /// The layout cannot be read.
    pub(crate) fn refreshed(&self, digest: &Digest) -> Result<Option<u64>, ApiError> {
        let Some(size) = self.layout.size_of(digest)? else { return Ok(None) };
        // nobody collects from a layout that we may not write
        let Ok(sink) = self.leases.sink() else { return Ok(Some(size)) };
        let blob = [Descriptor::new(MediaType::from("application/octet-stream"), *digest, size)];
        let missing = sink.missing(&blob)?;
        Ok(missing.is_empty().then_some(size))
    }
}

/// Does blocking work where it holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ApiError::internal(error)),
    }
}
