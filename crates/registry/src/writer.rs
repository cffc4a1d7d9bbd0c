//! The writers of a repository: a document or a small blob is kept whole, a bigger one passes through. Each hashes what it
//! is given, and a registry gets the last of it only when the digest is right.

use crate::Error;
use crate::buffered::Buffered;
use crate::repository::Shared;
use crate::streaming::Streaming;
use image_format::{BlobWriter, Expected, MAX_MANIFEST_BYTES, Mismatch, Verifier};
use std::sync::Arc;

/// Blobs up to this size are sent again when that is needed; bigger ones pass through.
const SMALL: u64 = 1 << 20;

/// A writer for what is expected.
pub(crate) fn new(shared: Arc<Shared>, expected: Expected, document: bool) -> Box<dyn BlobWriter> {
    let small = expected.size().is_some_and(|size| size <= SMALL);
    let verifier = Verifier::new(expected);
    match (document, small) {
        (true, _) => Box::new(Buffered::new(shared, verifier, true, MAX_MANIFEST_BYTES)),
        (false, true) => Box::new(Buffered::new(shared, verifier, false, SMALL)),
        (false, false) => Box::new(Streaming::new(shared, verifier)),
    }
}

/// What errors call the blob.
pub(crate) fn object(shared: &Shared, expected: &Expected) -> String {
    match expected {
        Expected::Descriptor(descriptor) => shared.blob_object(&descriptor.digest),
        Expected::Algorithm(_) => format!("{}: a blob", shared.locator()),
    }
}

/// The error of a blob that is not what it was to be.
pub(crate) fn wrong(shared: &Shared, expected: &Expected, mismatch: Mismatch) -> Error {
    Error::integrity(&object(shared, expected), mismatch.to_string())
}
