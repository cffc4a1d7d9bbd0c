//! What a layer will put into the tree of the stage: names that are new or other than below, over what the stage has.
//!
//! Everything here goes by names without symlinks: [`Target::resolve`] makes them, in the stage's tree with what has been put
//! there so far.

use super::files::{Content, Node};
use super::staged::node_of;
use image_format::{Class, Failure};
use layer::{Kind, Metadata, TreePath, View, ViewNode};
use std::collections::{BTreeMap, BTreeSet};

/// As many symlinks as the kernel follows in one name.
const MAX_LINKS: usize = 40;
/// Longer names no layer may have.
const MAX_LENGTH: usize = 8192;
/// Longer parts of a name no file system of Linux has.
const MAX_PART: usize = 255;

/// Something that is put into the tree.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// Its `metadata` is what the layer says.
    pub(crate) node: Node,
    /// Which part it comes from, and the number of its content among all: for reading it. `None` where it has none.
    pub(crate) origin: Option<Origin>,
}

/// Where something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The number of the part.
    pub(crate) part: u32,
    /// The number of the file among all that have content; `u32::MAX` where that has no digest of its own.
    pub(crate) file: u32,
}

/// What has a name now.
pub(crate) enum Existing<'t> {
    Directory(&'t Metadata),
    Symlink(Vec<u8>),
    Other,
}

/// The stage's tree with what is put into it.
pub(crate) struct Target<'v> {
    base: Option<&'v View<'v>>,
    /// Each in a place of its own: a map has room for twice as many.
    placed: BTreeMap<TreePath, Box<Placed>>,
    /// Names below which nothing of the stage is left.
    hidden: BTreeSet<TreePath>,
    /// What was put and is gone again.
    replaced: Vec<(TreePath, Box<Placed>)>,
}

impl<'v> Target<'v> {
    /// Nothing put yet into the tree of `base`, an empty one where there is none.
    pub(crate) fn new(base: Option<&'v View<'v>>) -> Target<'v> {
        Target { base, placed: BTreeMap::new(), hidden: BTreeSet::new(), replaced: Vec::new() }
    }

    /// What has this name, which has no symlinks on its way.
    pub(crate) fn get(&self, path: &TreePath) -> Option<Existing<'_>> {
        if let Some(placed) = self.placed.get(path) {
            return Some(existing(&placed.node.kind, &placed.node.metadata));
        }
        let node = self.below(path)?;
        Some(existing(&node.kind(), node.metadata()))
    }

    /// Whether a directory has this name.
    pub(crate) fn is_directory(&self, path: &TreePath) -> bool {
        path.is_root() || matches!(self.get(path), Some(Existing::Directory(_)))
    }

    /// What the stage has under this name, where nothing hides it.
    pub(crate) fn below(&self, path: &TreePath) -> Option<ViewNode<'v>> {
        let base = self.base?;
        if path.is_root() {
            return Some(base.root());
        }
        if !self.hidden.is_empty() && above(path).any(|above| self.hidden.contains(&above)) {
            return None;
        }
        base.find(path).filter(|(real, _)| real == path).map(|(_, node)| node)
    }

    /// The name that `path` leads to below the directory `root`, all symlinks followed as if that were `/`; what is not
    /// there is called as it is written.
    ///
    /// # Errors
    /// There are too many symlinks, or the name is too long.
    pub(crate) fn resolve(&self, root: &TreePath, path: &TreePath) -> Result<TreePath, Failure> {
        let mut left: Vec<Vec<u8>> = path.parts().map(<[u8]>::to_vec).collect();
        left.reverse();
        let (mut here, mut links, mut depth) = (root.clone(), 0, 0usize);
        while let Some(part) = left.pop() {
            if part == b".." {
                if depth > 0 {
                    depth -= 1;
                    here = here.split().map_or_else(TreePath::root, |(parent, _)| parent);
                }
                continue;
            }
            let next = here.join(&part);
            check_length(&next)?;
            let Some(Existing::Symlink(target)) = self.get(&next) else {
                here = next;
                depth += 1;
                continue;
            };
            links += 1;
            if links > MAX_LINKS {
                return Err(Failure::new(Class::Failed, format_args!("{path}: too many symlinks")));
            }
            if target.starts_with(b"/") {
                (here, depth) = (root.clone(), 0);
            }
            check_link(&next, &target)?;
            let parts = target.split(|byte| *byte == b'/').rev();
            left.extend(parts.filter(|part| !matches!(*part, b"" | b".")).map(<[u8]>::to_vec));
        }
        Ok(here)
    }

    /// Makes the directory `path` and those above it that are missing, each with `metadata`.
    ///
    /// # Errors
    /// Something on the way is there and no directory.
    pub(crate) fn make_directories(&mut self, path: &TreePath, metadata: &Metadata) -> Result<(), Failure> {
        let mut missing = Vec::new();
        for path in std::iter::once(path.clone()).chain(above(path)) {
            match self.get(&path) {
                _ if path.is_root() => break,
                Some(Existing::Directory(_)) => break,
                Some(_) => {
                    let message = format!("{path}: no directory, so nothing can be put into it");
                    return Err(Failure::new(Class::Failed, message));
                }
                None => missing.push(path),
            }
        }
        for path in missing.into_iter().rev() {
            check_length(&path)?;
            let node = Node::directory(metadata.clone());
            self.placed.insert(path, Box::new(Placed { node, origin: None }));
        }
        Ok(())
    }

    /// Puts something in place of whatever has this name; what a directory holds stays if this is one too.
    ///
    /// # Errors
    /// The name is too long, or says in a layer that another is gone.
    pub(crate) fn put(&mut self, path: TreePath, placed: Placed) -> Result<(), Failure> {
        check_length(&path)?;
        check_no_mark(&path)?;
        if let Some(old) = self.placed.insert(path.clone(), Box::new(placed)) {
            self.forget(path, old);
        }
        Ok(())
    }

    /// What has been put under this very name.
    pub(crate) fn placed(&self, path: &TreePath) -> Option<&Placed> {
        self.placed.get(path).map(Box::as_ref)
    }

    fn forget(&mut self, path: TreePath, old: Box<Placed>) {
        if old.origin.is_some_and(|origin| origin.file != u32::MAX) {
            self.replaced.push((path, old));
        }
    }

    /// The files that were put and have been replaced since.
    pub(crate) fn take_replaced(&mut self) -> Vec<(TreePath, Box<Placed>)> {
        std::mem::take(&mut self.replaced)
    }

    /// Takes away what has this name, with all below it.
    pub(crate) fn remove(&mut self, path: &TreePath) {
        if matches!(self.get(path), Some(Existing::Directory(_))) {
            let first = path.join(b"");
            let below: Vec<TreePath> = self
                .placed
                .range(first.clone()..)
                .map(|(path, _)| path)
                .take_while(|path| path.as_bytes().starts_with(first.as_bytes()))
                .cloned()
                .collect();
            for path in below.into_iter().chain([path.clone()]) {
                if let Some(old) = self.placed.remove(&path) {
                    self.forget(path, old);
                }
            }
            self.hidden.insert(path.clone());
        } else if let Some(old) = self.placed.remove(path) {
            self.forget(path.clone(), old);
        }
    }

    /// All that a layer has to say, by name in order: with the directories above what was put, since a tool that unpacks
    /// layers one beside the other would make new ones.
    pub(crate) fn finish(mut self) -> impl Iterator<Item = (TreePath, Box<Placed>)> {
        for path in std::mem::take(&mut self.hidden) {
            let is_directory = self.placed.get(&path).is_some_and(|placed| placed.node.is_directory());
            if is_directory && self.below(&path).is_some_and(|node| node.kind() == Kind::Directory) {
                let node = Node {
                    kind: Kind::File { size: 0, pieces: None },
                    metadata: Metadata { mode: 0o600, ..Metadata::default() },
                    content: Content::Held(Vec::new()),
                };
                self.placed.insert(path.join(b".wh..wh..opq"), Box::new(Placed { node, origin: None }));
            }
        }
        let mut parents: BTreeMap<TreePath, Box<Placed>> = BTreeMap::new();
        for path in self.placed.keys() {
            for parent in above(path).filter(|path| !path.is_root()) {
                if self.placed.contains_key(&parent) || parents.contains_key(&parent) {
                    break;
                }
                if let Some(node) = self.below(&parent) {
                    parents.insert(parent, Box::new(Placed { node: node_of(node), origin: None }));
                }
            }
        }
        self.placed.append(&mut parents);
        self.placed.into_iter()
    }
}

