//! What must be done to one tree to make it another: a layer, before it is written.

use super::TreePath;
use super::snapshot::{Item, Snapshot};
use crate::entry::{Kind, Metadata, Time};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a layer does to one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Added,
    /// It was there and is another: its content, what it is, or what goes with it.
    Modified,
    /// It is gone, with all that was below it.
    Removed,
    /// A directory that has not changed, but something in it has: a layer names it all the same.
    Parent,
    /// Nothing of the layers below shows in this directory.
    Opaque,
}

/// The changes from one tree to another, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(pub(crate) BTreeMap<TreePath, Vec<Change>>);

impl Changes {
    /// All changes in the order of names; a directory may be changed and opaque.
    pub fn iter(&self) -> impl Iterator<Item = (&TreePath, Change)> {
        self.0.iter().flat_map(|(path, changes)| changes.iter().map(move |change| (path, *change)))
    }

    /// Is nothing changed?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes the files of `upper`, the outcome, have that are added or modified; those of several names once.
    pub fn size(&self, upper: &Snapshot) -> u64 {
        let mut seen = BTreeSet::new();
        let files = self.iter().filter(|(_, change)| matches!(change, Change::Added | Change::Modified));
        let items = files.filter_map(|(path, _)| upper.get(path));
        let once = items.filter(|item| item.links < 2 || seen.insert(item.inode));
        let size = |item: &Item| if let Kind::File { size, .. } = item.kind { size } else { 0 };
        once.map(size).sum()
    }

    fn add(&mut self, path: &TreePath, change: Change) {
        self.0.entry(path.clone()).or_default().push(change);
    }

    /// The directories above each change.
    fn add_parents(&mut self, lower: &Snapshot) {
        let mut parents = BTreeSet::new();
        for path in self.0.keys() {
            let mut path = path.clone();
            while let Some((parent, _)) = path.split() {
                if !parents.insert(parent.clone()) {
                    break;
                }
                path = parent;
            }
        }
        for parent in parents {
            // whose root no layer describes has the one that its next reader gives it
            let is_nobodys = parent.is_root() && !lower.get(&parent).is_some_and(|item| item.described);
            if !is_nobodys && !self.0.contains_key(&parent) {
                self.add(&parent, Change::Parent);
            }
        }
    }
}

/// What is known of how a directory became what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpacking {
    /// When it was done, as the file system saw it.
    pub since: Time,
    /// How many of the layers it was made of then, from the bottom.
    pub layers: usize,
}

impl Unpacking {
    /// May the content of a file be another though all else is the same? Clocks of file systems tick some milliseconds, and
    /// times can be set, but for that of the last change.
    fn leaves_in_doubt(&self, old: &Item, new: &Item) -> bool {
        new.touched.is_none_or(|touched| touched >= self.since)
            || old.place.is_none_or(|(layer, _)| layer as usize >= self.layers)
    }
}

/// The files whose content may differ though length, time and all else are the same: those of `upper` that were touched
/// since it was unpacked; all, where nothing is known of that.
pub fn doubtful(lower: &Snapshot, upper: &Snapshot, unpacking: Option<Unpacking>) -> Vec<TreePath> {
    let is_doubtful = |old: &Item, new: &Item| {
        matches!(new.kind, Kind::File { size, .. } if size > 0)
            && is_same(old, new)
            && unpacking.is_none_or(|unpacking| unpacking.leaves_in_doubt(old, new))
    };
    let pairs = lower.beside(upper);
    pairs
        .filter(|(_, old, new)| old.zip(*new).is_some_and(|(old, new)| is_doubtful(old, new)))
        .map(|(path, ..)| path.clone())
        .collect()
}

/// What makes `lower` into `upper`.
///
/// Two files are the same if length, time, owner, permissions and attributes are, unless they are among `differing`: see
/// [`doubtful`] and [`Snapshot::differing`]. All names that a file has are changed if one is, so that a layer never links to a
/// file of another. The time of a directory that no layer describes says nothing, if it is from before it was unpacked.
pub fn diff(
    lower: &Snapshot,
    upper: &Snapshot,
    differing: &BTreeSet<TreePath>,
    unpacking: Option<Unpacking>,
) -> Changes {
    let is_same = |old: &Item, new: &Item| is_same(old, new) || is_same_but_for_time(old, new, unpacking);
    let mut changes = Changes::default();
    let regrouped = regrouped(lower, upper, differing);
    let is_directory =
        |tree: &Snapshot, path: &TreePath| tree.get(path).is_some_and(|item| item.kind == Kind::Directory);
    for (path, old, new) in lower.beside(upper) {
        match (old, new) {
            (None, _) => changes.add(path, Change::Added),
            // what lay below something that is gone, or no directory any more, is gone with it
            (Some(_), None) => {
                if let Some((parent, _)) = path.split()
                    && is_directory(upper, &parent)
                    && is_directory(lower, &parent)
                {
                    changes.add(path, Change::Removed);
                }
            }
            (Some(old), Some(_)) if path.is_root() && !old.described => {}
            (Some(old), Some(new)) => {
                if !is_same(old, new) || differing.contains(path) || regrouped.contains(&new.inode) {
                    changes.add(path, Change::Modified);
                }
            }
        }
    }
    changes.add_parents(lower);
    changes
}

fn is_same(old: &Item, new: &Item) -> bool {
    old.kind == new.kind && old.metadata == new.metadata
}

/// Others than we give directories that nobody describes the time at which they make them.
fn is_same_but_for_time(old: &Item, new: &Item, unpacking: Option<Unpacking>) -> bool {
    let time = new.metadata.mtime;
    !old.described
        && unpacking.is_some_and(|unpacking| time <= unpacking.since)
        && old.kind == new.kind
        && old.metadata == Metadata { mtime: old.metadata.mtime, ..new.metadata.clone() }
}

/// The files of `upper` whose names are not all unchanged, or not all of one file of `lower`, which may have had more.
fn regrouped(lower: &Snapshot, upper: &Snapshot, differing: &BTreeSet<TreePath>) -> BTreeSet<(u64, u64)> {
    let mut names: HashMap<(u64, u64), Vec<&TreePath>> = HashMap::new();
    for (path, old, new) in lower.beside(upper) {
        let Some(new) = new else { continue };
        let may_be_linked = new.links > 1 || old.is_some_and(|old| old.links > 1);
        if may_be_linked && new.kind != Kind::Directory {
            names.entry(new.inode).or_default().push(path);
        }
    }
    let is_kept = |paths: &[&TreePath]| {
        let olds: Option<Vec<&Item>> = paths.iter().map(|path| lower.get(path)).collect();
        let Some(olds) = olds else { return false };
        let first = olds[0];
        olds.iter().all(|old| old.inode == first.inode)
            && !paths.iter().any(|path| differing.contains(*path))
            && upper.get(paths[0]).is_some_and(|new| is_same(first, new))
    };
    names.into_iter().filter(|(_, paths)| !is_kept(paths)).map(|(inode, _)| inode).collect()
}
