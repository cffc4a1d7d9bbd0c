//! A stack of layers as one read-only tree, without unpacking it.

use super::content;
use super::index::{Indexing, Verify, index_all};
use super::model::{NodeId, NodeKind, Tree};
use super::{Indexes, TreePath};
use crate::entry::{Kind, Metadata, Piece};
use image_format::{Class, Failure, Layer, Observer, Source};
use std::io::{self, Read};

/// The tree that layers make. It holds the entries, not their content.
pub struct View<'a> {
    source: &'a dyn Source,
    layers: Vec<Layer>,
    tree: Tree,
}

/// Something in a [`View`].
#[derive(Clone, Copy)]
pub struct ViewNode<'a> {
    view: &'a View<'a>,
    id: NodeId,
}

impl<'a> View<'a> {
    /// Reads the layers, bottom first, to their ends, several side by side; each blob and each tar is verified. Of a layer
    /// whose index is in `indexes` nothing is read.
    ///
    /// # Errors
    /// A layer is not what it claims ([`Class::Integrity`]), or is not there; those of `observer`.
    pub fn new(
        source: &'a dyn Source,
        layers: &[Layer],
        indexes: &Indexes,
        observer: &dyn Observer,
    ) -> Result<View<'a>, Failure> {
        let mut view = View { source, layers: Vec::new(), tree: Tree::new() };
        view.add(layers, indexes, observer)?;
        Ok(view)
    }

    /// The same of no layer yet, and of names alone: of a regular file it is known that it is one, and where it is its own
    /// name that `is_whole` takes, all the rest. Such a view takes a third of the memory.
    pub fn of_names(source: &'a dyn Source, is_whole: fn(&[u8]) -> bool) -> View<'a> {
        View { source, layers: Vec::new(), tree: Tree::of_names(is_whole) }
    }

    /// Puts more layers on top, read and verified as those of [`View::new`].
    ///
    /// # Errors
    /// As [`View::new`]; what the view holds is of no use then.
    pub fn add(
        &mut self,
        layers: &[Layer],
        indexes: &Indexes,
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        let View { source, tree, .. } = self;
        let below = self.layers.len();
        let indexing = Indexing { source: *source, layers, indexes, verify: Verify::Now, observer };
        index_all(indexing, |number, index| {
            let digest = layers[number].descriptor.digest;
            let applied = tree.apply((below + number) as u32, index.entries);
            applied.map_err(|error| error.at(format_args!("layer {digest}")))
        })?;
        self.layers.extend_from_slice(layers);
        Ok(())
    }

    /// The layers that it is made of, bottom first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    pub(crate) fn source(&self) -> &'a dyn Source {
        self.source
    }

    /// The root of the tree.
    pub fn root(&self) -> ViewNode<'_> {
        ViewNode { view: self, id: self.tree.root() }
    }

    /// What `path` names, and that name without symlinks on its way; symlinks are followed as if the root were `/`, one at
    /// the end is not.
    pub fn find(&self, path: &TreePath) -> Option<(TreePath, ViewNode<'_>)> {
        let (path, id) = self.tree.find(path, false)?;
        Some((path, ViewNode { view: self, id }))
    }

    /// [`View::find`], with a symlink at the end followed too.
    pub fn follow(&self, path: &TreePath) -> Option<(TreePath, ViewNode<'_>)> {
        let (path, id) = self.tree.find(path, true)?;
        Some((path, ViewNode { view: self, id }))
    }
}

impl<'a> ViewNode<'a> {
    /// What it is: never a hard link, since all names of a file are equal; see [`ViewNode::is_same`].
    pub fn kind(&self) -> Kind {
        match &self.view.tree.node(self.id).kind {
            NodeKind::File(file) => Kind::File { size: file.size, pieces: file.pieces.clone() },
            NodeKind::Other(kind) => kind.clone(),
            NodeKind::Directory { .. } | NodeKind::Free => Kind::Directory,
        }
    }

