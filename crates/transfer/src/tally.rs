//! How many bytes a transfer has moved, and how many it will have moved at its end.

use image_format::{Class, Failure, Observer};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Threads share it.
pub(crate) struct Tally<'a> {
    observer: &'a dyn Observer,
    expected: AtomicU64,
    moved: AtomicU64,
    failed: AtomicBool,
}

impl<'a> Tally<'a> {
    /// `expected` bytes are to be moved.
    pub(crate) fn new(observer: &'a dyn Observer, expected: u64) -> Tally<'a> {
        observer.expect(expected);
        let (expected, moved) = (AtomicU64::new(expected), AtomicU64::new(0));
        Tally { observer, expected, moved, failed: AtomicBool::new(false) }
    }

    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// A blob cannot be moved: those that are on their way shall stop. Is it the first?
    pub(crate) fn fail(&self) -> bool {
        !self.failed.swap(true, Ordering::Relaxed)
    }

    /// What is left of one blob, `bytes` of which were counted among the expected ones.
    pub(crate) fn of_blob(&self, bytes: u64) -> Left<'_> {
        Left { tally: self, bytes: AtomicU64::new(bytes) }
    }
}

/// What is left to move of one blob. It observes the blob's transfer.
pub(crate) struct Left<'a> {
    tally: &'a Tally<'a>,
    bytes: AtomicU64,
}

impl Left<'_> {
    /// Shall the transfer go on?
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.advance(0)
    }
}

impl Observer for Left<'_> {
    /// It turns out that `bytes` are left.
    fn expect(&self, bytes: u64) {
        let old = self.bytes.swap(bytes, Ordering::Relaxed);
        if bytes != old {
            let change = bytes.wrapping_sub(old);
            let before = self.tally.expected.fetch_add(change, Ordering::Relaxed);
            self.tally.observer.expect(before.wrapping_add(change));
        }
    }

    fn advance(&self, bytes: u64) -> Result<(), Failure> {
        let left = self.bytes.load(Ordering::Relaxed).saturating_sub(bytes);
        self.bytes.store(left, Ordering::Relaxed);
        self.tally.moved.fetch_add(bytes, Ordering::Relaxed);
        if self.tally.failed.load(Ordering::Relaxed) {
            return Err(Failure::new(Class::Interrupted, "another blob could not be moved"));
        }
        self.tally.observer.advance(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Heard(Mutex<Vec<u64>>);

    impl Observer for Heard {
        fn expect(&self, bytes: u64) {
            self.0.lock().unwrap().push(bytes);
        }
    }

    #[test]
    fn what_is_sent_again_is_expected_again_and_what_is_there_is_not() {
        let heard = Heard::default();
        let tally = Tally::new(&heard, 30);
        let (first, second) = (tally.of_blob(10), tally.of_blob(20));
        first.advance(7).unwrap();
        first.expect(10);
        first.advance(10).unwrap();
        second.expect(0);
        assert_eq!(*heard.0.lock().unwrap(), [30, 37, 17]);
        assert_eq!(tally.moved(), 17);
    }
    #[test]
    fn a_failure_stops_what_is_on_its_way() {
        let heard = Heard::default();
        let tally = Tally::new(&heard, 10);
        let left = tally.of_blob(10);
        assert!(left.check().is_ok());
        assert!(tally.fail() && !tally.fail());
        assert_eq!(left.advance(1).unwrap_err().class(), Class::Interrupted);
    }
}
