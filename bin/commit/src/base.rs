//! The image that the changes are put on.

use cache::Cache;
use cli::{Error, Image, Io};
use container::{TreeChanges, Unpacked};
use image_format::{Descriptor, Digest, Layer, Observer, Source, annotation, edit};
use layer::Indexes;
use std::collections::BTreeMap;

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
        let layout = self.image.place.layout();
        let blobs: Vec<Descriptor> = self.layers.iter().map(|layer| layer.descriptor.clone()).collect();
        let held = layout.hold(&blobs)?;
        let source: &dyn Source = held.as_deref().map_or(layout, |held| held);
        let kept = io.environment().cache_directory().map(Cache::new);
        let indexes = kept.map_or_else(Indexes::none, Indexes::in_cache);
        let changes = unpacked.changes(source, &self.layers, self.digest(), &indexes, observer);
        changes.map_err(|error| self.image.blame(error))
    }

    /// What the history says of how the new layer came to be: of what image, to the byte.
    pub(crate) fn command(&self) -> String {
        let name = self.image.image_name().map(|name| name.unpinned().to_string()).unwrap_or_default();
        format!("oci-commit --from DIR {name}@{}", self.digest())
    }

    /// What the manifest says of it.
    pub(crate) fn annotations(&self) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::new();
        if let Some(name) = self.image.image_name() {
            annotations.insert(annotation::BASE_NAME.to_owned(), name.to_string());
        }
        annotations.insert(annotation::BASE_DIGEST.to_owned(), self.digest().to_string());
        annotations
    }
}
