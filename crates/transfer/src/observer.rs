//! Who is told how far a transfer is, and asked whether it should go on.

use image_format::Descriptor;

/// Hears of a transfer's progress, from several threads.
pub trait Observer: Sync {
    /// `blobs` blobs of `bytes` bytes together are about to be moved.
    fn begin(&self, blobs: usize, bytes: u64) {
        let _ = (blobs, bytes);
    }

    /// `bytes` more of a blob have arrived, or were there from an earlier attempt.
    fn advance(&self, bytes: u64) {
        let _ = bytes;
    }

    /// This blob is there.
    fn arrived(&self, blob: &Descriptor) {
        let _ = blob;
    }

    /// Should the transfer end now? Asked at every buffer.
    fn stopped(&self) -> bool {
        false
    }
}

/// Hears nothing and never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
