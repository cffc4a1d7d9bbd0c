//! An image whose layers are stored in another form: its manifests name the new blobs, its indexes the new manifests.

use image_format::edit::Rewrite;
use image_format::{Class, Descriptor, Digest, Failure, Node, Root};
use std::collections::HashMap;

/// The image with these blobs in place of others. Configs and DiffIDs stay what they are.
///
/// # Errors
/// A manifest cannot be edited.
pub(crate) fn relayer(image: Root, blobs: &HashMap<Digest, Descriptor>) -> Result<Root, Failure> {
    let rewritten = Rewrite { layers: blobs, to_oci: false }.apply(image.documents)?;
    let descriptor = rewritten.descriptor(&image.descriptor);
    Ok(Root { descriptor, documents: rewritten.documents, ..image })
}

/// The layers of the image's manifests, each once, bottom first.
pub(crate) fn layers(image: &Root) -> Vec<Descriptor> {
    let mut layers: Vec<Descriptor> = Vec::new();
    for (_, node) in &image.documents {
        let Node::Manifest(manifest) = node else { continue };
        for layer in manifest.layers.iter().filter(|layer| !layer.is_foreign()) {
            if !layers.iter().any(|other| other.digest == layer.digest) {
                layers.push(layer.clone());
            }
        }
    }
    layers
}

/// A layer that cannot be what its image says it is.
pub(crate) fn wrong(layer: &Descriptor, problem: impl std::fmt::Display) -> Failure {
    Failure::new(Class::Integrity, problem).at(layer.digest)
}
