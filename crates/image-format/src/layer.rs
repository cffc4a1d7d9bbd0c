//! A layer of an image: its blob, and what that must unpack to.

use crate::{Class, Descriptor, DiffId, Failure, ImageConfig, Manifest};

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The blob.
    pub descriptor: Descriptor,
    /// The digest of its tar.
    pub diff_id: DiffId,
}

impl Layer {
    /// The layers of an image, bottom first.
    ///
    /// # Errors
    /// Manifest and config do not have as many; one is nothing that can be unpacked, as in an artifact.
    pub fn all(manifest: &Manifest, config: &ImageConfig) -> Result<Vec<Layer>, Failure> {
        let (layers, diff_ids) = (&manifest.layers, &config.rootfs.diff_ids);
        if layers.len() != diff_ids.len() {
            let message = format!("the manifest has {} layers, the config {}", layers.len(), diff_ids.len());
            return Err(Failure::new(Class::Integrity, message));
        }
        if let Some(other) = layers.iter().find(|layer| !layer.media_type.is_layer()) {
            let message = format!("{}: {} is no layer of an image", other.digest, other.media_type);
            return Err(Failure::new(Class::Integrity, message));
        }
        let pair = |(descriptor, diff_id): (&Descriptor, &DiffId)| Layer {
            descriptor: descriptor.clone(),
            diff_id: *diff_id,
        };
        Ok(layers.iter().zip(diff_ids).map(pair).collect())
    }
}