fn existing<'t>(kind: &Kind, metadata: &'t Metadata) -> Existing<'t> {
    match kind {
        Kind::Directory => Existing::Directory(metadata),
        Kind::Symlink { target } => Existing::Symlink(target.clone()),
        _ => Existing::Other,
    }
}

/// The directories that a name lies in, the nearest first, the root at last.
fn above(path: &TreePath) -> impl Iterator<Item = TreePath> {
    let mut next = path.split().map(|(parent, _)| parent);
    std::iter::from_fn(move || {
        let parent = next.take()?;
        next = parent.split().map(|(parent, _)| parent);
        Some(parent)
    })
}

/// # Errors
/// The name, or the last part of it, is longer than any file's can be.
pub(crate) fn check_length(path: &TreePath) -> Result<(), Failure> {
    let part = path.split().map_or(0, |(_, name)| name.len());
    if part > MAX_PART {
        let message = format!("a name of {part} bytes; expected at most {MAX_PART} between two slashes");
        return Err(Failure::new(Class::Failed, message));
    }
    let length = path.as_bytes().len();
    if length <= MAX_LENGTH {
        return Ok(());
    }
    let message = format!("{path}: a name of {length} bytes; at most {MAX_LENGTH} fit into a layer");
    Err(Failure::new(Class::Failed, message))
}

/// # Errors
/// The symlink `path` leads to a longer name than there can be: in one of a megabyte are as many parts as fill the memory.
pub(crate) fn check_link(path: &TreePath, target: &[u8]) -> Result<(), Failure> {
    let length = target.len();
    if length <= MAX_LENGTH {
        return Ok(());
    }
    let message =
        format!("{path}: a symlink to a name of {length} bytes; at most {MAX_LENGTH} can be followed");
    Err(Failure::new(Class::Failed, message))
}

/// Refuses what a layer could say only by deleting something else.
fn check_no_mark(path: &TreePath) -> Result<(), Failure> {
    match path.split() {
        Some((_, name)) if name.starts_with(b".wh.") => {
            let message = format!("{path}: a name that means in a layer that another is gone");
            Err(Failure::new(Class::Failed, message).with_hint("rename it, or exclude it"))
        }
        _ => Ok(()),
    }
}
