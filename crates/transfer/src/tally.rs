//! How many bytes a transfer has moved, and how many it will have moved at its end.

use crate::observer::Observer;
use std::sync::atomic::{AtomicU64, Ordering};

/// Threads share it.
pub(crate) struct Tally<'a> {
    observer: &'a dyn Observer,
    expected: AtomicU64,
    moved: AtomicU64,
}

impl<'a> Tally<'a> {
    /// `expected` bytes are to be moved.
    pub(crate) fn new(observer: &'a dyn Observer, expected: u64) -> Tally<'a> {
        observer.expect(expected);
        Tally { observer, expected: AtomicU64::new(expected), moved: AtomicU64::new(0) }
    }

    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    pub(crate) fn stopped(&self) -> bool {
        self.observer.stopped()
    }

    /// What is left of one blob, `bytes` of which were counted among the expected ones.
    pub(crate) fn of_blob(&self, bytes: u64) -> Left<'_> {
        Left { tally: self, bytes }
    }
}

/// What is left to move of one blob.
pub(crate) struct Left<'a> {
    tally: &'a Tally<'a>,
    bytes: u64,
}

impl Left<'_> {
    /// It turns out that `bytes` are left.
    pub(crate) fn is(&mut self, bytes: u64) {
        if bytes != self.bytes {
            let change = bytes.wrapping_sub(self.bytes);
            let before = self.tally.expected.fetch_add(change, Ordering::Relaxed);
            self.tally.observer.expect(before.wrapping_add(change));
            self.bytes = bytes;
        }
    }

    /// `bytes` of them have moved.
    pub(crate) fn move_on(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.tally.moved.fetch_add(bytes, Ordering::Relaxed);
        self.tally.observer.advance(bytes);
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
        let (mut first, mut second) = (tally.of_blob(10), tally.of_blob(20));
        first.move_on(7);
        first.is(10);
        first.move_on(10);
        second.is(0);
        assert_eq!(*heard.0.lock().unwrap(), [30, 37, 17]);
        assert_eq!(tally.moved(), 17);
    }
}