    /// What goes with it.
    pub fn metadata(&self) -> &'a Metadata {
        &self.view.tree.node(self.id).metadata
    }

    /// How many names it has; 1 for a directory.
    pub fn links(&self) -> u32 {
        self.view.tree.node(self.id).links
    }

    /// The number of the layer that a file's content comes from, and where in its tar that begins, in bytes; `None` for
    /// anything else.
    pub fn place(&self) -> Option<(usize, u64)> {
        match &self.view.tree.node(self.id).kind {
            NodeKind::File(file) => Some((file.layer as usize, file.offset)),
            _ => None,
        }
    }

    /// One of its own for each file, whatever names it has.
    pub fn number(&self) -> u64 {
        self.id.number()
    }

    /// Did an entry describe it?
    pub(crate) fn is_described(&self) -> bool {
        !matches!(self.view.tree.node(self.id).kind, NodeKind::Directory { implicit: true, .. })
    }

    /// Is this all of it? `false` for a regular file of which no more than its name is known ([`View::of_names`]).
    pub fn is_whole(&self) -> bool {
        !matches!(self.view.tree.node(self.id).kind, NodeKind::Other(Kind::File { .. }))
    }

    /// Is it the same file under another name?
    pub fn is_same(&self, other: &ViewNode<'_>) -> bool {
        self.id == other.id
    }

    /// What lies in it, by name; nothing where it is no directory.
    pub fn children(&self) -> impl Iterator<Item = (&'a [u8], ViewNode<'a>)> {
        let view = self.view;
        view.tree.children(self.id).map(move |(name, id)| (name, ViewNode { view, id }))
    }

    /// The number of the layer that a file's content comes from, counted from the bottom; `None` for anything else.
    pub fn layer(&self) -> Option<usize> {
        match &self.view.tree.node(self.id).kind {
            NodeKind::File(file) => Some(file.layer as usize),
            _ => None,
        }
    }

    /// A regular file's content, holes as zeros. Where the blob has a table of chunks, only those that it needs are read;
    /// else the layer is read from its beginning.
    ///
    /// # Errors
    /// It is no regular file, or only its name is known; the layer is gone.
    pub fn open(&self) -> Result<Box<dyn Read + 'a>, Failure> {
        let NodeKind::File(file) = &self.view.tree.node(self.id).kind else {
            return Err(Failure::new(Class::Failed, "no regular file"));
        };
        let layer = &self.view.layers[file.layer as usize];
        let content = content::open(self.view.source, layer, file.offset, file.stored())?;
        Ok(Box::new(Holes::new(content, file.size, file.pieces.clone())))
    }
}

/// Reads a sparse file: stored bytes with the zeros between them.
pub struct Holes<R> {
    content: R,
    pieces: Vec<Piece>,
    size: u64,
    at: u64,
    /// The piece that we are in or before.
    next: usize,
}

impl<R: Read> Holes<R> {
    /// `content` is what the `pieces` of a file of `size` bytes store, one after the other; all of it where there are none.
    pub fn new(content: R, size: u64, pieces: Option<Vec<Piece>>) -> Holes<R> {
        let pieces = pieces.unwrap_or_else(|| vec![Piece { offset: 0, length: size }]);
        Holes { content, pieces, size, at: 0, next: 0 }
    }
}

impl<R: Read> Read for Holes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.pieces.get(self.next).is_some_and(|piece| piece.offset + piece.length <= self.at) {
            self.next += 1;
        }
        let (stored, end) = match self.pieces.get(self.next) {
            Some(piece) if piece.offset <= self.at => (true, piece.offset + piece.length),
            Some(piece) => (false, piece.offset),
            None => (false, self.size),
        };
        let most = buffer.len().min(usize::try_from(end - self.at).unwrap_or(usize::MAX));
        let count = if stored {
            self.content.read(&mut buffer[..most])?
        } else {
            buffer[..most].fill(0);
            most
        };
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
