//! Layers as one tar of the tree that they make, without making it.
//!
//! First the entries of all layers are read, and applied to a [`Tree`] in memory, which then knows what is left of each
//! layer; then the layers are read again, verified, and what is left is copied. So memory grows with names and metadata
//! alone, up to a limit, and nothing is stored in between.

use super::Indexes;
use super::index::{Indexing, Verify, index_all};
use super::model::{FileNode, NodeId, NodeKind, Tree};
use super::stream::{LayerStream, true_cause};
use super::weight::{MAX_HELD, check_held};
use crate::entry::{Entry, Kind, TarReader, TarWriter};
use crate::failure::{of_stream, refused};
use image_format::{Failure, Layer, Observer, Source};
use std::collections::HashMap;
use std::io::Write;

/// Bytes of indexes that wait for their layers to be verified; more are not kept.
const MAX_WAITING: usize = 64 << 20;

/// Writes the tree that `layers`, bottom first, make as one tar to `sink`, which is given back unflushed.
///
/// Directories come before what is in them, a file before its other names, no name twice, nothing below a symlink, no
/// whiteouts. Layers whose index is in `indexes` are read once, others twice. First comes what has no content, by name, then files in the order of the layers: the same layers give the
/// same bytes. Each blob and each tar is verified; what comes out counts only if this returns `Ok`.
///
/// # Errors
/// A layer is not what it claims ([`image_format::Class::Integrity`]), is not there, or the sink cannot be written; those
/// of `observer`.
pub fn flatten<W: Write>(
    source: &dyn Source,
    layers: &[Layer],
    indexes: &Indexes,
    sink: W,
    observer: &dyn Observer,
) -> Result<W, Failure> {
    flatten_within(MAX_HELD, source, layers, indexes, sink, observer)
}

fn flatten_within<W: Write>(
    most: usize,
    source: &dyn Source,
    layers: &[Layer],
    indexes: &Indexes,
    sink: W,
    observer: &dyn Observer,
) -> Result<W, Failure> {
    let mut tree = Tree::new();
    let mut waiting = 0;
    let mut to_keep: Vec<Option<Vec<u8>>> = Vec::with_capacity(layers.len());
    let indexing = Indexing { source, layers, indexes, verify: Verify::Later, observer };
    index_all(indexing, |number, index| {
        let digest = layers[number].descriptor.digest;
        waiting += index.to_keep.as_ref().map_or(0, Vec::len);
        to_keep.push(index.to_keep.filter(|_| waiting <= MAX_WAITING));
        tree.apply(number as u32, index.entries).map_err(|error| error.at(format_args!("layer {digest}")))
    })?;
    let writer = TarWriter::new(sink);
    let mut output = Output { writer, tree: &tree, first_names: HashMap::new(), held: 0, most };
    let mut files = Files::new(layers.len());
    output.directory(tree.root(), &mut Vec::new(), &mut files)?;
    let mut next = layers.first().map(|layer| LayerStream::open(source, layer, observer));
    for (number, layer) in layers.iter().enumerate() {
        let stream = next.take().unwrap_or_else(|| LayerStream::open(source, layer, observer));
        next = layers.get(number + 1).map(|layer| LayerStream::open(source, layer, observer));
        let done =
            stream.and_then(|stream| output.layer(stream, std::mem::take(&mut files.of_layer[number])));
        let digest = layer.descriptor.digest;
        done.map_err(|error| true_cause(source, layer, error).at(format_args!("layer {digest}")))?;
        if let Some(index) = to_keep[number].take() {
            indexes.keep(&layer.diff_id, &index);
        }
    }
    output.writer.finish().map_err(Failure::from)
}

/// The files whose content is left of each layer, each with its names.
struct Files {
    of_layer: Vec<Vec<Left>>,
    /// Where a file of several names stands in there.
    places: HashMap<NodeId, (usize, usize)>,
}

struct Left {
    node: NodeId,
    offset: u64,
    names: Vec<Vec<u8>>,
}

impl Files {
    fn new(layers: usize) -> Files {
        Files { of_layer: (0..layers).map(|_| Vec::new()).collect(), places: HashMap::new() }
    }

