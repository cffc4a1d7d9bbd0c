//! Which names of a tree a source means: what lies below it, without what is ignored or excluded.

use super::files::{Files, Node};
use super::items::{Item, Items};
use dockerfile::{Ignore, ParentMatches};
use image_format::{Class, Failure, Observer};
use layer::TreePath;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// More names than this no layer may have either.
const MAX_NAMES: usize = 1 << 22;
/// Reading directories is waiting for the system's locks, mostly: more threads would be none the faster.
const MAX_THREADS: usize = 4;

/// What is chosen among the names below a directory; patterns are relative to that directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection<'a> {
    /// `--exclude`.
    pub(crate) exclude: &'a Ignore,
    /// `--parents`: only what one of these matches, and what is below it.
    pub(crate) include: Option<&'a Ignore>,
}

/// What is chosen below the directory `root`, by name in order; on several threads.
///
/// # Errors
/// Something cannot be read; there is too much of it; those of `observer`.
pub(crate) fn select(
    files: &dyn Files,
    root: &TreePath,
    selection: Selection<'_>,
    observer: &dyn Observer,
) -> Result<Items, Failure> {
    let walk = Walk { files, root, selection, observer, state: Mutex::default(), changed: Condvar::new() };
    walk.lock().left.push(Directory::default());
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MAX_THREADS);
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| walk.work());
        }
        walk.work();
    });
    let state = walk.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state.failure {
        Some(failure) => Err(failure),
        None => Ok(settled(state.found)),
    }
}

/// A directory to be listed, and which patterns match it.
#[derive(Default)]
struct Directory {
    /// Relative to the root.
    path: TreePath,
    ignored: ParentMatches,
    excluded: ParentMatches,
    included: ParentMatches,
    /// Whether it, or one above it, is there only if something below it is.
    depends: bool,
}

/// Something that was found, and what it takes to be chosen.
struct Found {
    item: Item,
    /// A directory that is ignored itself: it is in the context only if something below it is.
    is_hidden: bool,
    is_chosen: bool,
}

struct Walk<'a> {
    files: &'a dyn Files,
    root: &'a TreePath,
    selection: Selection<'a>,
    observer: &'a dyn Observer,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    left: Vec<Directory>,
    /// Threads that list a directory, which may have more.
    busy: usize,
    found: Vec<Found>,
    failure: Option<Failure>,
}

impl Walk<'_> {
    fn work(&self) {
        while let Some(directory) = self.next() {
            let listed = self.list(&directory);
            let mut state = self.lock();
            state.busy -= 1;
            match listed {
                Ok((found, below)) => {
                    state.found.extend(found);
                    state.left.extend(below);
                    if state.found.len() > MAX_NAMES {
                        state.failure.get_or_insert_with(|| self.too_many());
                    }
                }
                Err(failure) => drop(state.failure.get_or_insert(failure)),
            }
            drop(state);
            self.changed.notify_all();
        }
    }

    fn next(&self) -> Option<Directory> {
        let mut state = self.lock();
        loop {
            if state.failure.is_some() {
                return None;
            }
            if let Some(directory) = state.left.pop() {
                state.busy += 1;
                return Some(directory);
            }
            if state.busy == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn list(&self, directory: &Directory) -> Result<(Vec<Found>, Vec<Directory>), Failure> {
        self.observer.advance(0)?;
        let (mut found, mut below) = (Vec::new(), Vec::new());
        for (name, node) in self.files.children(&joined(self.root, &directory.path))? {
            self.look_at(directory, &name, node, &mut found, &mut below);
        }
        Ok((found, below))
    }

    fn look_at(
        &self,
        directory: &Directory,
        name: &[u8],
        node: Node,
        found: &mut Vec<Found>,
        below: &mut Vec<Directory>,
    ) {
        let path = directory.path.join(name);
        let ignore = self.files.ignore();
        let in_tree = joined(self.root, &path);
        let (is_ignored, ignored) = ignore.ignores_below(in_tree.as_bytes(), &directory.ignored);
        let is_directory = node.is_directory();
        if is_ignored && !(is_directory && ignore.may_bring_back_below(in_tree.as_bytes())) {
            return;
        }
        let Selection { exclude, include } = self.selection;
        let (is_excluded, excluded) = exclude.ignores_below(path.as_bytes(), &directory.excluded);
        let (is_included, included) = match include {
            Some(include) => include.ignores_below(path.as_bytes(), &directory.included),
            None => (true, ParentMatches::default()),
        };
        let is_chosen = is_included && !is_excluded;
        let depends = directory.depends || is_ignored;
        if is_directory && (depends || self.may_choose_below(&path, is_included, is_excluded)) {
            below.push(Directory { path: path.clone(), ignored, excluded, included, depends });
        }
        if is_directory || is_chosen || depends {
            found.push(Found { item: Item { path, node }, is_hidden: is_ignored, is_chosen });
        }
    }

    /// May something below the directory be chosen?
    fn may_choose_below(&self, path: &TreePath, is_included: bool, is_excluded: bool) -> bool {
        let Selection { exclude, include } = self.selection;
        let some_included =
            is_included || include.is_some_and(|include| include.may_match_below(path.as_bytes()));
        some_included && (!is_excluded || exclude.may_bring_back_below(path.as_bytes()))
    }

    fn too_many(&self) -> Failure {
        let message = format!("{}: more than {MAX_NAMES} files", self.files.name());
        Failure::new(Class::Failed, message)
            .with_hint("a .dockerignore file leaves out what the image does not need")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `below` in the directory `root`.
pub(crate) fn joined(root: &TreePath, below: &TreePath) -> TreePath {
    match (root.is_root(), below.is_root()) {
        (true, _) => below.clone(),
        (_, true) => root.clone(),
        _ => root.join(below.as_bytes()),
    }
}

/// What is chosen of what was found, with the directories above it, in the order of names.
fn settled(mut found: Vec<Found>) -> Items {
    found.sort_unstable_by(|one, other| one.item.path.cmp(&other.item.path));
    if found.iter().any(|found| found.is_hidden) {
        let there = above(found.iter().filter(|found| !found.is_hidden));
        found.retain(|found| !found.is_hidden || there.contains(found.item.path.as_bytes()));
    }
    if found.iter().any(|found| !found.is_chosen) {
        let needed = above(found.iter().filter(|found| found.is_chosen));
        found.retain(|found| found.is_chosen || needed.contains(found.item.path.as_bytes()));
    }
    found.into_iter().map(|found| found.item).collect()
}

/// All directories above.
fn above<'f>(found: impl Iterator<Item = &'f Found>) -> BTreeSet<Vec<u8>> {
    let mut above = BTreeSet::new();
    for found in found {
        let mut path = found.item.path.as_bytes();
        while let Some(slash) = path.iter().rposition(|byte| *byte == b'/') {
            path = &path[..slash];
            if !above.insert(path.to_vec()) {
                break;
            }
        }
    }
    above
}
