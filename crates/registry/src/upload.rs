//! A blob on its way to a registry: in one request where its length is known, else in chunks.
//!
//! Spec: distribution-spec, "Pushing blobs".

use crate::auth::Scope;
use crate::pipe::{Pipe, Refused};
use crate::repository::Repository;
use crate::request::{Payload, Request};
use crate::transport::Weight;
use crate::{Error, runtime};
use bytes::{Bytes, BytesMut};
use image_format::{BlobWriter, Class, Descriptor, Digest, DigestHasher, Expected, Failure, MediaType};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;

/// How much is handed to the network thread at a time.
const BLOCK_BYTES: usize = 256 << 10;
/// How long a chunk is unless the registry wants longer ones.
const CHUNK_BYTES: usize = 4 << 20;
/// Longer chunks are not held in memory, whatever the registry asks for.
const MOST_CHUNK_BYTES: usize = 16 << 20;
/// How long a registry may think about a whole blob before it answers.
const VERIFY_TIME: Duration = Duration::from_secs(240);
const CHUNK_MIN_LENGTH: &str = "oci-chunk-min-length";

/// Sends one blob.
pub(crate) struct Upload {
    repository: Repository,
    expected: Expected,
    state: State,
    written: u64,
}

enum State {
    /// Nothing is sent before there is something to send.
    Waiting,
    Streaming(Stream),
    Chunked(Box<Chunks>),
    Ended,
}

/// One PUT whose body is under way.
struct Stream {
    pipe: Pipe,
    block: BytesMut,
    answer: oneshot::Receiver<Result<(), Error>>,
}

/// PATCH after PATCH.
struct Chunks {
    url: Url,
    buffer: BytesMut,
    length: usize,
    sent: u64,
    hasher: DigestHasher,
}

impl Upload {
    pub(crate) fn new(repository: Repository, expected: Expected) -> Upload {
        Upload { repository, expected, state: State::Waiting, written: 0 }
    }

    fn descriptor(&self) -> Option<&Descriptor> {
        match &self.expected {
            Expected::Descriptor(descriptor) => Some(descriptor),
            Expected::Algorithm(_) => None,
        }
    }

    /// Opens an upload, and with it learns whether we may write at all: never from the PUT itself.
    fn begin(&mut self) -> Result<(), Error> {
        let whole = self.descriptor().filter(|_| !self.repository.host.wants_chunks.load(Ordering::Relaxed));
        self.state = match whole.cloned() {
            Some(descriptor) => State::Streaming(self.stream(descriptor)?),
            None => State::Chunked(Box::new(self.chunks()?)),
        };
        Ok(())
    }

    fn stream(&self, descriptor: Descriptor) -> Result<Stream, Error> {
        let (pipe, (sender, answer)) = (Pipe::new(), oneshot::channel());
        let (repository, body) = (self.repository.clone(), pipe.clone());
        let url = runtime::wait({
            let repository = repository.clone();
            async move { Ok(repository.open_upload(Some(descriptor.digest)).await?.0) }
        })?;
        let size = descriptor.size;
        let digest = descriptor.digest;
        runtime::handle()?.spawn(async move {
            let result = repository.put_whole(url, digest, size, &body).await;
            body.close();
            // a writer that was dropped has no use for the answer
            let _ = sender.send(result);
        });
        Ok(Stream { pipe, block: BytesMut::with_capacity(BLOCK_BYTES), answer })
    }

    fn chunks(&self) -> Result<Chunks, Error> {
        let repository = self.repository.clone();
        let digest = self.descriptor().map(|descriptor| descriptor.digest);
        let (url, least) = runtime::wait(async move { repository.open_upload(digest).await })?;
        let algorithm = match &self.expected {
            Expected::Descriptor(descriptor) => descriptor.digest.algorithm(),
            Expected::Algorithm(algorithm) => *algorithm,
        };
        let length = CHUNK_BYTES.max(least).min(MOST_CHUNK_BYTES);
        Ok(Chunks { url, buffer: BytesMut::new(), length, sent: 0, hasher: DigestHasher::new(algorithm) })
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if matches!(self.state, State::Waiting) {
            self.begin()?;
        }
        match &mut self.state {
            State::Streaming(stream) => {
                stream.block.extend_from_slice(bytes);
                if stream.block.len() >= BLOCK_BYTES {
                    stream.hand_on(&self.repository)?;
                }
            }
            State::Chunked(chunks) => {
                chunks.hasher.update(bytes);
                chunks.buffer.extend_from_slice(bytes);
                while chunks.buffer.len() >= chunks.length {
                    chunks.send_chunk(&self.repository)?;
                }
            }
            State::Waiting | State::Ended => {
                return Err(Failure::new(Class::Failed, "the upload has ended"));
            }
        }
        Ok(())
    }
}

