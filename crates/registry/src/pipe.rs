//! Blocks of bytes between a thread that may wait and a task that must not, in bounded memory.
//!
//! The waiting side is woken for 64 KiB, not for each packet. Little waits: with 768 KiB or 2 MiB, 1 GB over loopback
//! came no faster, and sixteen blobs at a time would hold that much each.

use bytes::Bytes;
use image_format::{Class, Failure};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The task pauses when this many bytes wait.
const HIGH: usize = 256 << 10;
/// A side that paused goes on when no more than this wait.
const LOW: usize = 128 << 10;
/// The reading thread is woken when this many wait.
const WORTH_WAKING: usize = 64 << 10;
/// How long it looks away at most while fewer are there: short at first, so that a small blob is not delayed.
const LOOK_AWAY: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(64));

#[derive(Default)]
struct State {
    queue: VecDeque<Bytes>,
    queued: usize,
    end: Option<Result<(), Failure>>,
    closed: bool,
    task: Option<Waker>,
}

/// Both ends share it; either may close it.
#[derive(Clone, Default)]
pub(crate) struct Pipe(Arc<(Mutex<State>, Condvar)>);

/// A task's end: however the task ends, by a panic too, its reader hears of it.
pub(crate) struct TaskEnd(Pipe);

impl Drop for TaskEnd {
    fn drop(&mut self) {
        self.0.finish(Err(Failure::new(
            Class::Failed,
            "the transfer broke off; this is a mistake in ociutils",
        )));
    }
}

/// The other end is gone.
#[derive(Debug)]
pub(crate) struct Closed;

/// Why a block was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Closed,
    Stalled,
}

impl Pipe {
    pub(crate) fn new() -> Pipe {
        Pipe::default()
    }

