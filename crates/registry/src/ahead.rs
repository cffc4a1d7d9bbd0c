//! Parts of a big blob that are fetched side by side, ahead of its reader. Each is in memory until it is its turn, and
//! holds a lane for as long.

use crate::Error;
use crate::body::Pace;
use crate::content_range::ContentRange;
use crate::repository::Shared;
use crate::transport::Weight;
use bytes::Bytes;
use image_format::Descriptor;
use reqwest::header::{HeaderValue, RANGE};
use reqwest::{Response, StatusCode};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

/// The bytes of one part.
pub(crate) const PART: u64 = 2 << 20;
/// How long the first part may take to begin. The stream that runs meanwhile has to pause for it.
const PROOF: Duration = Duration::from_secs(2);

/// Why a part did not come.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The registry gives no parts, or others than it is asked for.
    #[error("it sent something else than the part of a blob that it was asked for")]
    NoRanges,
    /// It may come another time.
    #[error("{0}")]
    Broke(String),
}

/// The parts of one blob, in order and without a gap; there is at least one.
pub(crate) struct Ahead {
    shared: Arc<Shared>,
    descriptor: Descriptor,
    parts: VecDeque<Part>,
    /// Where the next part will begin.
    next: u64,
}

impl Ahead {
    /// Asks for the parts from `from` on; `None` where no lane is free.
    pub(crate) fn start(shared: &Arc<Shared>, descriptor: &Descriptor, from: u64) -> Option<Ahead> {
        let (shared, descriptor) = (Arc::clone(shared), descriptor.clone());
        let mut ahead = Ahead { shared, descriptor, parts: VecDeque::new(), next: from };
        ahead.fill();
        (!ahead.parts.is_empty()).then_some(ahead)
    }

    /// The first byte that comes this way.
    pub(crate) fn begins_at(&self) -> u64 {
        self.parts.front().map_or(self.next, |part| part.start)
    }

    /// Waits until the registry has shown that it gives parts.
    pub(crate) async fn proven(&mut self) -> Result<(), Fault> {
        let first = self.parts.front_mut().ok_or(Fault::NoRanges)?;
        match tokio::time::timeout(PROOF, first.blocks.recv()).await {
            Ok(Some(begun)) => begun.map(drop),
            Ok(None) | Err(_) => Err(Fault::NoRanges),
        }
    }

    /// Waits for the next block; `None` at the end of the blob.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Fault>> {
        loop {
            let part = self.parts.front_mut()?;
            match part.blocks.recv().await {
                Some(Ok(block)) => {
                    part.left -= block.len() as u64;
                    return Some(Ok(block));
                }
                Some(fault) => return Some(fault),
                None if part.left > 0 => {
                    return Some(Err(Fault::Broke("the connection ended in the middle".to_owned())));
                }
                None => self.go_on(),
            }
        }
    }

    /// The first part is done, and its lane free for another one.
    fn go_on(&mut self) {
        if let Some(done) = self.parts.pop_front() {
            self.ask(done.lane);
            self.fill();
        }
    }

    fn fill(&mut self) {
        while self.next < self.descriptor.size
            && let Some(lane) = self.shared.inner.lanes.take()
        {
            self.ask(lane);
        }
    }

    fn ask(&mut self, lane: OwnedSemaphorePermit) {
        let (start, end) = (self.next, (self.next + PART).min(self.descriptor.size));
        if start == end {
            return;
        }
        self.next = end;
        let (sender, blocks) = unbounded_channel();
        let (shared, descriptor) = (Arc::clone(&self.shared), self.descriptor.clone());
        let task = tokio::spawn(async move {
            if let Err(fault) = fetch(&shared, &descriptor, start..end, &sender).await {
                log::debug!("{}: bytes {start} to {end}: {fault}", descriptor.digest);
                // a download that is gone has no use for it
                let _ = sender.send(Err(fault));
            }
        });
        self.parts.push_back(Part {
            start,
            left: end - start,
            blocks,
            lane,
            _task: Fetching(task.abort_handle()),
        });
    }
}

/// One part on its way: an empty block when the registry has begun, then its bytes.
struct Part {
    start: u64,
    left: u64,
    blocks: UnboundedReceiver<Result<Bytes, Fault>>,
    lane: OwnedSemaphorePermit,
    _task: Fetching,
}

/// A task that ends where nobody waits for it any more.
struct Fetching(AbortHandle);

impl Drop for Fetching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn fetch(
    shared: &Shared,
    descriptor: &Descriptor,
    bytes: Range<u64>,
    sender: &UnboundedSender<Result<Bytes, Fault>>,
) -> Result<(), Fault> {
    let mut response = ask(shared, descriptor, &bytes).await?;
    let mut pace = Pace::new(&shared.inner.settings);
    let mut left = bytes.end - bytes.start;
    let mut block = Bytes::new();
    while sender.send(Ok(block)).is_ok() {
        let Some(came) = pace.next(&mut response).await.map_err(Fault::Broke)? else { break };
        shared.inner.lanes.count(came.len());
        left = left.checked_sub(came.len() as u64).ok_or(Fault::NoRanges)?;
        // what came is a slice of a bigger buffer, and may wait for long
        block = Bytes::copy_from_slice(&came);
    }
    Ok(())
}

/// Asks once for these bytes; a redirect is followed like that of the whole blob.
async fn ask(shared: &Shared, descriptor: &Descriptor, bytes: &Range<u64>) -> Result<Response, Fault> {
    let broke = |error: Error| Fault::Broke(error.to_string());
    let mut request = shared.blob_request(descriptor).await.map_err(broke)?;
    request.weight = Weight::Heavy;
    request.once = true;
    request.headers.insert(RANGE, range(bytes.start, Some(bytes.end)));
    let response = match shared.inner.send(&shared.host, &request).await {
        Ok(response) => response,
        Err(Error::Status { status: 416, .. }) => return Err(Fault::NoRanges),
        Err(error) => return Err(broke(error)),
    };
    let length = response.content_length();
    let right = response.status() == StatusCode::PARTIAL_CONTENT
        && length.is_none_or(|length| length == bytes.end - bytes.start)
        && ContentRange::of(response.headers()).is_some_and(|range| range.is(bytes, descriptor.size));
    if right { Ok(response) } else { Err(Fault::NoRanges) }
}

/// Spec: RFC 9110 §14.1.2.
pub(crate) fn range(start: u64, end: Option<u64>) -> HeaderValue {
    let last = end.map(|end| end.saturating_sub(1).to_string()).unwrap_or_default();
    HeaderValue::try_from(format!("bytes={start}-{last}")).unwrap_or(HeaderValue::from_static("bytes=0-"))
}