impl Stream {
    /// Gives the block to the network thread; where that has ended, its answer says why.
    fn hand_on(&mut self, repository: &Repository) -> Result<(), Failure> {
        let block = self.block.split().freeze();
        self.block.reserve(BLOCK_BYTES);
        let patience = repository.client.settings.read_timeout;
        match self.pipe.give(block, patience) {
            Ok(()) => Ok(()),
            Err(Refused::Closed) => Err(self.refusal(repository)),
            Err(Refused::Stalled) => Err(stalled(repository)),
        }
    }

    fn refusal(&mut self, repository: &Repository) -> Failure {
        let (_, none) = oneshot::channel();
        let answer = std::mem::replace(&mut self.answer, none);
        match answer.blocking_recv() {
            Ok(Err(error)) => error.into(),
            _ => Error::unreachable(&repository.host.name, "it ended the upload in the middle").into(),
        }
    }

    fn finish(mut self, repository: &Repository) -> Result<(), Failure> {
        if !self.block.is_empty() {
            self.hand_on(repository)?;
        }
        self.pipe.finish(Ok(()));
        match self.pipe.drain(repository.client.settings.read_timeout) {
            Ok(()) | Err(Refused::Closed) => {}
            Err(Refused::Stalled) => return Err(stalled(repository)),
        }
        let answer = std::mem::replace(&mut self.answer, oneshot::channel().1);
        match answer.blocking_recv() {
            Ok(result) => Ok(result?),
            Err(_) => Err(Error::Failed("the network thread ended".to_owned()).into()),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.pipe.close();
    }
}

fn stalled(repository: &Repository) -> Failure {
    let seconds = repository.client.settings.read_timeout.as_secs();
    Error::unreachable(&repository.host.name, format!("it took no byte for {seconds} seconds")).into()
}

impl Chunks {
    fn send_chunk(&mut self, repository: &Repository) -> Result<(), Error> {
        let chunk = self.buffer.split_to(self.buffer.len().min(self.length)).freeze();
        let (first, length) = (self.sent, chunk.len() as u64);
        let (repository, url) = (repository.clone(), self.url.clone());
        self.url = runtime::wait(async move { repository.patch(url, first, chunk).await })?;
        self.sent += length;
        Ok(())
    }