    /// To be held by the task that sends; what it says with [`Pipe::finish`] before stands.
    pub(crate) fn task_end(&self) -> TaskEnd {
        TaskEnd(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_thread(&self) {
        self.0.1.notify_one();
    }

    /// The end that calls this takes and gives nothing any more.
    pub(crate) fn close(&self) {
        let task = {
            let mut state = self.state();
            state.closed = true;
            state.queue.clear();
            state.queued = 0;
            state.task.take()
        };
        self.wake_thread();
        task.into_iter().for_each(Waker::wake);
    }

    /// No more blocks come.
    pub(crate) fn finish(&self, end: Result<(), Failure>) {
        let task = {
            let mut state = self.state();
            state.end.get_or_insert(end);
            state.task.take()
        };
        self.wake_thread();
        task.into_iter().for_each(Waker::wake);
    }

    // From the task to the thread: a download.

    /// Waits for room and adds a block.
    pub(crate) async fn send(&self, block: Bytes) -> Result<(), Closed> {
        let mut block = Some(block);
        poll_fn(|context| self.poll_send(context, &mut block)).await
    }

    fn poll_send(&self, context: &Context<'_>, block: &mut Option<Bytes>) -> Poll<Result<(), Closed>> {
        let mut state = self.state();
        if state.closed {
            return Poll::Ready(Err(Closed));
        }
        if state.queued >= HIGH {
            state.task = Some(context.waker().clone());
            return Poll::Pending;
        }
        let before = state.queued;
        if let Some(block) = block.take() {
            state.queued += block.len();
            state.queue.push_back(block);
        }
        let wake = before < WORTH_WAKING && state.queued >= WORTH_WAKING;
        drop(state);
        if wake {
            self.wake_thread();
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for a block; `None` at the end.
    pub(crate) fn receive(&self) -> Result<Option<Bytes>, Failure> {
        let mut state = self.state();
        let (mut pause, mut patient) = (LOOK_AWAY.0, false);
        loop {
            if state.queued >= WORTH_WAKING || state.end.is_some() || !patient {
                if let Some(block) = state.queue.pop_front() {
                    state.queued -= block.len();
                    let task = if state.queued <= LOW { state.task.take() } else { None };
                    drop(state);
                    task.into_iter().for_each(Waker::wake);
                    return Ok(Some(block));
                }
                if let Some(end) = &mut state.end {
                    return std::mem::replace(end, Ok(())).map(|()| None);
                }
            }
            let (guard, timeout) =
                self.0.1.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner);
            state = guard;
            patient = !timeout.timed_out();
            if timeout.timed_out() {
                pause = (pause * 2).min(LOOK_AWAY.1);
            }
        }
    }

    // From the thread to the task: an upload.

    /// Waits for room, while the other end takes something every `patience`, and adds a block.
    pub(crate) fn give(&self, block: Bytes, patience: Duration) -> Result<(), Refused> {
        let mut state = self.state();
        let (mut since, mut left) = (Instant::now(), state.queued);
        while !state.closed && state.queued >= HIGH {
            if state.queued != left {
                (since, left) = (Instant::now(), state.queued);
            }
            let Some(rest) = patience.checked_sub(since.elapsed()) else { return Err(Refused::Stalled) };
            state = self.0.1.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.closed {
            return Err(Refused::Closed);
        }
        state.queued += block.len();
        state.queue.push_back(block);
        let task = state.task.take();
        drop(state);
        task.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Waits until the other end has taken every block, while it takes one every `patience`.
    pub(crate) fn drain(&self, patience: Duration) -> Result<(), Refused> {
        let mut state = self.state();
        let (mut since, mut left) = (Instant::now(), state.queued);
        while !state.closed && state.queued > 0 {
            if state.queued != left {
                (since, left) = (Instant::now(), state.queued);
            }
            let Some(rest) = patience.checked_sub(since.elapsed()) else { return Err(Refused::Stalled) };
            let rest = rest.min(Duration::from_millis(500));
            state = self.0.1.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.closed { Err(Refused::Closed) } else { Ok(()) }
    }

    /// The next block for the task; `None` at the end.
    pub(crate) fn poll_take(&self, context: &Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let mut state = self.state();
        if let Some(block) = state.queue.pop_front() {
            let before = state.queued;
            state.queued -= block.len();
            let wake = state.queued == 0 || (before > LOW && state.queued <= LOW);
            drop(state);
            if wake {
                self.wake_thread();
            }
            return Poll::Ready(Some(Ok(block)));
        }
        if state.closed {
            let gone = Failure::new(Class::Failed, "the upload was given up");
            return Poll::Ready(Some(Err(gone)));
        }
        match &mut state.end {
            Some(end) => Poll::Ready(std::mem::replace(end, Ok(())).err().map(Err)),
            None => {
                state.task = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime;

    #[test]
    fn every_block_arrives_in_order_however_slow_the_reader() {
        let pipe = Pipe::new();
        let sender = pipe.clone();
        let task = runtime::handle().unwrap().spawn(async move {
            for number in 0..200u8 {
                sender.send(Bytes::from(vec![number; 30_000])).await.unwrap();
            }
            sender.finish(Ok(()));
        });
        let mut expected = 0;
        while let Some(block) = pipe.receive().unwrap() {
            assert!(block.iter().all(|byte| *byte == expected));
            expected += 1;
            if expected.is_multiple_of(50) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        assert_eq!(expected, 200);
        drop(task);
    }

    #[test]
    fn a_closed_pipe_takes_nothing_and_a_stalled_one_says_so() {
        let pipe = Pipe::new();
        pipe.give(Bytes::from(vec![0; HIGH]), Duration::ZERO).unwrap();
        let more = || pipe.give(Bytes::from_static(b"x"), Duration::from_millis(20));
        assert_eq!(more().unwrap_err(), Refused::Stalled);
        pipe.close();
        assert_eq!(more().unwrap_err(), Refused::Closed);
    }

    #[test]
    fn the_reader_of_a_task_that_panics_is_told_so() {
        let pipe = Pipe::new();
        let end = pipe.task_end();
        drop(runtime::handle().unwrap().spawn(async move {
            let _end = end;
            panic!("on purpose");
        }));
        assert_eq!(pipe.receive().unwrap_err().class(), Class::Failed);
    }

    #[test]
    fn what_was_sent_before_a_failure_is_read_first() {
        let pipe = Pipe::new();
        pipe.give(Bytes::from_static(b"abc"), Duration::ZERO).unwrap();
        pipe.finish(Err(Failure::new(Class::Unavailable, "gone")));
        assert_eq!(pipe.receive().unwrap().unwrap(), "abc");
        assert_eq!(pipe.receive().unwrap_err().to_string(), "gone");
    }
}
