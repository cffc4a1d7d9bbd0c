//! Docker's media types to OCI's: manifests change, configs and layers keep their bytes.

use crate::graph::Graph;
use image_format::edit::Rewrite;
use image_format::{Descriptor, Failure, Root};
use std::collections::HashMap;

/// The same images under OCI media types; what is OCI already stays as it is.
///
/// # Errors
/// A manifest cannot be edited.
pub(crate) fn to_oci(graph: Graph) -> Result<Graph, Failure> {
    let rewritten = Rewrite { layers: &HashMap::new(), to_oci: true }.apply(graph.image.documents)?;
    let root = rewritten.descriptor(&graph.image.descriptor);
    let changed = graph.changed || root.digest != graph.image.descriptor.digest;
    let image = Root { descriptor: root, names: graph.image.names, documents: rewritten.documents };
    let blobs = graph
        .blobs
        .into_iter()
        .map(|blob| Descriptor { media_type: blob.media_type.to_oci(), ..blob })
        .collect();
    Ok(Graph { image, blobs, changed })
}
