//! Manifests and indexes as what they have in common: the documents that an image's graph is made of.

use crate::document::{MAX_MANIFEST_BYTES, read_verified};
use crate::{Class, Descriptor, Failure, Index, Manifest, MediaType, Raw, RawError, Source};

/// A parsed manifest or index, with its bytes.
#[derive(Clone, Debug)]
pub enum Node {
    /// One image.
    Manifest(Raw<Manifest>),
    /// Several.
    Index(Raw<Index>),
}

impl Node {
    /// Parses the bytes of a manifest or index; which, `media_type` says, or else the bytes themselves.
    ///
    /// # Errors
    /// Not valid JSON of that form.
    pub fn parse(media_type: &MediaType, bytes: Vec<u8>) -> Result<Node, RawError> {
        refuse_both(&bytes)?;
        let is_index = match media_type {
            kind if kind.is_index() => true,
            kind if kind.is_manifest() => false,
            _ => Node::media_type_of(&bytes).is_some_and(|kind| kind.is_index()),
        };
        if is_index {
            Raw::parse("image index", bytes).map(Node::Index)
        } else {
            Raw::parse("image manifest", bytes).map(Node::Manifest)
        }
    }

    /// The type that a manifest's bytes say or show; `None` where they are neither manifest nor index.
    pub fn media_type_of(bytes: &[u8]) -> Option<MediaType> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Shape {
            media_type: Option<MediaType>,
            manifests: Option<serde::de::IgnoredAny>,
            /// A config has a member of this name too, but no layers.
            config: Option<serde::de::IgnoredAny>,
            layers: Option<serde::de::IgnoredAny>,
        }
        let shape: Shape = serde_json::from_slice(bytes).ok()?;
        match (shape.media_type, shape.manifests, shape.config, shape.layers) {
            (Some(kind), ..) if kind.is_document() => Some(kind),
            (_, Some(_), None, _) => Some(MediaType::OciIndex),
            (_, None, Some(_), Some(_)) => Some(MediaType::OciManifest),
            _ => None,
        }
    }

    /// What the node is made of: an index's manifests, or a manifest's config and layers.
    ///
    /// Layers that other registries hold ([`Descriptor::is_foreign`]) are left out.
    pub fn children(&self) -> Vec<Descriptor> {
        match self {
            Node::Index(index) => index.manifests.clone(),
            Node::Manifest(manifest) => std::iter::once(&manifest.config)
                .chain(&manifest.layers)
                .filter(|descriptor| !descriptor.is_foreign())
                .cloned()
                .collect(),
        }
    }

    /// The exact bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Node::Manifest(raw) => raw.bytes(),
            Node::Index(raw) => raw.bytes(),
        }
    }
}

/// A document that is manifest and index at once would be another image to every other reader.
///
/// CVE-2021-41190.
fn refuse_both(bytes: &[u8]) -> Result<(), RawError> {
    #[derive(serde::Deserialize)]
    struct Both {
        manifests: Option<serde::de::IgnoredAny>,
        config: Option<serde::de::IgnoredAny>,
        layers: Option<serde::de::IgnoredAny>,
    }
    match serde_json::from_slice::<Both>(bytes) {
        Ok(Both { manifests: Some(_), config, layers }) if config.is_some() || layers.is_some() => {
            Err(RawError::ambiguous())
        }
        _ => Ok(()),
    }
}

/// Reads, verifies and parses the manifest or index `descriptor`.
///
/// # Errors
/// It is not there, or not what its descriptor says.
pub fn read_node(source: &dyn Source, descriptor: &Descriptor) -> Result<Node, Failure> {
    let bytes = read_verified(source, descriptor, MAX_MANIFEST_BYTES)?;
    Node::parse(&descriptor.media_type, bytes)
        .map_err(|error| Failure::new(Class::Integrity, error).at(descriptor.digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[test]
    fn a_manifest_that_is_not_what_its_descriptor_says_is_an_integrity_failure() {
        let store = MemoryStore::new();
        let root = store.put(MediaType::OciIndex, Raw::write(Index::new(Vec::new())).into_bytes());
        store.insert(root.digest, b"{}".to_vec());
        assert_eq!(read_node(&store, &root).unwrap_err().class(), Class::Integrity);
    }

    #[test]
    fn a_document_that_is_manifest_and_index_at_once_is_refused() {
        let both = br#"{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}"#;
        for kind in [MediaType::OciManifest, MediaType::OciIndex] {
            assert!(Node::parse(&kind, both.to_vec()).is_err());
        }
    }

    #[test]
    fn docker_schema_1_is_refused_by_name() {
        let failure =
            Node::parse(&MediaType::DockerManifest, br#"{"schemaVersion":1}"#.to_vec()).unwrap_err();
        assert!(failure.to_string().contains("docker schema 1 is not supported"), "{failure}");
    }

    #[test]
    fn the_media_type_is_told_by_shape_where_it_is_not_said() {
        for (json, kind) in [
            (r#"{"manifests":[]}"#, Some(MediaType::OciIndex)),
            (r#"{"config":{},"layers":[]}"#, Some(MediaType::OciManifest)),
            (
                r#"{"mediaType":"application/vnd.docker.distribution.manifest.v2+json"}"#,
                Some(MediaType::DockerManifest),
            ),
            (r#"{"layers":[]}"#, None),
            (r#"{"config":{},"rootfs":{}}"#, None),
            ("[]", None),
        ] {
            assert_eq!(Node::media_type_of(json.as_bytes()), kind, "{json}");
        }
    }
}
