//! One upload session: opened, filled in one piece or in chunks, closed under a digest.
//!
//! Spec: distribution-spec, "Pushing blobs".

use crate::Error;
use crate::pipe::Pipe;
use crate::repository::{Shared, digest_of};
use crate::request::{Payload, Request};
use crate::transport::Weight;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use image_format::{Descriptor, Digest, Failure};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE};
use reqwest::{Method, Response, Url};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// How long a registry may think about `size` bytes that it has in full: it hashes and moves them.
pub(crate) fn answer_time(size: u64) -> Duration {
    Duration::from_secs((45 + (size >> 24)).min(300))
}

/// What one PATCH carries, where the registry says nothing else.
pub(crate) const CHUNK: usize = 1 << 20;
/// No larger chunk is held in memory, whatever the registry wants.
const MAX_CHUNK: u64 = 16 << 20;

/// An upload that the registry waits for.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    location: Url,
    /// The least that a PATCH but the last must carry, where the registry says so.
    pub(crate) least_chunk: Option<usize>,
}

/// What a registry did when asked to mount a blob.
pub(crate) enum Mounted {
    Yes,
    /// It wants the bytes, and has opened an upload for them.
    No(Option<Opened>),
}

impl Shared {
    pub(crate) fn blob_object(&self, digest: &Digest) -> String {
        format!("{}@{digest}", self.locator())
    }

    /// Opens an upload, or takes the one that a refused mount has left.
    pub(crate) async fn open_upload(&self, digest: Option<&Digest>, object: &str) -> Result<Opened, Error> {
        let left = digest
            .and_then(|digest| self.opened.lock().unwrap_or_else(PoisonError::into_inner).remove(digest));
        if let Some(opened) = left {
            return Ok(opened);
        }
        let mut request = self.request(Method::POST, "blobs/uploads/", self.push(), object).await?;
        request.body = Payload::Bytes(Bytes::new());
        let response = self.inner.send(&self.host, &request).await?;
        self.opened_by(&request, &response)
    }

    pub(crate) async fn mount(&self, digest: &Digest, from: &str) -> Result<Mounted, Error> {
        let object = self.blob_object(digest);
        let scope = self.push().and_pull(from);
        let mut request = self.request(Method::POST, "blobs/uploads/", scope, &object).await?;
        request.url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", from);
        request.body = Payload::Bytes(Bytes::new());
        let response = self.inner.send(&self.host, &request).await?;
        if response.status() == 201 {
            self.host.is_held(*digest, &self.path);
            return Ok(Mounted::Yes);
        }
        Ok(Mounted::No(self.opened_by(&request, &response).ok()))
    }

    fn opened_by(&self, request: &Request, response: &Response) -> Result<Opened, Error> {
        let status = response.status().as_u16();
        if status != 202 {
            let problem = format!("the registry answered {status} instead of opening an upload");
            return Err(Error::protocol(&request.object, problem));
        }
        let location = self.location(request, response.headers())?;
        let location = location.ok_or_else(|| {
            Error::protocol(&request.object, "the registry opened an upload without a Location")
        })?;
        let least = response.headers().get("oci-chunk-min-length").and_then(|value| value.to_str().ok());
        let least =
            least.and_then(|text| text.trim().parse::<u64>().ok()).filter(|least| *least <= MAX_CHUNK);
        Ok(Opened { location, least_chunk: least.and_then(|least| usize::try_from(least).ok()) })
    }

    fn location(&self, request: &Request, headers: &HeaderMap) -> Result<Option<Url>, Error> {
        let Some(location) = headers.get(LOCATION) else { return Ok(None) };
        let wrong = || Error::protocol(&request.object, "the registry's upload Location is not a URL");
        self.inner.linked(request, location.to_str().map_err(|_| wrong())?, "upload Location").map(Some)
    }

    /// A request to the upload's own URL. The credential goes along only where that is the registry's.
    fn to_upload(&self, method: Method, opened: &Opened, object: &str) -> Request {
        let mut request = Request::new(method, opened.location.clone(), self.push(), object);
        let kind = HeaderValue::from_static("application/octet-stream");
        request.headers.insert(CONTENT_TYPE, kind);
        request.timeout = Some(answer_time(0));
        request.once = true;
        request
    }

