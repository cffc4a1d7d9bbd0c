//! An image whose layers are stored in another form: its manifests name the new blobs, its indexes the new manifests.

use image_format::{Class, Descriptor, Digest, Failure, Node, Root, edit};
use std::collections::HashMap;

/// The image with these blobs in place of others. Configs and DiffIDs stay what they are.
///
/// # Errors
/// A manifest cannot be edited.
pub(crate) fn relayer(image: Root, blobs: &HashMap<Digest, Descriptor>) -> Result<Root, Failure> {
    let mut renamed: HashMap<Digest, Descriptor> = HashMap::new();
    let mut documents = Vec::with_capacity(image.documents.len());
    for (descriptor, node) in image.documents {
        let changed = match &node {
            Node::Manifest(manifest) => {
                let layers = replaced(&manifest.layers, blobs);
                (layers != manifest.layers)
                    .then(|| edit::manifest_with(manifest, &layers))
                    .transpose()?
                    .map(Node::Manifest)
            }
            Node::Index(index) => {
                let children = replaced(&index.manifests, &renamed);
                (children != index.manifests)
                    .then(|| edit::index_with(index, &children))
                    .transpose()?
                    .map(Node::Index)
            }
        };
        let Some(node) = changed else {
            documents.push((descriptor, node));
            continue;
        };
        let digest = Digest::of(descriptor.digest.algorithm(), node.bytes());
        let new = Descriptor { digest, size: node.bytes().len() as u64, ..descriptor.clone() };
        renamed.insert(descriptor.digest, new.clone());
        documents.push((new, node));
    }
    let descriptor = match renamed.get(&image.descriptor.digest) {
        Some(new) => Descriptor { digest: new.digest, size: new.size, ..image.descriptor },
        None => image.descriptor,
    };
    Ok(Root { descriptor, documents, ..image })
}

/// The same descriptors, with their annotations and platforms, for the new bytes.
fn replaced(old: &[Descriptor], new: &HashMap<Digest, Descriptor>) -> Vec<Descriptor> {
    old.iter()
        .map(|old| match new.get(&old.digest) {
            Some(new) => Descriptor {
                media_type: new.media_type.clone(),
                digest: new.digest,
                size: new.size,
                ..old.clone()
            },
            None => about(old, new),
        })
        .collect()
}

/// BuildKit's attestations name in an annotation the image that they are about.
fn about(row: &Descriptor, new: &HashMap<Digest, Descriptor>) -> Descriptor {
    let mut row = row.clone();
    for value in row.annotations.iter_mut().flat_map(|annotations| annotations.values_mut()) {
        if let Some(new) = value.parse().ok().and_then(|digest: Digest| new.get(&digest)) {
            *value = new.digest.to_string();
        }
    }
    row
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
