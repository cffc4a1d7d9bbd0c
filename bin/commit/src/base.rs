//! The image that the changes are put on.

use cli::{Error, Image, Io};
use container::{TreeChanges, Unpacked};
use image_format::{Digest, Layer, Observer, Stack, edit};
use layer::Indexes;

/// An image of one platform, its parts, and its layers.
pub(crate) struct Base {
    image: Image,
    parts: edit::Image,
    layers: Vec<Layer>,
}

impl Base {
    pub(crate) fn new(image: Image) -> Result<Base, Error> {
        let (_, parts) = image.editable(None)?;
        let layers = Layer::all(&parts.manifest, &parts.config).map_err(|error| error.at(image.to_text()))?;
        Ok(Base { image, parts, layers })
    }

    pub(crate) fn image(&self) -> &Image {
        &self.image
    }

    pub(crate) fn parts(&self) -> &edit::Image {
        &self.parts
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    pub(crate) fn digest(&self) -> &Digest {
        &self.image.descriptor.digest
    }

    /// What makes its tree into `unpacked`.
    pub(crate) fn changes(
        &self,
        io: &Io,
        unpacked: &Unpacked,
        observer: &dyn Observer,
    ) -> Result<TreeChanges, Error> {
        let stack = Stack::hold(self.image.place.layout(), self.layers.clone())?;
        let indexes = Indexes::in_directory(io.environment().cache_directory());
        let changes = unpacked.changes(&stack, self.digest(), &indexes, observer);
        changes.map_err(|error| self.image.blame(error))
    }

    /// What the history says of how the new layer came to be: of what image, to the byte.
    pub(crate) fn command(&self) -> String {
        let name = self.image.image_name().map(|name| name.unpinned().to_string()).unwrap_or_default();
        format!("oci-commit --from DIR {name}@{}", self.digest())
    }
}
