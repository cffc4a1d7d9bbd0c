//! Who is told how far a transfer is, and asked whether it should go on.

/// Hears of a transfer's progress, from several threads.
pub trait Observer: Sync {
    /// `bytes` bytes are to be moved altogether. Said again where it turns out to be another number: a blob has to be
    /// sent again, or need not be sent at all.
    fn expect(&self, bytes: u64) {
        let _ = bytes;
    }

    /// `bytes` more have moved.
    fn advance(&self, bytes: u64) {
        let _ = bytes;
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
