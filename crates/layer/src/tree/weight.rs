//! How much memory entries take while they are held: names and metadata, never content.

use super::index::Indexed;
use super::model::{Edge, FileNode, Node, NodeKind};
use crate::entry::{Kind, Metadata, Piece};
use crate::failure::refused;
use image_format::Failure;

/// How many bytes of names and metadata one layer may have, and the tree that layers make: two million files at least.
pub(crate) const MAX_HELD: usize = 512 << 20;
/// What a map or an allocation needs besides what it holds, in bytes; about.
const OVERHEAD: usize = 32;

/// Refuses names and metadata beyond `most` bytes.
pub(crate) fn check_held(held: usize, most: usize) -> Result<(), Failure> {
    if held <= most {
        return Ok(());
    }
    Err(refused(format_args!("names and metadata of more than {most} bytes; so much is not held in memory")))
}

/// Of an entry of a layer.
pub(crate) fn of_entry(indexed: &Indexed) -> usize {
    let entry = &indexed.entry;
    size_of::<Indexed>() + entry.path.len() + of_kind(&entry.kind) + of_metadata(&entry.metadata)
}

/// Of a node without its name, and without what lies in it.
pub(crate) fn of_node(node: &Node) -> usize {
    let kind = match &node.kind {
        NodeKind::File(FileNode { pieces, .. }) => of_pieces(pieces.as_deref()),
        NodeKind::Other(kind) => of_kind(kind),
        NodeKind::Directory { .. } | NodeKind::Free => 0,
    };
    size_of::<Node>() + kind + of_metadata(&node.metadata)
}

/// Of a name in a directory.
pub(crate) fn of_edge(name: &[u8]) -> usize {
    size_of::<(Box<[u8]>, Edge)>() + OVERHEAD + name.len()
}

fn of_kind(kind: &Kind) -> usize {
    match kind {
        Kind::File { pieces, .. } => of_pieces(pieces.as_deref()),
        Kind::HardLink { target } | Kind::Symlink { target } => target.len(),
        Kind::CharacterDevice(_) | Kind::BlockDevice(_) | Kind::Fifo | Kind::Directory => 0,
    }
}

fn of_pieces(pieces: Option<&[Piece]>) -> usize {
    pieces.map_or(0, size_of_val)
}

/// Of what stands on the heap.
pub(crate) fn of_metadata(metadata: &Metadata) -> usize {
    let attribute = |(name, value): (&Vec<u8>, &Vec<u8>)| {
        size_of::<(Vec<u8>, Vec<u8>)>() + 2 * OVERHEAD + name.len() + value.len()
    };
    metadata.xattrs.iter().map(attribute).sum()
}
