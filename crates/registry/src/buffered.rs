//! A document or a small blob on its way to a repository.

use crate::repository::Shared;
use crate::request::{Payload, SILENT};
use crate::retry::Retry;
use crate::upload::{Opened, refuses_one_piece};
use crate::writer::{object, wrong};
use crate::{Error, runtime};
use bytes::{Bytes, BytesMut};
use image_format::{BlobWriter, Descriptor, Digest, Failure, Verifier};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A document or a small blob: kept whole, so that it can be sent as often as needed.
pub(crate) struct Buffered {
    shared: Arc<Shared>,
    verifier: Verifier,
    bytes: BytesMut,
    document: bool,
    most: u64,
}

impl Buffered {
    /// One of at most `most` bytes.
    pub(crate) fn new(shared: Arc<Shared>, verifier: Verifier, document: bool, most: u64) -> Buffered {
        Buffered { shared, verifier, bytes: BytesMut::new(), document, most }
    }
}

impl Write for Buffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + bytes.len()) as u64 > self.most {
            let object = object(&self.shared, self.verifier.expected());
            let problem = format!("more than {} bytes", self.most);
            return Err(Failure::from(Error::integrity(&object, problem)).into());
        }
        self.verifier
            .update(bytes)
            .map_err(|mismatch| Failure::from(wrong(&self.shared, self.verifier.expected(), mismatch)))?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for Buffered {
    fn restart(&mut self) -> Result<(), Failure> {
        self.verifier.restart();
        self.bytes.clear();
        Ok(())
    }

    fn so_far(&self) -> (Digest, u64) {
        self.verifier.so_far()
    }

    fn commit(self: Box<Self>) -> Result<Descriptor, Failure> {
        let descriptor = self
            .verifier
            .finish()
            .map_err(|mismatch| wrong(&self.shared, self.verifier.expected(), mismatch))?;
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
pub(crate) async fn put_small(shared: &Shared, descriptor: &Descriptor, bytes: Bytes) -> Result<(), Error> {
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