    /// Sends the whole blob and closes the upload.
    pub(crate) async fn put_blob(
        &self,
        opened: &Opened,
        descriptor: &Descriptor,
        body: Payload,
    ) -> Result<(), Error> {
        let object = self.blob_object(&descriptor.digest);
        let mut request = self.to_upload(Method::PUT, opened, &object);
        request.url.query_pairs_mut().append_pair("digest", &descriptor.digest.to_string());
        if matches!(body, Payload::Stream(_)) {
            request.weight = Weight::Heavy;
        }
        request.timeout = Some(answer_time(descriptor.size));
        request.body = body;
        let response = self.inner.send(&self.host, &request).await?;
        stored(&response, &descriptor.digest, &object)?;
        self.host.is_held(descriptor.digest, &self.path);
        Ok(())
    }

    /// Sends bytes of unknown number as they come, without closing the upload.
    pub(crate) async fn patch_stream(
        &self,
        opened: &Opened,
        object: &str,
        body: Payload,
    ) -> Result<Opened, Error> {
        let mut request = self.to_upload(Method::PATCH, opened, object);
        request.weight = Weight::Heavy;
        request.body = body;
        let response = self.inner.send(&self.host, &request).await?;
        self.patched(&request, opened, &response)
    }

    /// Sends one chunk, which begins at byte `start` of the blob.
    pub(crate) async fn patch(
        &self,
        opened: &Opened,
        object: &str,
        start: u64,
        chunk: Bytes,
    ) -> Result<Opened, Error> {
        let end = start + chunk.len() as u64;
        let mut request = self.to_upload(Method::PATCH, opened, object);
        let range = format!("{start}-{}", end - 1);
        if let Ok(range) = HeaderValue::try_from(range) {
            request.headers.insert(CONTENT_RANGE, range);
        }
        request.body = Payload::Bytes(chunk);
        let response = self.inner.send(&self.host, &request).await?;
        let said = response.headers().get(RANGE).and_then(|value| value.to_str().ok());
        let last =
            said.and_then(|text| text.rsplit_once('-')).and_then(|(_, last)| last.trim().parse::<u64>().ok());
        if last.is_some_and(|last| last.checked_add(1) != Some(end)) {
            let problem = format!("the registry says it has {} of {end} bytes", said.unwrap_or_default());
            return Err(Error::protocol(object, crate::error::escape(&problem)));
        }
        self.patched(&request, opened, &response)
    }

    /// How many bytes of an upload the registry has, and where it goes on; `None` where it does not say.
    ///
    /// Spec: distribution-spec, "Pushing a blob in chunks", on resuming.
    pub(crate) async fn uploaded(&self, opened: &Opened, object: &str) -> Option<(Opened, u64)> {
        let mut request = self.to_upload(Method::GET, opened, object);
        request.headers.remove(CONTENT_TYPE);
        let response = self.inner.send(&self.host, &request).await.ok()?;
        let range = response.headers().get(RANGE)?.to_str().ok()?;
        let last: u64 = range.rsplit_once('-')?.1.trim().parse().ok()?;
        Some((self.patched(&request, opened, &response).ok()?, last.checked_add(1)?))
    }

    fn patched(&self, request: &Request, opened: &Opened, response: &Response) -> Result<Opened, Error> {
        let location = self.location(request, response.headers())?.unwrap_or_else(|| opened.location.clone());
        Ok(Opened { location, ..opened.clone() })
    }
}

/// Has the registry stored what was sent?
pub(crate) fn stored(response: &Response, digest: &Digest, object: &str) -> Result<(), Error> {
    if response.status() != 201 && response.status() != 204 {
        let status = response.status().as_u16();
        return Err(Error::protocol(object, format!("the registry answered {status} instead of storing it")));
    }
    match digest_of(response.headers()) {
        Some(other) if other.algorithm() == digest.algorithm() && other != *digest => {
            Err(Error::integrity(object, format!("the registry stored something else: {other}")))
        }
        _ => Ok(()),
    }
}

/// Did the registry refuse the form of an upload rather than its content?
pub(crate) fn refuses_one_piece(error: &Error) -> bool {
    matches!(error, Error::Status { status: 405 | 411 | 413 | 415 | 416 | 501, .. })
}

/// The body of an upload: what a thread gives to a pipe.
pub(crate) struct PipeBody {
    pipe: Pipe,
    left: Option<u64>,
}

impl PipeBody {
    pub(crate) fn payload(pipe: Pipe, length: Option<u64>) -> Payload {
        let body = reqwest::Body::wrap(PipeBody { pipe, left: length });
        Payload::Stream(Mutex::new(Some(body)))
    }
}

impl Body for PipeBody {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let block = std::task::ready!(self.pipe.poll_take(context));
        if let (Some(left), Some(Ok(block))) = (&mut self.left, &block) {
            *left = left.saturating_sub(block.len() as u64);
        }
        Poll::Ready(block.map(|block| block.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for PipeBody {
    fn drop(&mut self) {
        self.pipe.close();
    }
}
