//! Rewrites an image's graph: manifests name other layers, or all go under OCI's media types, and whatever names a document
//! names the new one.

use super::{EditError, index_to_oci, index_with, manifest_to_oci, manifest_with};
use crate::{Descriptor, Digest, Index, Manifest, Node, Raw};
use std::collections::HashMap;

/// What to rewrite of an image's documents.
#[derive(Clone, Copy, Debug)]
pub struct Rewrite<'a> {
    /// Layers that take the place of others, by the digests of those. Configs and DiffIDs stay what they are.
    pub layers: &'a HashMap<Digest, Descriptor>,
    /// Do docker's media types become OCI's? Configs and layers keep their bytes.
    pub to_oci: bool,
}

/// What became of an image's documents.
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// The documents in the order in which they came.
    pub documents: Vec<(Descriptor, Node)>,
    renamed: HashMap<Digest, Descriptor>,
}

impl Rewritten {
    /// The descriptor for what became of the document: the same in all but media type, digest and size.
    pub fn descriptor(&self, old: &Descriptor) -> Descriptor {
        self.renamed.get(&old.digest).map_or_else(|| old.clone(), |new| like(old, new))
    }
}

impl Rewrite<'_> {
    /// Rewrites `documents`, children before their parents.
    ///
    /// Indexes name the new manifests, and so do the annotations by which BuildKit's attestations name the image that they
    /// are about. What needs no change keeps its bytes.
    ///
    /// # Errors
    /// The JSON of a document cannot be edited.
    pub fn apply(&self, documents: Vec<(Descriptor, Node)>) -> Result<Rewritten, EditError> {
        let mut rewritten =
            Rewritten { documents: Vec::with_capacity(documents.len()), renamed: HashMap::new() };
        for (old, node) in documents {
            let changed = match &node {
                Node::Manifest(manifest) => self.manifest(&old, manifest)?.map(Node::Manifest),
                Node::Index(index) => self.index(&old, index, &rewritten.renamed)?.map(Node::Index),
            };
            let Some(node) = changed else {
                rewritten.documents.push((old, node));
                continue;
            };
            let media_type = if self.to_oci { old.media_type.to_oci() } else { old.media_type.clone() };
            let digest = Digest::of(old.digest.algorithm(), node.bytes());
            let new = Descriptor { media_type, digest, size: node.bytes().len() as u64, ..old.clone() };
            rewritten.renamed.insert(old.digest, new.clone());
            rewritten.documents.push((new, node));
        }
        Ok(rewritten)
    }

    fn manifest(
        &self,
        old: &Descriptor,
        manifest: &Raw<Manifest>,
    ) -> Result<Option<Raw<Manifest>>, EditError> {
        let layers = replaced(&manifest.layers, self.layers);
        let new = (layers != manifest.layers).then(|| manifest_with(manifest, &layers)).transpose()?;
        if self.to_oci && old.media_type.is_docker() {
            return manifest_to_oci(new.as_ref().unwrap_or(manifest)).map(Some);
        }
        Ok(new)
    }

    fn index(
        &self,
        old: &Descriptor,
        index: &Raw<Index>,
        renamed: &HashMap<Digest, Descriptor>,
    ) -> Result<Option<Raw<Index>>, EditError> {
        let mut children = replaced(&index.manifests, renamed);
        children.iter_mut().for_each(|child| rename_subject(child, renamed));
        if self.to_oci && old.media_type.is_docker() {
            return index_to_oci(index, &children).map(Some);
        }
        (children != index.manifests).then(|| index_with(index, &children)).transpose()
    }
}

/// The descriptors, with new ones where there are some.
fn replaced(old: &[Descriptor], new: &HashMap<Digest, Descriptor>) -> Vec<Descriptor> {
    let replaced = |old: &Descriptor| new.get(&old.digest).map_or_else(|| old.clone(), |new| like(old, new));
    old.iter().map(replaced).collect()
}

/// The old descriptor, with its platform and annotations, for the new bytes.
fn like(old: &Descriptor, new: &Descriptor) -> Descriptor {
    Descriptor { media_type: new.media_type.clone(), digest: new.digest, size: new.size, ..old.clone() }
}

