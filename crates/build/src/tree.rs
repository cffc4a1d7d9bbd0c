//! What a stage or an image has: its layers.

use image_format::{ChainId, DiffId, Failure, Layer, Silent, Source};
use layer::{Indexes, View};
use std::sync::OnceLock;

/// A stack of layers, read as one tree only when somebody looks at it.
pub struct Tree<'a> {
    source: &'a dyn Source,
    layers: Vec<Layer>,
    indexes: Indexes,
    view: OnceLock<View<'a>>,
}

impl<'a> Tree<'a> {
    /// `layers`, bottom first, whose blobs `source` has.
    pub fn new(source: &'a dyn Source, layers: Vec<Layer>, indexes: Indexes) -> Tree<'a> {
        Tree { source, layers, indexes, view: OnceLock::new() }
    }

    /// The same with one more layer on top.
    #[must_use]
    pub fn with(&self, layer: Layer) -> Tree<'a> {
        let mut layers = self.layers.clone();
        layers.push(layer);
        Tree::new(self.source, layers, self.indexes.clone())
    }

    /// Where indexes of layers are kept.
    pub(crate) fn indexes(&self) -> &Indexes {
        &self.indexes
    }

    /// The layers, bottom first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The identity of all that is in it; `None` where there is no layer.
    pub fn chain_id(&self) -> Option<ChainId> {
        let diff_ids: Vec<DiffId> = self.layers.iter().map(|layer| layer.diff_id).collect();
        ChainId::of(&diff_ids)
    }

    /// The tree that the layers make. The first call reads those that have no index yet.
    ///
    /// # Errors
    /// As [`View::new`].
    pub fn view(&self) -> Result<&View<'a>, Failure> {
        if let Some(view) = self.view.get() {
            return Ok(view);
        }
        let view = View::new(self.source, &self.layers, &self.indexes, &Silent)?;
        Ok(self.view.get_or_init(|| view))
    }
}
