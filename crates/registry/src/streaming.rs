//! A big blob on its way to a repository.

use crate::buffered::put_small;
use crate::piped::Piped;
use crate::repository::Shared;
use crate::request::Payload;
use crate::retry::Retry;
use crate::upload::{CHUNK, Opened, refuses_one_piece};
use crate::writer::{object, wrong};
use crate::{Error, runtime};
use bytes::{Bytes, BytesMut};
use image_format::{BlobWriter, Descriptor, Digest, Expected, Failure, Mismatch, Verifier};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What the socket gets at a time.
const BLOCK: usize = 256 << 10;

/// A blob that passes through in blocks: in one PUT where its length is known, in one PATCH where it is not, in
/// many where the registry wants that.
pub(crate) struct Streaming {
    shared: Arc<Shared>,
    verifier: Verifier,
    /// The last bytes, which are held back until the digest is known to be right.
    block: BytesMut,
    state: State,
}

enum State {
    Idle,
    Piped(Piped),
    Chunked { opened: Opened, sent: u64, size: usize },
}

impl Streaming {
    pub(crate) fn new(shared: Arc<Shared>, verifier: Verifier) -> Streaming {
        Streaming { shared, verifier, block: BytesMut::new(), state: State::Idle }
    }

    fn wrong(&self, mismatch: Mismatch) -> Failure {
        wrong(&self.shared, self.verifier.expected(), mismatch).into()
    }

    fn object(&self) -> String {
        object(&self.shared, self.verifier.expected())
    }

    fn start(&mut self) -> Result<(), Error> {
        let (shared, object) = (self.shared.clone(), self.object());
        let digest = match self.verifier.expected() {
            Expected::Descriptor(descriptor) => Some(descriptor.digest),
            Expected::Algorithm(_) => None,
        };
        let opened = runtime::wait(async move { shared.open_upload(digest.as_ref(), &object).await })?;
        let chunked = self.shared.chunked.load(Ordering::Relaxed) || opened.least_chunk.is_some();
        self.state = if chunked {
            let size = opened.least_chunk.unwrap_or(CHUNK).max(CHUNK);
            State::Chunked { opened, sent: 0, size }
        } else {
            State::Piped(Piped::start(&self.shared, self.verifier.expected(), opened)?)
        };
        Ok(())
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
                piped
                    .give(&self.shared, block)
                    .map_err(|error| remember_refusal(&self.shared, error, &object))
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
                    .finish(&self.shared, self.verifier.size())
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
        let bytes = &bytes[..count];
        self.verifier.update(bytes).map_err(|mismatch| self.wrong(mismatch))?;
        self.block.extend_from_slice(bytes);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for Streaming {
    fn restart(&mut self) -> Result<(), Failure> {
        self.verifier.restart();
        self.block.clear();
        self.state = State::Idle;
        Ok(())
    }

    fn so_far(&self) -> (Digest, u64) {
        self.verifier.so_far()
    }

    fn commit(mut self: Box<Self>) -> Result<Descriptor, Failure> {
        let descriptor = self.verifier.finish().map_err(|mismatch| self.wrong(mismatch))?;
        if self.verifier.expected().size().is_none() && matches!(self.state, State::Idle) {
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
