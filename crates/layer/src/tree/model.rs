//! A tree in memory: what [`super::apply()`] would make of layers, without a directory and without their content.
//!
//! It does to each entry what [`super::target`] does; the tests hold the two equal.

use super::TreePath;
use super::index::Indexed;
use super::path::MAX_LENGTH;
use super::target::{Mark, mark};
use super::weight::{self, MAX_HELD, check_held};
use crate::entry::{Kind, Metadata, Piece, Time};
use crate::failure::{refused, shown};
use image_format::Failure;
use std::collections::{BTreeMap, VecDeque};

/// As many symlinks as the kernel follows in one name.
const MAX_LINKS: usize = 40;

/// Which node of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

impl NodeId {
    pub(crate) fn number(self) -> u64 {
        self.0.into()
    }
}

/// A file, directory or whatever: what an inode is on disk.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) metadata: Metadata,
    /// How many names it has.
    pub(crate) links: u32,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Directory {
        children: BTreeMap<Box<[u8]>, Edge>,
        /// Has no entry described it?
        implicit: bool,
        /// The last layers that added something below it, and that hid what lower layers have there.
        added_below: Option<u32>,
        hidden_below: Option<u32>,
    },
    File(FileNode),
    /// A symlink, device or named pipe, as the entry has it; a regular file where no more than that is known.
    Other(Kind),
    /// Nothing any more; the place is used again.
    Free,
}

/// A regular file and where its content lies.
#[derive(Clone, Debug)]
pub(crate) struct FileNode {
    pub(crate) size: u64,
    pub(crate) pieces: Option<Vec<Piece>>,
    /// The number of its layer, and where in that layer's tar its content begins.
    pub(crate) layer: u32,
    pub(crate) offset: u64,
}

impl FileNode {
    /// How many bytes it stores, holes left out.
    pub(crate) fn stored(&self) -> u64 {
        match &self.pieces {
            Some(pieces) => pieces.iter().map(|piece| piece.length).sum(),
            None => self.size,
        }
    }
}

/// A name in a directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) node: NodeId,
    /// The layer that gave it.
    layer: u32,
}

/// A tree in memory.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    layer: u32,
    /// Of a tree of names alone.
    stand_in: Option<StandIn>,
    /// How much it takes in memory, in bytes, and how much it may.
    held: usize,
    most: usize,
    /// How many names whiteouts have looked at.
    #[cfg(test)]
    looked_at: usize,
}

/// What all regular files are for who does not look at them.
#[derive(Clone, Copy, Debug)]
struct StandIn {
    node: NodeId,
    /// Which are what they are nevertheless, by their name in their directory.
    exception: fn(&[u8]) -> bool,
}

/// Why a name does not lead to a directory.
enum Lost {
    Missing,
    NotDirectory,
    TooManyLinks,
    TooLong,
}

const ROOT: NodeId = NodeId(0);

impl Tree {
    /// A root and nothing in it.
    pub(crate) fn new() -> Tree {
        Tree::within(MAX_HELD)
    }

    /// One that may take so many bytes of memory.
    pub(crate) fn within(most: usize) -> Tree {
        let root = directory();
        let held = weight::of_node(&root);
        Tree {
            nodes: vec![root],
            free: Vec::new(),
            layer: 0,
            stand_in: None,
            held,
            most,
            #[cfg(test)]
            looked_at: 0,
        }
    }

    /// One that knows of regular files no more than that they are there, but for those whose own name is an `exception`:
    /// it takes a third of the memory.
    pub(crate) fn of_names(exception: fn(&[u8]) -> bool) -> Tree {
        let mut tree = Tree::new();
        let kind = NodeKind::Other(Kind::File { size: 0, pieces: None });
        // the one link is ours, so that it stays
        tree.nodes.push(Node { kind, metadata: Metadata::default(), links: 1 });
        tree.stand_in = Some(StandIn { node: NodeId(1), exception });
        tree
    }

    /// Applies the layer that has this number, counted from the bottom.
    pub(crate) fn apply(&mut self, layer: u32, entries: Vec<Indexed>) -> Result<(), Failure> {
        self.layer = layer;
        for indexed in entries {
            let path = TreePath::of_entry(&indexed.entry.path)?;
            self.entry(&path, indexed).map_err(|error| error.at(&path))?;
            check_held(self.held, self.most)?;
        }
        Ok(())
    }