    fn add(&mut self, node: NodeId, file: &FileNode, links: u32, name: &[u8]) {
        let layer = file.layer as usize;
        if let Some((layer, at)) = self.places.get(&node) {
            self.of_layer[*layer][*at].names.push(name.to_vec());
            return;
        }
        let list = &mut self.of_layer[layer];
        if links > 1 {
            self.places.insert(node, (layer, list.len()));
        }
        list.push(Left { node, offset: file.offset, names: vec![name.to_vec()] });
    }
}

struct Output<'a, W> {
    writer: TarWriter<W>,
    tree: &'a Tree,
    /// The names that hard links to what has no content name.
    first_names: HashMap<NodeId, Vec<u8>>,
    /// How much the whole names that are kept take in memory, in bytes, and how much they may.
    held: usize,
    most: usize,
}

impl<W: Write> Output<'_, W> {
    /// Writes a directory and all below it that has no content.
    fn directory(&mut self, id: NodeId, path: &mut Vec<u8>, files: &mut Files) -> Result<(), Failure> {
        let node = self.tree.node(id);
        if let NodeKind::Directory { implicit, .. } = node.kind
            && !(path.is_empty() && implicit)
        {
            let name = if path.is_empty() { b"./".to_vec() } else { [&path[..], b"/"].concat() };
            self.write(name, Kind::Directory, id)?;
        }
        let tree = self.tree;
        for (name, child) in tree.children(id) {
            let length = path.len();
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let node = tree.node(child);
            match &node.kind {
                NodeKind::Directory { .. } => self.directory(child, path, files)?,
                NodeKind::File(file) if file.stored() > 0 => {
                    self.hold(path)?;
                    files.add(child, file, node.links, path);
                }
                NodeKind::File(file) => {
                    let kind = Kind::File { size: file.size, pieces: file.pieces.clone() };
                    self.without_content(path, kind, child)?;
                }
                NodeKind::Other(kind) => self.without_content(path, kind.clone(), child)?,
                NodeKind::Free => {}
            }
            path.truncate(length);
        }
        Ok(())
    }

    /// Makes room for a whole name: in the tree, each has only its last part.
    fn hold(&mut self, name: &[u8]) -> Result<(), Failure> {
        self.held += size_of::<Left>() + name.len();
        check_held(self.held, self.most)
    }

    /// Writes something that has no content, or another name of it.
    fn without_content(&mut self, path: &[u8], kind: Kind, id: NodeId) -> Result<(), Failure> {
        if let Some(first) = self.first_names.get(&id) {
            let target = first.clone();
            return self.write(path.to_vec(), Kind::HardLink { target }, id);
        }
        if self.tree.node(id).links > 1 {
            self.hold(path)?;
            self.first_names.insert(id, path.to_vec());
        }
        self.write(path.to_vec(), kind, id)
    }

    fn write(&mut self, path: Vec<u8>, kind: Kind, id: NodeId) -> Result<(), Failure> {
        let entry = Entry { path, kind, metadata: self.tree.node(id).metadata.clone() };
        Ok(self.writer.append(&entry, &mut &b""[..])?)
    }

    /// Copies what is left of a layer.
    fn layer(&mut self, mut stream: LayerStream<'_>, mut left: Vec<Left>) -> Result<(), Failure> {
        left.sort_by_key(|file| file.offset);
        let mut left = left.into_iter().peekable();
        let mut reader = TarReader::new(&mut stream);
        while reader.next_entry().map_err(of_stream)?.is_some() {
            let Some(file) = left.next_if(|file| file.offset == reader.offset()) else { continue };
            let mut names = file.names.into_iter();
            let first = names.next().unwrap_or_default();
            let node = self.tree.node(file.node);
            let NodeKind::File(of) = &node.kind else { continue };
            let kind = Kind::File { size: of.size, pieces: of.pieces.clone() };
            let entry = Entry { path: first.clone(), kind, metadata: node.metadata.clone() };
            self.writer.append(&entry, &mut reader.content()).map_err(of_stream)?;
            for name in names {
                self.write(name, Kind::HardLink { target: first.clone() }, file.node)?;
            }
        }
        if left.peek().is_some() {
            return Err(refused("has changed while it was read"));
        }
        reader.finish().map_err(of_stream)?;
        stream.finish().map(drop)
    }
}

#[cfg(test)]
mod tests;