    fn finish(mut self, repository: &Repository, expected: &Expected) -> Result<Digest, Failure> {
        while !self.buffer.is_empty() {
            self.send_chunk(repository)?;
        }
        let found = self.hasher.finish();
        if let Expected::Descriptor(descriptor) = expected
            && descriptor.digest != found
        {
            let digest = descriptor.digest;
            return Err(Failure::new(Class::Integrity, format!("{digest}: the content's digest is {found}")));
        }
        let (repository, url) = (repository.clone(), self.url);
        runtime::wait(async move { repository.close_upload(url, found).await })?;
        Ok(found)
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written += bytes.len() as u64;
        if let Some(descriptor) = self.descriptor()
            && self.written > descriptor.size
        {
            let (digest, size) = (descriptor.digest, descriptor.size);
            let message = format!("{digest}: more bytes than its descriptor says; expected {size}");
            self.state = State::Ended;
            return Err(Failure::new(Class::Integrity, message).into());
        }
        self.take(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for Upload {
    fn restart(&mut self) -> Result<(), Failure> {
        (self.state, self.written) = (State::Waiting, 0);
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<Descriptor, Failure> {
        if let Some(descriptor) = self.descriptor()
            && self.written < descriptor.size
        {
            let (digest, size, written) = (descriptor.digest, descriptor.size, self.written);
            let message = format!("{digest}: ended after {written} bytes; expected {size}");
            return Err(Failure::new(Class::Integrity, message));
        }
        if matches!(self.state, State::Waiting) {
            self.begin()?;
        }
        let found = match std::mem::replace(&mut self.state, State::Ended) {
            State::Streaming(stream) => {
                stream.finish(&self.repository)?;
                None
            }
            State::Chunked(chunks) => Some(chunks.finish(&self.repository, &self.expected)?),
            State::Waiting | State::Ended => return Err(Failure::new(Class::Failed, "the upload has ended")),
        };
        match (self.expected, found) {
            (Expected::Descriptor(descriptor), _) => Ok(descriptor),
            (Expected::Algorithm(_), Some(digest)) => {
                Ok(Descriptor::new(MediaType::from("application/octet-stream"), digest, self.written))
            }
            (Expected::Algorithm(_), None) => Err(Failure::new(Class::Failed, "the upload has no digest")),
        }
    }
}

impl Repository {
    /// Where to send a blob, and how long its chunks have to be at least. An upload that a mount has opened is used.
    async fn open_upload(&self, digest: Option<Digest>) -> Result<(Url, usize), Error> {
        if let Some(url) = digest.and_then(|digest| self.mounts.take(&digest)) {
            return Ok((url, 0));
        }
        let url = self.client.url(&self.host, &format!("{}/blobs/uploads/", self.path)).await?;
        let request = Request::new(Method::POST, url, self.push_scope(), &self.upload_object(digest));
        let response = self.client.send(&self.host, &request).await?;
        let least = response.headers().get(CHUNK_MIN_LENGTH).and_then(|value| value.to_str().ok());
        let least = least.and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok((self.location(&request, &response)?, least))
    }

    async fn put_whole(&self, url: Url, digest: Digest, size: u64, body: &Pipe) -> Result<(), Error> {
        let url = with_digest(url, &digest);
        let mut request =
            Request::new(Method::PUT, url, self.push_scope(), &self.upload_object(Some(digest)));
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        request.headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
        request.weight = Weight::Heavy;
        let stream = reqwest::Body::wrap(PipeBody { pipe: body.clone(), left: size });
        request.body = Payload::Stream(Mutex::new(Some(stream)));
        let sent = self.client.send(&self.host, &request);
        match tokio::time::timeout(VERIFY_TIME.max(time_for(size)), sent).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if matches!(error.status(), Some(405 | 411 | 413 | 501)) => {
                self.host.wants_chunks.store(true, Ordering::Relaxed);
                Err(Error::unreachable(&self.host.name, format!("it takes blobs in chunks only: {error}")))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::unreachable(&self.host.name, "no answer to a blob that was sent")),
        }
    }

    async fn patch(&self, url: Url, first: u64, chunk: Bytes) -> Result<Url, Error> {
        let mut request = Request::new(Method::PATCH, url, self.push_scope(), &self.upload_object(None));
        let range = format!("{first}-{}", first + chunk.len() as u64 - 1);
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        request.headers.extend(HeaderValue::from_str(&range).ok().map(|range| (CONTENT_RANGE, range)));
        request.body = Payload::Bytes(chunk);
        request.timeout = Some(VERIFY_TIME);
        let response = self.client.send(&self.host, &request).await?;
        self.location(&request, &response)
    }

    async fn close_upload(&self, url: Url, digest: Digest) -> Result<(), Error> {
        let url = with_digest(url, &digest);
        let mut request =
            Request::new(Method::PUT, url, self.push_scope(), &self.upload_object(Some(digest)));
        request.headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        request.timeout = Some(VERIFY_TIME);
        self.client.send(&self.host, &request).await.map(drop)
    }

    fn push_scope(&self) -> Scope {
        Scope::new(&self.path, "pull,push")
    }

    fn upload_object(&self, digest: Option<Digest>) -> String {
        match digest {
            Some(digest) => self.object(&digest.to_string()),
            None => format!("{}/{}", self.host.name, self.path),
        }
    }
}

/// Sending at 64 KiB a second is slow, but no reason to give up.
fn time_for(size: u64) -> Duration {
    Duration::from_secs(size >> 16)
}

fn with_digest(mut url: Url, digest: &Digest) -> Url {
    url.query_pairs_mut().append_pair("digest", &digest.to_string());
    url
}

/// A request's body that is read from a pipe.
struct PipeBody {
    pipe: Pipe,
    left: u64,
}

impl http_body::Body for PipeBody {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Failure>>> {
        self.pipe.poll_take(context).map(|block| {
            block.map(|block| {
                let block = block?;
                self.left = self.left.saturating_sub(block.len() as u64);
                Ok(http_body::Frame::data(block))
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.left)
    }
}
