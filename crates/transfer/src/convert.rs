//! Docker's media types to OCI's: manifests change, configs and layers keep their bytes.

use crate::graph::{Graph, Member};
use image_format::edit::Rewrite;
use image_format::{Descriptor, Failure};
use std::collections::HashMap;

/// The same images under OCI media types; what is OCI already stays as it is.
///
/// # Errors
/// A manifest cannot be edited.
pub(crate) fn to_oci(graph: Graph) -> Result<Graph, Failure> {
    let documents = graph.manifests.into_iter().map(|member| (member.descriptor, member.node)).collect();
    let rewritten = Rewrite { layers: &HashMap::new(), to_oci: true }.apply(documents)?;
    let root = rewritten.descriptor(&graph.root);
    let changed = graph.changed || root.digest != graph.root.digest;
    let manifests =
        rewritten.documents.into_iter().map(|(descriptor, node)| Member { descriptor, node }).collect();
    let blobs = graph
        .blobs
        .into_iter()
        .map(|blob| Descriptor { media_type: blob.media_type.to_oci(), ..blob })
        .collect();
    Ok(Graph { root, manifests, blobs, changed })
}