    pub(crate) fn root(&self) -> NodeId {
        ROOT
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// All regular files, each once.
    pub(crate) fn files(&self) -> impl Iterator<Item = &FileNode> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::File(file) => Some(file),
            _ => None,
        })
    }

    /// What lies in a directory; nothing where it is none.
    pub(crate) fn children(&self, id: NodeId) -> impl Iterator<Item = (&[u8], NodeId)> {
        let children = match &self.node(id).kind {
            NodeKind::Directory { children, .. } => Some(children),
            _ => None,
        };
        children.into_iter().flatten().map(|(name, edge)| (&**name, edge.node))
    }

    fn edges(&mut self, id: NodeId) -> Option<&mut BTreeMap<Box<[u8]>, Edge>> {
        match &mut self.node_mut(id).kind {
            NodeKind::Directory { children, .. } => Some(children),
            _ => None,
        }
    }

    fn edge(&self, id: NodeId, name: &[u8]) -> Option<Edge> {
        match &self.node(id).kind {
            NodeKind::Directory { children, .. } => children.get(name).copied(),
            _ => None,
        }
    }

    fn is_directory(&self, id: NodeId) -> bool {
        matches!(self.node(id).kind, NodeKind::Directory { .. })
    }

    fn entry(&mut self, path: &TreePath, Indexed { entry, offset }: Indexed) -> Result<(), Failure> {
        let Some((parent, name)) = path.split() else {
            if entry.kind != Kind::Directory {
                return Err(refused("the root of the tree is no directory"));
            }
            self.describe(ROOT, entry.metadata);
            return Ok(());
        };
        match mark(&parent, name)? {
            Mark::None => {}
            Mark::Ignored => return Ok(()),
            Mark::Gone(gone) => {
                if let Ok(directory) = self.walk(&parent, false) {
                    self.hide(last(&directory), gone);
                }
                return Ok(());
            }
            Mark::Opaque => {
                if let Ok(directory) = self.walk(&parent, false) {
                    self.hide_contents(last(&directory));
                }
                return Ok(());
            }
        }
        let chain = self.walk(&parent, true).map_err(|lost| match lost {
            Lost::NotDirectory => refused(format_args!("{parent} is no directory")),
            Lost::TooManyLinks => refused(format_args!("{parent}: too many symlinks")),
            Lost::TooLong | Lost::Missing => refused(format_args!("{parent}: leads too deep")),
        })?;
        let directory = last(&chain);
        self.note_added_below(&chain);
        match entry.kind {
            Kind::Directory => self.directory_entry(directory, name, entry.metadata),
            Kind::HardLink { target } => return self.hard_link(directory, name, &target),
            Kind::File { size, pieces } => match self.stand_in {
                Some(StandIn { node, exception }) if !exception(name) => {
                    self.node_mut(node).links += 1;
                    self.set_edge(directory, name, node);
                }
                _ => {
                    let file = FileNode { size, pieces, layer: self.layer, offset };
                    self.put(directory, name, NodeKind::File(file), entry.metadata);
                }
            },
            other => self.put(directory, name, NodeKind::Other(other), entry.metadata),
        }
        Ok(())
    }

    /// What `path` names, by a name without symlinks on its way; one at its end is followed if `follow`. `None` where there
    /// is nothing.
    pub(crate) fn find(&self, path: &TreePath, follow: bool) -> Option<(TreePath, NodeId)> {
        let mut parts: VecDeque<Vec<u8>> = path.parts().map(<[u8]>::to_vec).collect();
        for _ in 0..=MAX_LINKS {
            // what is no name ends in a directory
            let name = parts.pop_back_if(|part| part != b"..");
            let mut walk = Walk::new(parts);
            let Ok(Step::Arrived) = walk.go(self) else { return None };
            let Some(name) = name else { return Some((walk.path, last(&walk.chain))) };
            let node = self.edge(last(&walk.chain), &name)?.node;
            match &self.node(node).kind {
                NodeKind::Other(Kind::Symlink { target }) if follow => {
                    parts = match target.starts_with(b"/") {
                        true => VecDeque::new(),
                        false => walk.path.parts().map(<[u8]>::to_vec).collect(),
                    };
                    parts.extend(target_parts(target).map(<[u8]>::to_vec));
                }
                _ => return Some((walk.path.join(&name), node)),
            }
        }
        None
    }

    /// The directories from the root to the one that `path` leads to.
    fn walk(&mut self, path: &TreePath, make: bool) -> Result<Vec<NodeId>, Lost> {
        let mut walk = Walk::new(path.parts().map(<[u8]>::to_vec).collect());
        loop {
            match walk.go(self)? {
                Step::Arrived => return Ok(walk.chain),
                Step::Missing(part) if make => {
                    self.put_node(last(&walk.chain), &part, directory());
                    walk.left.push_front(part);
                }
                Step::Missing(_) => return Err(Lost::Missing),
            }
        }
    }

    fn directory_entry(&mut self, parent: NodeId, name: &[u8], metadata: Metadata) {
        let layer = self.layer;
        let old = self.edge(parent, name).filter(|edge| self.is_directory(edge.node));
        let node = match old {
            Some(edge) => {
                if let Some(edge) = self.edges(parent).and_then(|edges| edges.get_mut(name)) {
                    edge.layer = layer;
                }
                edge.node
            }
            None => self.put_node(parent, name, directory()),
        };
        self.describe(node, metadata);
    }

    fn describe(&mut self, directory: NodeId, described: Metadata) {
        let new = weight::of_metadata(&described);
        let node = self.node_mut(directory);
        let old = weight::of_metadata(&std::mem::replace(&mut node.metadata, described));
        if let NodeKind::Directory { implicit, .. } = &mut node.kind {
            *implicit = false;
        }
        self.held = self.held + new - old;
    }

    fn hard_link(&mut self, parent: NodeId, name: &[u8], target: &[u8]) -> Result<(), Failure> {
        let missing = || refused(format_args!("a hard link to {}, which is not there", shown(target)));
        let path = TreePath::of(target);
        let Some((from, from_name)) = path.split() else {
            return Err(refused("a hard link to the root of the tree"));
        };
        let chain = self.walk(&from, false).map_err(|_| missing())?;
        let node = self.edge(last(&chain), from_name).ok_or_else(missing)?.node;
        if self.is_directory(node) {
            return Err(refused("a hard link to a directory"));
        }
        if (last(&chain), from_name) == (parent, name) {
            let layer = self.layer;
            if let Some(edge) = self.edges(parent).and_then(|edges| edges.get_mut(name)) {
                edge.layer = layer;
            }
            return Ok(());
        }
        // its target may lie below what it replaces
        if self.edge(parent, name).is_some_and(|old| chain.contains(&old.node)) {
            return Err(missing());
        }
        self.node_mut(node).links += 1;
        self.set_edge(parent, name, node);
        Ok(())
    }

    fn put(&mut self, parent: NodeId, name: &[u8], kind: NodeKind, metadata: Metadata) {
        self.put_node(parent, name, Node { kind, metadata, links: 1 });
    }

    fn put_node(&mut self, parent: NodeId, name: &[u8], node: Node) -> NodeId {
        self.held += weight::of_node(&node);
        let id = match self.free.pop() {
            Some(id) => {
                *self.node_mut(id) = node;
                id
            }
            None => {
                self.nodes.push(node);
                // fewer than 2^32: each layer has at most 2^22 entries, and memory ends before
                NodeId((self.nodes.len() - 1) as u32)
            }
        };
        self.set_edge(parent, name, id);
        id
    }

    /// Gives `node` a name, which loses whatever had it.
    fn set_edge(&mut self, parent: NodeId, name: &[u8], node: NodeId) {
        let edge = Edge { node, layer: self.layer };
        match self.edges(parent).and_then(|edges| edges.insert(name.into(), edge)) {
            Some(old) => self.unlink(old.node),
            None => self.held += weight::of_edge(name),
        }
    }

    /// A node has lost a name.
    fn unlink(&mut self, id: NodeId) {
        let mut lost = vec![id];
        while let Some(id) = lost.pop() {
            let node = self.node_mut(id);
            node.links -= 1;
            if node.links > 0 {
                continue;
            }
            let mut freed = weight::of_node(node);
            if let NodeKind::Directory { children, .. } = std::mem::replace(&mut node.kind, NodeKind::Free) {
                freed += children.keys().map(|name| weight::of_edge(name)).sum::<usize>();
                lost.extend(children.into_values().map(|edge| edge.node));
            }
            node.metadata = Metadata::default();
            self.held -= freed;
            self.free.push(id);
        }
    }

    /// The present layer adds something below each of these directories, which lead from the root down.
    fn note_added_below(&mut self, chain: &[NodeId]) {
        let layer = self.layer;
        for id in chain.iter().rev() {
            if let NodeKind::Directory { added_below, .. } = &mut self.node_mut(*id).kind
                && added_below.replace(layer) == Some(layer)
            {
                // then it is known of those above too
                return;
            }
        }
    }

    /// Hides what lower layers have under a name.
    fn hide(&mut self, parent: NodeId, name: &[u8]) {
        #[cfg(test)]
        {
            self.looked_at += 1;
        }
        let Some(edge) = self.edge(parent, name) else { return };
        if self.is_touched(edge) {
            self.hide_contents(edge.node);
        } else if self.edges(parent).and_then(|edges| edges.remove(name)).is_some() {
            self.held -= weight::of_edge(name);
            self.unlink(edge.node);
        }
    }

    /// Hides what lower layers have below a directory: once a layer, since it adds nothing of theirs.
    fn hide_contents(&mut self, directory: NodeId) {
        let layer = self.layer;
        let NodeKind::Directory { children, hidden_below, .. } = &mut self.node_mut(directory).kind else {
            return;
        };
        if hidden_below.replace(layer) == Some(layer) {
            return;
        }
        let names: Vec<Box<[u8]>> = children.keys().cloned().collect();
        for name in names {
            self.hide(directory, &name);
        }
    }

    /// Has the present layer added this name or anything below it?
    fn is_touched(&self, edge: Edge) -> bool {
        let below = match self.node(edge.node).kind {
            NodeKind::Directory { added_below, .. } => added_below,
            _ => None,
        };
        edge.layer == self.layer || below == Some(self.layer)
    }
}

