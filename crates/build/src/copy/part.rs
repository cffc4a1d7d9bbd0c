//! What a `COPY` found for one of its sources: what it will put where, and where the bytes are.

use super::files::Node;
use super::items::Items;
use super::staged::Staged;
use crate::context::Context;
use crate::context::checkout::Checkout;
use layer::{TreePath, View, ViewReader};
use std::fs::File;

/// What one source led to; a pattern may lead to several.
pub(crate) struct Part<'a> {
    pub(crate) store: Store<'a>,
    /// Its own name.
    pub(crate) name: Vec<u8>,
    /// Where it is in its tree.
    pub(crate) path: TreePath,
    pub(crate) node: Node,
    pub(crate) shape: Shape,
    /// Whether times are those that the tree says; else they would be those of a checkout.
    pub(crate) keeps_times: bool,
}

/// How it is put into the stage.
pub(crate) enum Shape {
    /// A file, or a directory with all that was chosen below it.
    Tree {
        /// Of a directory: its content is put into the destination, not the directory itself.
        contents: bool,
        items: Items,
    },
    /// An archive that is unpacked.
    Archive,
}

/// Where a part's files are.
pub(crate) enum Store<'a> {
    Context(&'a Context),
    Staged(Staged<'a>),
    /// A repository in a directory that goes with this.
    Checkout(Checkout),
    /// A file without a name, from its beginning.
    Downloaded(File),
    /// Nowhere but in the nodes themselves.
    Held,
}

impl Store<'_> {
    /// The tree of files, where it is one on disk.
    pub(crate) fn context(&self) -> Option<&Context> {
        match self {
            Store::Context(context) => Some(context),
            Store::Checkout(checkout) => Some(checkout.context()),
            _ => None,
        }
    }

    /// The view, where the files are in layers.
    pub(crate) fn view(&self) -> Option<&View<'_>> {
        match self {
            Store::Staged(staged) => Some(staged.view),
            _ => None,
        }
    }

    /// What reads them there.
    pub(crate) fn reader(&self) -> Option<ViewReader<'_>> {
        self.view().map(ViewReader::new)
    }
}

impl Part<'_> {
    /// All nodes of it, with their names relative to its own place: itself first.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&TreePath, &Node)> {
        const ITSELF: &TreePath = &TreePath::ROOT;
        let items = match &self.shape {
            Shape::Tree { items, .. } => Some(items),
            Shape::Archive => None,
        };
        let items = items.into_iter().flat_map(Items::iter).map(|item| (&item.path, &item.node));
        std::iter::once((ITSELF, &self.node)).chain(items)
    }
}
