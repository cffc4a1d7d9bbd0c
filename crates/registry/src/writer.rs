//! The writers of a repository: a document, a small blob, a stream. Each hashes what it is given, and a registry
//! gets the last of it only when the digest is right.

use crate::pipe::{Pipe, Refused};
use crate::repository::Shared;
use crate::request::{Payload, SILENT};
use crate::retry::Retry;
use crate::upload::{CHUNK, Opened, PipeBody, answer_time, refuses_one_piece};
use crate::{Error, runtime};
use bytes::{Bytes, BytesMut};
use image_format::{
    Algorithm, BlobWriter, Descriptor, DigestHasher, Expected, Failure, MAX_MANIFEST_BYTES, MediaType,
};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// Blobs up to this size are sent again when that is needed; bigger ones pass through.
const SMALL: u64 = 1 << 20;
/// What the socket gets at a time.
const BLOCK: usize = 256 << 10;
/// How long a registry may take nothing.
const STALL: Duration = Duration::from_secs(60);

/// A writer for what is expected.
pub(crate) fn new(shared: Arc<Shared>, expected: Expected, document: bool) -> Box<dyn BlobWriter> {
    let small = matches!(&expected, Expected::Descriptor(descriptor) if descriptor.size <= SMALL);
    let check = Check::new(expected);
    if document || small {
        let most = if document { MAX_MANIFEST_BYTES } else { SMALL };
        return Box::new(Buffered { shared, check, bytes: BytesMut::new(), document, most });
    }
    Box::new(Streaming { shared, check, block: BytesMut::new(), state: State::Idle })
}

/// Hashes and counts.
struct Check {
    expected: Expected,
    hasher: DigestHasher,
    size: u64,
}

impl Check {
    fn new(expected: Expected) -> Check {
        let hasher = DigestHasher::new(algorithm(&expected));
        Check { expected, hasher, size: 0 }
    }

    fn restart(&mut self) {
        *self = Check::new(self.expected.clone());
    }

    fn take(&mut self, bytes: &[u8], object: &str) -> Result<(), Error> {
        self.size += bytes.len() as u64;
        if let Some(length) = self.length()
            && self.size > length
        {
            let problem = format!("more bytes than its descriptor says; expected {length}");
            return Err(Error::integrity(object, problem));
        }
        self.hasher.update(bytes);
        Ok(())
    }

    fn length(&self) -> Option<u64> {
        match &self.expected {
            Expected::Descriptor(descriptor) => Some(descriptor.size),
            Expected::Algorithm(_) => None,
        }
    }

    /// What the bytes are, if they are what they were to be.
    fn finish(&self, object: &str) -> Result<Descriptor, Error> {
        let found = self.hasher.clone().finish();
        match &self.expected {
            Expected::Algorithm(_) => {
                Ok(Descriptor::new(MediaType::from("application/octet-stream"), found, self.size))
            }
            Expected::Descriptor(descriptor) if descriptor.size != self.size => {
                let expected = descriptor.size;
                let problem = format!("fewer bytes than its descriptor says; expected {expected}");
                Err(Error::integrity(object, problem))
            }
            Expected::Descriptor(descriptor) if descriptor.digest != found => {
                Err(Error::integrity(object, format!("the content's digest is {found}")))
            }
            Expected::Descriptor(descriptor) => Ok(descriptor.clone()),
        }
    }
}

fn algorithm(expected: &Expected) -> Algorithm {
    match expected {
        Expected::Descriptor(descriptor) => descriptor.digest.algorithm(),
        Expected::Algorithm(algorithm) => *algorithm,
    }
}

fn object(shared: &Shared, expected: &Expected) -> String {
    match expected {
        Expected::Descriptor(descriptor) => shared.blob_object(&descriptor.digest),
        Expected::Algorithm(_) => format!("{}: a blob", shared.locator()),
    }
}

/// A document or a small blob: kept whole, so that it can be sent as often as needed.
struct Buffered {
    shared: Arc<Shared>,
    check: Check,
    bytes: BytesMut,
    document: bool,
    most: u64,
}

