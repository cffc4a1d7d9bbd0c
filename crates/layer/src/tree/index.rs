//! What a layer's entries are and where their content lies, without the content.

use super::Indexes;
use super::apply::check_count;
use super::index_writer::encode;
use super::stream::{LayerStream, glance, true_cause};
use super::weight::{self, MAX_HELD, check_held};
use crate::entry::{Entry, TarReader};
use crate::failure::of_stream;
use image_format::{Class, Failure, Layer, Observer, Source};
use std::collections::HashMap;
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

/// An index, and what is to be kept of it once its layer is verified: nothing, where that is kept already or nowhere.
pub(crate) struct Index {
    pub(crate) entries: Vec<Indexed>,
    pub(crate) to_keep: Option<Vec<u8>>,
}

/// Makes room for so many bytes, or fails.
pub(crate) type Room<'a> = dyn Fn(usize) -> Result<(), Failure> + 'a;

/// What all layers are indexed with.
#[derive(Clone, Copy)]
pub(crate) struct Indexing<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) layers: &'a [Layer],
    pub(crate) indexes: &'a Indexes,
    pub(crate) verify: Verify,
    pub(crate) observer: &'a dyn Observer,
}

impl Indexing<'_> {
    /// `room` is asked before an entry is kept, and told how many bytes it takes.
    pub(crate) fn index(&self, layer: &Layer, room: &Room<'_>) -> Result<Index, Failure> {
        if let Some(entries) = self.indexes.find(layer, room)? {
            return Ok(Index { entries, to_keep: None });
        }
        let entries = read(self.source, layer, self.verify, self.observer, room)?;
        let mut to_keep = self.indexes.has_place_for(layer).then(|| encode(&entries).ok()).flatten();
        if self.verify == Verify::Now
            && let Some(index) = to_keep.take()
        {
            self.indexes.keep(&layer.diff_id, &index);
        }
        Ok(Index { entries, to_keep })
    }
}

/// The entries of a layer, in their order.
fn read(
    source: &dyn Source,
    layer: &Layer,
    verify: Verify,
    observer: &dyn Observer,
    room: &Room<'_>,
) -> Result<Vec<Indexed>, Failure> {
    if verify == Verify::Later {
        return Ok(entries(glance(source, layer)?, room)?.0);
    }
    let mut stream = LayerStream::open(source, layer, observer)?;
    let (entries, rest) = entries(&mut stream, room)?;
    rest.finish().map_err(of_stream)?;
    stream.finish()?;
    Ok(entries)
}

fn entries<R: BufRead>(tar: R, room: &Room<'_>) -> Result<(Vec<Indexed>, TarReader<R>), Failure> {
    let mut reader = TarReader::new(tar);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().map_err(of_stream)? {
        let indexed = Indexed { entry, offset: reader.offset() };
        room(weight::of_entry(&indexed))?;
        entries.push(indexed);
        check_count(entries.len() as u64)?;
    }
    Ok((entries, reader))
}

/// Indexes all layers, several side by side, and hands them to `take` in their order.
///
/// However many threads there are, what they hold is bounded: by what one layer may have, and as much again for all
/// those behind it.
pub(crate) fn index_all(
    indexing: Indexing<'_>,
    take: impl FnMut(usize, Index) -> Result<(), Failure>,
) -> Result<(), Failure> {
    index_within(MAX_HELD, indexing, take)
}

fn index_within(
    most: usize,
    indexing: Indexing<'_>,
    mut take: impl FnMut(usize, Index) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let layers = indexing.layers;
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(layers.len());
    let board = Board::new(threads, most);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| board.work(indexing));
        }
        let result = (0..layers.len()).try_for_each(|number| {
            indexing.observer.advance(0)?;
            let entries = board.wait_for(number)?;
            take(number, entries)?;
            board.forget(number);
            Ok(())
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
    /// How many bytes of names and metadata a layer may have.
    most: usize,
}

#[derive(Default)]
struct State {
    done: Vec<(usize, Result<Index, Failure>)>,
    /// How many have been taken: threads do not run away from who takes them.
    taken: usize,
    /// How much each layer takes in memory that is being read or waits, and all of them.
    held: HashMap<usize, usize>,
    all_held: usize,
    stopped: bool,
}

impl Board {
    fn new(threads: usize, most: usize) -> Board {
        let (next, state, changed) = (AtomicUsize::new(0), Mutex::default(), Condvar::new());
        Board { next, state, changed, threads, most }
    }

    fn work(&self, indexing: Indexing<'_>) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(layer) = indexing.layers.get(number) else { return };
            if !self.may_begin(number) {
                return;
            }
            let digest = layer.descriptor.digest;
            let result = indexing.index(layer, &|bytes| self.hold(number, bytes));
            let result = result.map_err(|error| {
                true_cause(indexing.source, layer, error).at(format_args!("layer {digest}"))
            });
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

    /// Makes room for so many bytes more of a layer. There is always some for the layer whose turn it is; those behind it
    /// wait.
    fn hold(&self, number: usize, bytes: usize) -> Result<(), Failure> {
        let mut state = self.lock();
        let held = state.held.entry(number).or_default();
        *held += bytes;
        let held = *held;
        state.all_held += bytes;
        check_held(held, self.most)?;
        while state.all_held > self.most && number > state.taken && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stopped { Err(Failure::new(Class::Failed, "stopped")) } else { Ok(()) }
    }

    /// A layer's entries have been taken, and are no longer held here.
    fn forget(&self, number: usize) {
        let mut state = self.lock();
        let held = state.held.remove(&number).unwrap_or_default();
        state.all_held -= held;
        self.changed.notify_all();
    }

    fn wait_for(&self, number: usize) -> Result<Index, Failure> {
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

#[cfg(test)]
mod tests;
