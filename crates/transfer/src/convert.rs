//! Docker's media types to OCI's: manifests change, configs and layers keep their bytes.

use crate::graph::{Graph, Member};
use image_format::{Descriptor, Digest, Failure, Node, edit};
use std::collections::HashMap;

/// The same images under OCI media types; what is OCI already stays as it is.
///
/// # Errors
/// A manifest cannot be edited.
pub(crate) fn to_oci(graph: Graph) -> Result<Graph, Failure> {
    let mut renamed: HashMap<Digest, Descriptor> = HashMap::new();
    let mut manifests = Vec::with_capacity(graph.manifests.len());
    for member in graph.manifests {
        let converted = convert(&member, &renamed)?;
        renamed.insert(member.descriptor.digest, converted.descriptor.clone());
        manifests.push(converted);
    }
    let root =
        renamed.get(&graph.root.digest).map_or_else(|| graph.root.clone(), |new| like(&graph.root, new));
    let blobs = graph
        .blobs
        .into_iter()
        .map(|blob| Descriptor { media_type: blob.media_type.to_oci(), ..blob })
        .collect();
    let changed = graph.changed || root.digest != graph.root.digest;
    Ok(Graph { root, manifests, blobs, changed })
}

fn convert(member: &Member, renamed: &HashMap<Digest, Descriptor>) -> Result<Member, Failure> {
    let (bytes, media_type) = match &member.node {
        Node::Manifest(manifest) if member.descriptor.media_type.is_docker() => {
            let manifest = edit::manifest_to_oci(manifest)?;
            (manifest.into_bytes(), member.descriptor.media_type.to_oci())
        }
        Node::Index(index) => {
            let children: Vec<Descriptor> = index
                .manifests
                .iter()
                .map(|child| renamed.get(&child.digest).map_or_else(|| child.clone(), |new| like(child, new)))
                .collect();
            if children == index.manifests && !member.descriptor.media_type.is_docker() {
                return Ok(member.clone());
            }
            let index = edit::index_to_oci(index, &children)?;
            (index.into_bytes(), member.descriptor.media_type.to_oci())
        }
        Node::Manifest(_) => return Ok(member.clone()),
    };
    Member::new(media_type, bytes)
}

/// The old descriptor, with its platform and annotations, for the new bytes.
fn like(old: &Descriptor, new: &Descriptor) -> Descriptor {
    Descriptor { media_type: new.media_type.clone(), digest: new.digest, size: new.size, ..old.clone() }
}
