//! One of the images that are looked at, and the layers that it is made of.

use cli::{Error, Io, Progress, Readable};
use image_format::{Descriptor, Failure, Layer, Observer as _, Platform, Source, edit};

/// An image: its manifest and config, nothing of its layers.
pub(crate) struct Side {
    readable: Readable,
    pub(crate) image: edit::Image,
}

/// The layers of an image, where nobody takes them away.
pub(crate) struct Stack<'a> {
    source: &'a dyn Source,
    held: Option<Box<dyn Source + Send>>,
    layers: Vec<Layer>,
    is_here: bool,
}

impl Side {
    pub(crate) fn open(readable: Readable, platform: Option<&Platform>) -> Result<Side, Error> {
        let image = readable.parts(platform)?;
        Ok(Side { readable, image })
    }

    pub(crate) fn stack(&self) -> Result<Stack<'_>, Error> {
        let at = |failure: Failure| failure.at(self.readable.reference_to(&self.readable.descriptor));
        let layers = Layer::all(&self.image.manifest, &self.image.config).map_err(at)?;
        let blobs: Vec<Descriptor> = layers.iter().map(|layer| layer.descriptor.clone()).collect();
        let source = self.readable.source();
        Ok(Stack { held: source.hold(&blobs)?, source, layers, is_here: self.readable.is_here() })
    }
}

impl Stack<'_> {
    pub(crate) fn parts(&self) -> (&dyn Source, &[Layer]) {
        (self.held.as_deref().map_or(self.source, |held| held), &self.layers)
    }

    /// How many bytes its tars have, where that is known without reading them.
    fn size(&self) -> Option<u64> {
        let (source, layers) = self.parts();
        let mut layers = layers.iter().filter(|_| self.is_here);
        layers.try_fold(0, |sum: u64, layer| Some(sum + layer::unpacked_size_of(source, &layer.descriptor)?))
    }
}

/// Shows how the reading of these gets on.
pub(crate) fn progress(io: &Io, stacks: &[&Stack<'_>]) -> Progress {
    let progress = io.progress();
    let sizes: Option<u64> = stacks.iter().map(|stack| stack.size().filter(|size| *size > 0)).sum();
    sizes.into_iter().for_each(|size| progress.expect(size));
    progress
}
