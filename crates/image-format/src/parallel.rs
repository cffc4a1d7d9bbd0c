//! Work on many things, side by side.

use crate::Failure;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Does `work` on all of `items`, begun in their order, `threads` at a time.
///
/// # Errors
/// The first failure. Nothing new is begun then; what has been begun is waited for.
pub fn in_parallel<T: Sync>(
    items: &[T],
    threads: NonZeroUsize,
    work: impl Fn(&T) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let first = Mutex::new(None);
    let worker = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(failure) = work(item) {
                next.store(items.len(), Ordering::Relaxed);
                first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.get().min(items.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;
    use std::sync::Barrier;

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    #[test]
    fn each_item_is_worked_on_once_and_as_many_at_a_time_as_there_are_threads() {
        let (both, sum) = (Barrier::new(2), AtomicUsize::new(0));
        let worked = in_parallel(&[1, 2, 4, 8], TWO, |item| {
            both.wait();
            sum.fetch_add(*item, Ordering::Relaxed);
            Ok(())
        });
        assert!(worked.is_ok() && sum.into_inner() == 15);
    }

    #[test]
    fn after_a_failure_nothing_is_begun() {
        let begun = Mutex::new(Vec::new());
        let failure = in_parallel(&[1, 2, 3], NonZeroUsize::MIN, |item| {
            begun.lock().unwrap().push(*item);
            if *item == 2 { Err(Failure::new(Class::Failed, "two")) } else { Ok(()) }
        });
        assert_eq!(failure.unwrap_err().to_string(), "two");
        assert_eq!(*begun.lock().unwrap(), [1, 2]);
    }
}
