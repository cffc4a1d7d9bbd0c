//! What a stage or an image has: its layers.

use crate::copy::owner;
use image_format::{ChainId, DiffId, Failure, Layer, Silent, Source};
use layer::{Indexes, View};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A stack of layers, read as one tree only when somebody looks at it.
pub struct Tree<'a> {
    source: &'a dyn Source,
    layers: Vec<Layer>,
    indexes: Indexes,
    view: OnceLock<Arc<View<'a>>>,
    /// The names, or those of a lower part of the layers.
    names: Mutex<Option<Arc<View<'a>>>>,
}

impl<'a> Tree<'a> {
    /// `layers`, bottom first, whose blobs `source` has.
    pub fn new(source: &'a dyn Source, layers: Vec<Layer>, indexes: Indexes) -> Tree<'a> {
        Tree { source, layers, indexes, view: OnceLock::new(), names: Mutex::default() }
    }

    /// The same with one more layer on top, which takes over what is known of names.
    #[must_use]
    pub fn with(&self, layer: Layer) -> Tree<'a> {
        let mut layers = self.layers.clone();
        layers.push(layer);
        let names = Mutex::new(self.known_names().take());
        Tree { names, ..Tree::new(self.source, layers, self.indexes.clone()) }
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
        Ok(self.view.get_or_init(|| Arc::new(view)))
    }

    /// The same tree in a third of the memory: of regular files nobody knows more than that they are there, but for lists of
    /// users. Where the names of the tree below are known, only the layers on top are read.
    ///
    /// # Errors
    /// As [`View::new`].
    pub(crate) fn names(&self) -> Result<Arc<View<'a>>, Failure> {
        let mut known = self.known_names();
        let is_all = |names: &&Arc<View<'a>>| names.layers().len() == self.layers.len();
        if let Some(all) = self.view.get().or_else(|| known.as_ref().filter(is_all)) {
            return Ok(all.clone());
        }
        let below = known.take().and_then(Arc::into_inner);
        let mut names = below.unwrap_or_else(|| View::of_names(self.source, owner::is_list));
        names.add(&self.layers[names.layers().len()..], &self.indexes, &Silent)?;
        let names = Arc::new(names);
        *known = Some(names.clone());
        Ok(names)
    }

    /// Frees what is known of names, which no instruction will ask for.
    pub(crate) fn forget_names(&self) {
        self.known_names().take();
    }

    fn known_names(&self) -> MutexGuard<'_, Option<Arc<View<'a>>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
