//! Walks two trees side by side and names what is not the same in them.

use super::TreePath;
use super::contents::Contents;
use super::difference::{Aspect, FileDifference, FileKind, FileState};
use super::model::{Node, NodeId, NodeKind, Tree};
use std::cmp::Ordering;
use std::collections::HashSet;
use std::iter::Peekable;

/// The names that do not lead to the same in two trees, in the order of a tree: a directory, then what is in it.
///
/// A file of several names is compared under each of them.
pub struct Comparison<'a> {
    before: Side<'a>,
    after: Side<'a>,
    times: bool,
    path: TreePath,
    levels: Vec<Level<'a>>,
    begun: bool,
}

struct Side<'a> {
    tree: &'a Tree,
    /// What the tree's files hold.
    contents: &'a Contents,
    /// Nodes of several names that have been seen.
    seen: HashSet<NodeId>,
}

/// What is left of a directory.
struct Level<'a> {
    before: Children<'a>,
    after: Children<'a>,
}

type Children<'a> = Peekable<Box<dyn Iterator<Item = (&'a [u8], NodeId)> + 'a>>;

impl std::fmt::Debug for Comparison<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Comparison").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Contents {
    /// What is not the same in `after`; `times`: a file's or directory's time is worth telling, too.
    pub fn compare<'a>(&'a self, after: &'a Contents, times: bool) -> Comparison<'a> {
        Comparison::new(Side::new(&self.tree, self), Side::new(&after.tree, after), times)
    }

    /// What is not the same as in `below`, the tree of some of the same layers; times are not told.
    pub(super) fn compare_below<'a>(&'a self, below: &'a Tree) -> Comparison<'a> {
        Comparison::new(Side::new(below, self), Side::new(&self.tree, self), false)
    }
}

impl<'a> Side<'a> {
    fn new(tree: &'a Tree, contents: &'a Contents) -> Side<'a> {
        Side { tree, contents, seen: HashSet::new() }
    }

    fn node(&self, id: NodeId) -> &'a Node {
        self.tree.node(id)
    }

    fn children(&self, id: Option<NodeId>) -> Children<'a> {
        let tree = self.tree;
        let children = id.into_iter().flat_map(|id| tree.children(id));
        (Box::new(children) as Box<dyn Iterator<Item = _>>).peekable()
    }

    fn is_directory(&self, id: Option<NodeId>) -> bool {
        id.is_some_and(|id| matches!(self.node(id).kind, NodeKind::Directory { .. }))
    }

    /// Has it been seen under another name?
    fn is_again(&mut self, id: Option<NodeId>) -> bool {
        id.is_some_and(|id| self.node(id).links > 1 && !self.seen.insert(id))
    }

    fn state(&self, id: Option<NodeId>, again: bool) -> Option<FileState> {
        id.and_then(|id| FileState::of(self.contents, self.node(id), again))
    }
}

impl<'a> Comparison<'a> {
    fn new(before: Side<'a>, after: Side<'a>, times: bool) -> Comparison<'a> {
        Comparison { before, after, times, path: TreePath::root(), levels: Vec::new(), begun: false }
    }

    /// The next pair of nodes under one name, which `path` then is.
    fn step(&mut self) -> Option<(Option<NodeId>, Option<NodeId>)> {
        if !std::mem::replace(&mut self.begun, true) {
            return Some((Some(self.before.tree.root()), Some(self.after.tree.root())));
        }
        loop {
            let level = self.levels.last_mut()?;
            let order = match (level.before.peek(), level.after.peek()) {
                (Some((before, _)), Some((after, _))) => before.cmp(after),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => {
                    self.levels.pop();
                    self.path.pop();
                    continue;
                }
            };
            let before = if order.is_le() { level.before.next() } else { None };
            let after = if order.is_ge() { level.after.next() } else { None };
            let name = before.or(after).map_or(&[][..], |(name, _)| name);
            self.path.push(name);
            return Some((before.map(|(_, id)| id), after.map(|(_, id)| id)));
        }
    }

    fn difference(&mut self, before: Option<NodeId>, after: Option<NodeId>) -> Option<FileDifference> {
        let (again_before, again_after) = (self.before.is_again(before), self.after.is_again(after));
        let what = match (before, after) {
            (Some(before), Some(after)) => self.aspects(before, after),
            _ => Vec::new(),
        };
        if before.is_some() && after.is_some() && what.is_empty() {
            return None;
        }
        Some(FileDifference {
            path: self.path.clone(),
            before: self.before.state(before, again_before),
            after: self.after.state(after, again_after),
            what,
        })
    }

    fn aspects(&self, before: NodeId, after: NodeId) -> Vec<Aspect> {
        let nodes = (self.before.node(before), self.after.node(after));
        let (old, new) = (&nodes.0.metadata, &nodes.1.metadata);
        let (mut is_link, mut is_described) = (false, true);
        let differs = match (&nodes.0.kind, &nodes.1.kind) {
            (NodeKind::File(old), NodeKind::File(new)) => {
                let same =
                    old.size == new.size && self.before.contents.held(old) == self.after.contents.held(new);
                (!same).then_some(Aspect::Content)
            }
            (NodeKind::Directory { implicit: before, .. }, NodeKind::Directory { implicit: after, .. }) => {
                is_described = !before && !after;
                None
            }
            (NodeKind::Other(old), NodeKind::Other(new)) if old == new => {
                is_link = matches!(old, crate::entry::Kind::Symlink { .. });
                None
            }
            (NodeKind::Other(old), NodeKind::Other(new))
                if std::mem::discriminant(old) == std::mem::discriminant(new) =>
            {
                is_link = matches!(old, crate::entry::Kind::Symlink { .. });
                Some(if is_link { Aspect::Target } else { Aspect::Device })
            }
            _ => return vec![Aspect::Type],
        };
        // the mode of a symlink means nothing, and writers of tars disagree about it
        let others = [
            (old.mode != new.mode && !is_link, Aspect::Mode),
            ((old.uid, old.gid) != (new.uid, new.gid), Aspect::Owner),
            (old.xattrs != new.xattrs, Aspect::Xattrs),
            (self.times && is_described && old.mtime != new.mtime, Aspect::Time),
        ];
        let others = others.into_iter().filter(|(differs, _)| *differs).map(|(_, aspect)| aspect);
        differs.into_iter().chain(others).collect()
    }
}

impl Iterator for Comparison<'_> {
    type Item = FileDifference;

    fn next(&mut self) -> Option<FileDifference> {
        loop {
            let (before, after) = self.step()?;
            let found = self.difference(before, after);
            if self.before.is_directory(before) || self.after.is_directory(after) {
                self.levels
                    .push(Level { before: self.before.children(before), after: self.after.children(after) });
            } else {
                self.path.pop();
            }
            if found.is_some() {
                return found;
            }
        }
    }
}

impl FileDifference {
    /// Is it a directory that only one of the trees has, and everything in it with it?
    pub fn is_whole_directory(&self) -> bool {
        let is_directory = |state: &FileState| state.kind == FileKind::Directory;
        match (&self.before, &self.after) {
            (Some(state), None) | (None, Some(state)) => is_directory(state),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
