//! The layers of an image where nobody takes them away.

use crate::{Descriptor, Failure, Layer, Source};
use std::fmt;

/// A stack of layers, bottom first, and the source that has their blobs for as long as this lives, whatever is removed
/// from a layout meanwhile.
pub struct Stack<'a> {
    layers: Vec<Layer>,
    source: &'a dyn Source,
    held: Option<Box<dyn Source + Send>>,
}

impl<'a> Stack<'a> {
    /// Holds the blobs of `layers`.
    ///
    /// # Errors
    /// One of them is not there.
    pub fn hold(source: &'a dyn Source, layers: Vec<Layer>) -> Result<Stack<'a>, Failure> {
        let blobs: Vec<Descriptor> = layers.iter().map(|layer| layer.descriptor.clone()).collect();
        Ok(Stack { layers, source, held: source.hold(&blobs)? })
    }

    /// The layers.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What has their blobs.
    pub fn source(&self) -> &dyn Source {
        self.held.as_deref().map_or(self.source, |held| held)
    }
}

impl fmt::Debug for Stack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("layers", &self.layers).finish_non_exhaustive()
    }
}
