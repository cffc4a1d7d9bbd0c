//! Reads two stacks of layers side by side; what both begin with is read once.

use super::contents::Contents;
use image_format::{Class, Failure, Layer, Observer, Source, Stack};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, thread};

impl Contents {
    /// The trees that two stacks of layers make, each of its own source.
    ///
    /// # Errors
    /// As [`Contents::add`], for either of them.
    pub fn of_both(
        before: &Stack<'_>,
        after: &Stack<'_>,
        observer: &dyn Observer,
    ) -> Result<(Contents, Contents), Failure> {
        let pairs = before.layers().iter().zip(after.layers());
        let shared = pairs.take_while(|(before, after)| before.diff_id == after.diff_id).count();
        let mut old = Contents::default();
        old.add(before.source(), &before.layers()[..shared], observer)?;
        let mut new = old.clone();
        let both = Both { observer, failed: AtomicBool::new(false) };
        thread::scope(|scope| {
            let other = scope.spawn(|| both.add(&mut new, after.source(), &after.layers()[shared..]));
            let own = both.add(&mut old, before.source(), &before.layers()[shared..]);
            let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match (own, other) {
                // it only stopped because the other failed
                (Err(stopped), Err(failed)) if stopped.class() == Class::Interrupted => Err(failed),
                (own, other) => own.and(other),
            }
        })?;
        Ok((old, new))
    }
}

/// Ends both when one of them has failed.
struct Both<'a> {
    observer: &'a dyn Observer,
    failed: AtomicBool,
}

impl Both<'_> {
    fn add(&self, contents: &mut Contents, source: &dyn Source, layers: &[Layer]) -> Result<(), Failure> {
        let added = contents.add(source, layers, self);
        self.failed.fetch_or(added.is_err(), Ordering::Relaxed);
        added
    }
}

impl Observer for Both<'_> {
    fn advance(&self, bytes: u64) -> Result<(), Failure> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(Failure::new(Class::Interrupted, "the other image cannot be read"));
        }
        self.observer.advance(bytes)
    }

    fn note(&self, note: &dyn fmt::Display) {
        self.observer.note(note);
    }
}
