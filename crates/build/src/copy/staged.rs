//! The files of a stage or an image, by its layers.

use super::files::{Content, Files, Node};
use dockerfile::Ignore;
use image_format::Failure;
use layer::{Kind, TreePath, View, ViewNode};

/// A view as a tree that files are copied from.
pub(crate) struct Staged<'v> {
    pub(crate) view: &'v View<'v>,
    nothing: Ignore,
    name: String,
}

impl<'v> Staged<'v> {
    /// `name` is what messages call it.
    pub(crate) fn new(view: &'v View<'v>, name: impl Into<String>) -> Staged<'v> {
        Staged { view, nothing: Ignore::default(), name: name.into() }
    }

    /// What has this very name, without symlinks on its way.
    fn find(&self, path: &TreePath) -> Option<ViewNode<'_>> {
        if path.is_root() {
            return Some(self.view.root());
        }
        self.view.find(path).filter(|(real, _)| real == path).map(|(_, node)| node)
    }
}

impl Files for Staged<'_> {
    fn node(&self, path: &TreePath) -> Result<Option<Node>, Failure> {
        Ok(self.find(path).map(node_of))
    }

    fn children(&self, path: &TreePath) -> Result<Vec<(Vec<u8>, Node)>, Failure> {
        let Some(directory) = self.find(path) else { return Ok(Vec::new()) };
        Ok(directory.children().map(|(name, node)| (name.to_vec(), node_of(node))).collect())
    }

    fn ignore(&self) -> &Ignore {
        &self.nothing
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// What a view says of a node.
pub(crate) fn node_of(node: ViewNode<'_>) -> Node {
    let content = match node.place() {
        Some((layer, offset)) => Content::InLayer {
            place: (layer as u32, offset),
            number: node.number(),
            linked: node.links() > 1,
        },
        None => Content::Nothing,
    };
    let kind = match node.kind() {
        Kind::File { size, .. } => Kind::File { size, pieces: None },
        other => other,
    };
    Node { kind, metadata: node.metadata().clone(), content }
}