impl Write for Buffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let object = object(&self.shared, &self.check.expected);
        if (self.bytes.len() + bytes.len()) as u64 > self.most {
            let problem = format!("more than {} bytes", self.most);
            return Err(Failure::from(Error::integrity(&object, problem)).into());
        }
        self.check.take(bytes, &object).map_err(Failure::from)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for Buffered {
    fn restart(&mut self) -> Result<(), Failure> {
        self.check.restart();
        self.bytes.clear();
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<Descriptor, Failure> {
        let descriptor = self.check.finish(&object(&self.shared, &self.check.expected))?;
        let (shared, bytes) = (self.shared, self.bytes.freeze());
        if self.document {
            crate::sink::commit_document(&shared, &descriptor, &bytes)?;
            return Ok(descriptor);
        }
        let sent = descriptor.clone();
        runtime::wait(async move { put_small(&shared, &sent, bytes).await })?;
        Ok(descriptor)
    }
}

/// Each attempt has an upload of its own: one that broke may hold a part of the bytes. Opening an upload is retried
/// by itself, and fails for good.
async fn put_small(shared: &Shared, descriptor: &Descriptor, bytes: Bytes) -> Result<(), Error> {
    let object = shared.blob_object(&descriptor.digest);
    let mut retry = Retry::new(&shared.inner.settings);
    loop {
        let chunked = shared.chunked.load(Ordering::Relaxed) && !bytes.is_empty();
        let opened = shared.open_upload(Some(&descriptor.digest), &object).await?;
        let begun = Instant::now();
        let error = match fill(shared, opened, descriptor, bytes.clone(), chunked).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if refuses_one_piece(&error) && !chunked && !bytes.is_empty() {
            shared.chunked.store(true, Ordering::Relaxed);
            continue;
        }
        let again = matches!(&error, Error::Unreachable { .. }) && begun.elapsed() < SILENT
            || matches!(&error, Error::Status { status, .. } if crate::retry::may_pass(*status));
        if !again {
            return Err(error);
        }
        tokio::time::sleep(retry.after(error)?).await;
    }
}

async fn fill(
    shared: &Shared,
    mut opened: Opened,
    descriptor: &Descriptor,
    bytes: Bytes,
    chunked: bool,
) -> Result<(), Error> {
    let mut body = Payload::Bytes(bytes.clone());
    if chunked {
        opened = shared.patch(&opened, &shared.blob_object(&descriptor.digest), 0, bytes).await?;
        body = Payload::Bytes(Bytes::new());
    }
    shared.put_blob(&opened, descriptor, body).await
}

/// A blob that passes through in blocks: in one PUT where its length is known, in one PATCH where it is not, in
/// many where the registry wants that.
struct Streaming {
    shared: Arc<Shared>,
    check: Check,
    /// The last bytes, which are held back until the digest is known to be right.
    block: BytesMut,
    state: State,
}

enum State {
    Idle,
    Piped(Piped),
    Chunked { opened: Opened, sent: u64, size: usize },
}

/// A request whose body comes out of a pipe.
struct Piped {
    pipe: Pipe,
    end: Receiver<Result<Option<Opened>, Error>>,
    task: AbortHandle,
}

impl Streaming {
    fn object(&self) -> String {
        object(&self.shared, &self.check.expected)
    }

    fn start(&mut self) -> Result<(), Error> {
        let (shared, object) = (self.shared.clone(), self.object());
        let digest = match &self.check.expected {
            Expected::Descriptor(descriptor) => Some(descriptor.digest),
            Expected::Algorithm(_) => None,
        };
        let opened = runtime::wait(async move { shared.open_upload(digest.as_ref(), &object).await })?;
        let chunked = self.shared.chunked.load(Ordering::Relaxed) || opened.least_chunk.is_some();
        self.state = if chunked {
            let size = opened.least_chunk.unwrap_or(CHUNK).max(CHUNK);
            State::Chunked { opened, sent: 0, size }
        } else {
            State::Piped(self.pipe(opened)?)
        };
        Ok(())
    }

    fn pipe(&self, opened: Opened) -> Result<Piped, Error> {
        let pipe = Pipe::new();
        let (sender, end) = sync_channel(1);
        let body = PipeBody::payload(pipe.clone(), self.check.length());
        let (shared, expected, object) = (self.shared.clone(), self.check.expected.clone(), self.object());
        let task = runtime::handle()?.spawn(async move {
            let result = match &expected {
                Expected::Descriptor(descriptor) => {
                    shared.put_blob(&opened, descriptor, body).await.map(|()| None)
                }
                Expected::Algorithm(_) => shared.patch_stream(&opened, &object, body).await.map(Some),
            };
            // a writer that is gone has no use for it
            let _ = sender.send(result);
        });
        Ok(Piped { pipe, end, task: task.abort_handle() })
    }

    /// Sends the block. Of the last one this is asked only after the digest was found right.
    fn send_block(&mut self) -> Result<(), Error> {
        if matches!(self.state, State::Idle) {
            self.start()?;
        }
        let object = self.object();
        match &mut self.state {
            State::Idle => Ok(()),
            State::Piped(piped) => {
                let block = std::mem::replace(&mut self.block, BytesMut::with_capacity(BLOCK)).freeze();
                piped.pipe.give(block, STALL).map_err(|refused| {
                    let error = piped.failed(refused, &self.shared);
                    remember_refusal(&self.shared, error, &object)
                })
            }
            State::Chunked { opened, sent, .. } => {
                let chunk = self.block.split().freeze();
                let (shared, was, start) = (self.shared.clone(), opened.clone(), *sent);
                let length = chunk.len() as u64;
                *opened =
                    runtime::wait(async move { patch_chunk(&shared, &was, &object, start, chunk).await })?;
                *sent += length;
                Ok(())
            }
        }
    }

    fn block_size(&self) -> usize {
        match &self.state {
            State::Chunked { size, .. } => *size,
            State::Idle | State::Piped(_) => BLOCK,
        }
    }

    fn close(&mut self, descriptor: &Descriptor) -> Result<(), Error> {
        let object = self.object();
        let state = std::mem::replace(&mut self.state, State::Idle);
        let opened = match state {
            State::Idle => return Err(Error::Failed(format!("{object}: an upload that was never begun"))),
            State::Chunked { opened, .. } => opened,
            State::Piped(piped) => {
                match piped
                    .finish(&self.shared, self.check.size)
                    .map_err(|error| remember_refusal(&self.shared, error, &object))?
                {
                    Some(opened) => opened,
                    None => return Ok(()),
                }
            }
        };
        let (shared, descriptor) = (self.shared.clone(), descriptor.clone());
        runtime::wait(
            async move { shared.put_blob(&opened, &descriptor, Payload::Bytes(Bytes::new())).await },
        )
    }
}

/// Sends a chunk; where that breaks, the rest of it, from where the registry says that it is.
async fn patch_chunk(
    shared: &Shared,
    opened: &Opened,
    object: &str,
    start: u64,
    chunk: Bytes,
) -> Result<Opened, Error> {
    let mut retry = Retry::new(&shared.inner.settings);
    let (mut opened, mut start, mut chunk) = (opened.clone(), start, chunk);
    loop {
        let error = match shared.patch(&opened, object, start, chunk.clone()).await {
            Ok(opened) => return Ok(opened),
            Err(error @ Error::Unreachable { .. }) => error,
            Err(error @ Error::Status { status: 416 | 429 | 500.., .. }) => error,
            Err(error) => return Err(error),
        };
        tokio::time::sleep(retry.after(error)?).await;
        let Some((now, have)) = shared.uploaded(&opened, object).await else { continue };
        opened = now;
        match have.checked_sub(start).and_then(|passed| usize::try_from(passed).ok()) {
            Some(passed) if passed == chunk.len() => return Ok(opened),
            Some(passed) if passed < chunk.len() => (start, chunk) = (have, chunk.slice(passed..)),
            _ => {}
        }
    }
}

/// A registry that refuses a blob in one piece gets the next attempt in chunks; until then this is a failure that
/// may pass.
fn remember_refusal(shared: &Shared, error: Error, object: &str) -> Error {
    if !refuses_one_piece(&error) {
        return error;
    }
    // another blob may have found out at the same time: this one was in one piece all the same
    shared.chunked.store(true, Ordering::Relaxed);
    Error::protocol(object, format!("refused in one piece, to be sent in chunks: {error}"))
}

impl Piped {
    /// Why the request takes no more.
    fn failed(&self, refused: Refused, shared: &Shared) -> Error {
        let host = &shared.host.name;
        if refused == Refused::Stalled {
            self.task.abort();
            let reason = format!("it took no byte of an upload for {} seconds", STALL.as_secs());
            return Error::unreachable(host, reason);
        }
        match self.end.recv_timeout(answer_time(0)) {
            Ok(Err(error)) => error,
            _ => Error::unreachable(host, "the upload ended in the middle"),
        }
    }

    fn finish(self, shared: &Shared, size: u64) -> Result<Option<Opened>, Error> {
        self.pipe.finish(Ok(()));
        if let Err(Refused::Stalled) = self.pipe.drain(STALL) {
            return Err(self.failed(Refused::Stalled, shared));
        }
        let patience = answer_time(size);
        self.end.recv_timeout(patience).unwrap_or_else(|_| {
            let reason = format!("no answer to an upload for {} seconds", patience.as_secs());
            Err(Error::unreachable(&shared.host.name, reason))
        })
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        self.pipe.close();
        self.task.abort();
    }
}

impl Write for Streaming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.block.len() >= BLOCK && matches!(self.state, State::Idle) {
            self.start().map_err(Failure::from)?;
        }
        if self.block.len() >= self.block_size() {
            self.send_block().map_err(Failure::from)?;
        }
        if self.block.capacity() == 0 {
            self.block.reserve(BLOCK);
        }
        let count = bytes.len().min(self.block_size() - self.block.len().min(self.block_size() - 1));
        let object = if self.check.length().is_some() { String::new() } else { self.object() };
        let bytes = &bytes[..count];
        self.check.take(bytes, &object).map_err(|_| {
            let length = self.check.length().unwrap_or_default();
            let problem = format!("more bytes than its descriptor says; expected {length}");
            Failure::from(Error::integrity(&self.object(), problem))
        })?;
        self.block.extend_from_slice(bytes);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for Streaming {
    fn restart(&mut self) -> Result<(), Failure> {
        self.check.restart();
        self.block.clear();
        self.state = State::Idle;
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<Descriptor, Failure> {
        let descriptor = self.check.finish(&self.object())?;
        if self.check.length().is_none() && matches!(self.state, State::Idle) {
            // a blob that turned out to be small
            let (shared, sent, bytes) =
                (self.shared.clone(), descriptor.clone(), self.block.split().freeze());
            runtime::wait(async move { put_small(&shared, &sent, bytes).await })?;
            return Ok(descriptor);
        }
        if !self.block.is_empty() {
            self.send_block()?;
        }
        self.close(&descriptor)?;
        Ok(descriptor)
    }
}
