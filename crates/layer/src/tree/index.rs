//! What a layer's entries are and where their content lies, without the content.

use super::apply::check_count;
use super::stream::{LayerStream, glance};
use super::{Layer, Observer};
use crate::entry::{Entry, TarReader};
use crate::failure::of_stream;
use image_format::{Failure, Source};
use std::io::BufRead;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

/// An entry, and where in the layer's tar its content begins, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Indexed {
    pub(crate) entry: Entry,
    pub(crate) offset: u64,
}

/// Whether blobs and tars are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verify {
    /// Now, since nobody reads them again.
    Now,
    /// By whoever reads the content.
    Later,
}

/// The entries of a layer, in their order.
fn index(
    source: &dyn Source,
    layer: &Layer,
    verify: Verify,
    observer: &dyn Observer,
) -> Result<Vec<Indexed>, Failure> {
    if verify == Verify::Later {
        return Ok(entries(glance(source, layer)?)?.0);
    }
    let mut stream = LayerStream::open(source, layer, observer)?;
    let (entries, rest) = entries(&mut stream)?;
    rest.finish().map_err(of_stream)?;
    stream.finish()?;
    Ok(entries)
}

fn entries<R: BufRead>(tar: R) -> Result<(Vec<Indexed>, TarReader<R>), Failure> {
    let mut reader = TarReader::new(tar);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().map_err(of_stream)? {
        entries.push(Indexed { entry, offset: reader.offset() });
        check_count(entries.len() as u64)?;
    }
    Ok((entries, reader))
}

/// Indexes all layers, several side by side, and hands them to `take` in their order.
pub(crate) fn index_all(
    source: &dyn Source,
    layers: &[Layer],
    verify: Verify,
    observer: &dyn Observer,
    mut take: impl FnMut(usize, Vec<Indexed>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(layers.len());
    let board =
        Board { next: AtomicUsize::new(0), state: Mutex::default(), changed: Condvar::new(), threads };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| board.work(source, layers, verify, observer));
        }
        let result = (0..layers.len()).try_for_each(|number| {
            observer.advance(0)?;
            let entries = board.wait_for(number)?;
            take(number, entries)
        });
        board.stop();
        result
    })
}

/// What the threads and who waits for them share.
struct Board {
    next: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
    threads: usize,
}

#[derive(Default)]
struct State {
    done: Vec<(usize, Result<Vec<Indexed>, Failure>)>,
    /// How many have been taken: threads do not run away from who takes them.
    taken: usize,
    stopped: bool,
}

impl Board {
    fn work(&self, source: &dyn Source, layers: &[Layer], verify: Verify, observer: &dyn Observer) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(layer) = layers.get(number) else { return };
            if !self.may_begin(number) {
                return;
            }
            let digest = layer.descriptor.digest;
            let result = index(source, layer, verify, observer);
            let result = result.map_err(|error| error.at(format_args!("layer {digest}")));
            self.lock().done.push((number, result));
            self.changed.notify_all();
        }
    }

    /// Waits until not too many are done and not taken; `false` where nobody takes any more.
    fn may_begin(&self, number: usize) -> bool {
        let mut state = self.lock();
        while number > state.taken + self.threads && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopped
    }

    fn wait_for(&self, number: usize) -> Result<Vec<Indexed>, Failure> {
        let mut state = self.lock();
        loop {
            if let Some(at) = state.done.iter().position(|(done, _)| *done == number) {
                state.taken = number + 1;
                self.changed.notify_all();
                return state.done.swap_remove(at).1;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
