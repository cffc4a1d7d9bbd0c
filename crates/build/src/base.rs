//! The images that stages are built on, and that files are taken from.

use image_format::{Digest, Failure, ImageConfig, ImageName, Layer, Platform};

/// An image whose layers are in the layout that is built into.
#[derive(Clone, Debug)]
pub struct Base {
    /// Its name, where it has one.
    pub name: Option<ImageName>,
    /// The digest of its manifest, or of the index that it was chosen from.
    pub digest: Digest,
    /// Its config.
    pub config: ImageConfig,
    /// Its layers, bottom first.
    pub layers: Vec<Layer>,
}

/// Where images come from: the layout, a registry, another layout.
pub trait Bases: Sync {
    /// The image that `reference` names, for `platform`. Its blobs are in the layout that is built into when this returns,
    /// and stay there for as long as the build.
    ///
    /// # Errors
    /// There is none, or it cannot be had.
    fn base(&self, reference: &str, platform: &Platform) -> Result<Base, Failure>;
}