/// BuildKit's attestations name in an annotation the image that they are about: `vnd.docker.reference.digest`.
fn rename_subject(row: &mut Descriptor, renamed: &HashMap<Digest, Descriptor>) {
    for value in row.annotations.iter_mut().flat_map(|annotations| annotations.values_mut()) {
        if let Some(new) = value.parse().ok().and_then(|digest: Digest| renamed.get(&digest)) {
            *value = new.digest.to_string();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ImageConfig, MediaType};

    const ABOUT: &str = "vnd.docker.reference.digest";

    fn document(kind: MediaType, node: Node) -> (Descriptor, Node) {
        let digest = Digest::sha256(node.bytes());
        (Descriptor::new(kind, digest, node.bytes().len() as u64), node)
    }

    fn layer(content: &str, kind: MediaType) -> Descriptor {
        Descriptor::new(kind, Digest::sha256(content.as_bytes()), content.len() as u64)
    }

    /// An image of this layer, an attestation about it, and the index of both.
    fn attested(docker: bool, of: &Descriptor) -> Vec<(Descriptor, Node)> {
        let (config, manifest, index) = match docker {
            true => (MediaType::DockerConfig, MediaType::DockerManifest, MediaType::DockerIndex),
            false => (MediaType::OciConfig, MediaType::OciManifest, MediaType::OciIndex),
        };
        let config = Raw::write(ImageConfig::default()).descriptor(config);
        let make = |layers: Vec<Descriptor>| {
            let value =
                Manifest { media_type: Some(manifest.clone()), ..Manifest::new(config.clone(), layers) };
            document(manifest.clone(), Node::Manifest(Raw::write(value)))
        };
        let image = make(vec![of.clone()]);
        let statement = layer("statement", MediaType::from("application/vnd.in-toto+json"));
        let attestation = make(vec![statement]);
        let about = attestation.0.clone().with_annotation(ABOUT, image.0.digest.to_string());
        let list = Index { media_type: Some(index.clone()), ..Index::new(vec![image.0.clone(), about]) };
        vec![image, attestation, document(index, Node::Index(Raw::write(list)))]
    }

    fn check(rewritten: &Rewritten, old: &[(Descriptor, Node)]) {
        let [(image, _), (attestation, _), (root, Node::Index(index))] = &rewritten.documents[..] else {
            panic!("an image, an attestation and an index");
        };
        let [named, about] = &index.manifests[..] else { panic!("two rows") };
        assert_eq!((named.digest, about.digest), (image.digest, attestation.digest));
        assert_eq!(about.annotation(ABOUT), Some(&*image.digest.to_string()));
        assert_ne!(image.digest, old[0].0.digest);
        assert_eq!(rewritten.descriptor(&old[2].0), *root);
        for (descriptor, node) in &rewritten.documents {
            assert_eq!(descriptor.digest, Digest::sha256(node.bytes()));
        }
    }

    #[test]
    fn attestations_are_about_the_image_with_its_new_layer() {
        let (old, new) = (layer("old", MediaType::OciLayer), layer("new", MediaType::OciLayerGzip));
        let layers = HashMap::from([(old.digest, new.clone())]);
        let documents = attested(false, &old);
        let rewritten = Rewrite { layers: &layers, to_oci: false }.apply(documents.clone()).unwrap();
        check(&rewritten, &documents);
        let Node::Manifest(manifest) = &rewritten.documents[0].1 else { panic!("a manifest") };
        assert_eq!(manifest.layers, [new]);
        assert_eq!(rewritten.documents[1].0, documents[1].0, "what has not changed keeps its name");
    }

    #[test]
    fn attestations_are_about_the_image_under_its_new_media_types() {
        let documents = attested(true, &layer("layer", MediaType::DockerLayerGzip));
        let rewritten = Rewrite { layers: &HashMap::new(), to_oci: true }.apply(documents.clone()).unwrap();
        check(&rewritten, &documents);
        assert!(rewritten.documents.iter().all(|(descriptor, _)| !descriptor.media_type.is_docker()));
        assert!(
            rewritten
                .documents
                .iter()
                .all(|(_, node)| !node.children().iter().any(|it| it.media_type.is_docker()))
        );
    }

    #[test]
    fn what_needs_no_change_keeps_its_bytes() {
        let documents = attested(false, &layer("layer", MediaType::OciLayerGzip));
        let rewritten = Rewrite { layers: &HashMap::new(), to_oci: true }.apply(documents.clone()).unwrap();
        for ((old, node), (new, same)) in documents.iter().zip(&rewritten.documents) {
            assert_eq!((old, node.bytes()), (new, same.bytes()));
        }
    }
}