/// A way through a tree, part by part, as the kernel would go it with the root as its `/`.
struct Walk {
    left: VecDeque<Vec<u8>>,
    /// The directories from the root to where it is, and their name.
    chain: Vec<NodeId>,
    path: TreePath,
    links: usize,
}

enum Step {
    Arrived,
    /// The next part is not there.
    Missing(Vec<u8>),
}

impl Walk {
    fn new(left: VecDeque<Vec<u8>>) -> Walk {
        Walk { left, chain: vec![ROOT], path: TreePath::root(), links: 0 }
    }

    /// Goes on as far as there is a way.
    fn go(&mut self, tree: &Tree) -> Result<Step, Lost> {
        while let Some(part) = self.left.pop_front() {
            if part == b".." {
                self.path.pop();
                if self.chain.len() > 1 {
                    self.chain.pop();
                }
                continue;
            }
            if self.path.as_bytes().len() + part.len() > MAX_LENGTH {
                return Err(Lost::TooLong);
            }
            let Some(edge) = tree.edge(last(&self.chain), &part) else { return Ok(Step::Missing(part)) };
            match &tree.node(edge.node).kind {
                NodeKind::Directory { .. } => {
                    self.chain.push(edge.node);
                    self.path.push(&part);
                }
                NodeKind::Other(Kind::Symlink { target }) => self.turn(target)?,
                _ => return Err(Lost::NotDirectory),
            }
        }
        Ok(Step::Arrived)
    }

    /// Goes where a symlink points.
    fn turn(&mut self, target: &[u8]) -> Result<(), Lost> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Lost::TooManyLinks);
        }
        if target.starts_with(b"/") {
            self.chain.truncate(1);
            self.path = TreePath::root();
        }
        for part in target_parts(target).rev() {
            self.left.push_front(part.to_vec());
        }
        Ok(())
    }
}

/// The parts of a symlink's target that mean something.
fn target_parts(target: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    target.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."))
}

/// A directory that no entry has described: 0755 and of 1970.
fn directory() -> Node {
    let metadata = Metadata { mode: 0o755, mtime: Time::default(), ..Metadata::default() };
    let kind = NodeKind::Directory {
        children: BTreeMap::new(),
        implicit: true,
        added_below: None,
        hidden_below: None,
    };
    Node { kind, metadata, links: 1 }
}

fn last(chain: &[NodeId]) -> NodeId {
    chain.last().copied().unwrap_or(ROOT)
}

#[cfg(test)]
mod tests;
