//! Image indexes and docker's manifest lists: the images of several platforms under one digest.

use crate::manifest::{Version2, null_is_empty};
use crate::{Class, Descriptor, Digest, Failure, MediaType};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A list of manifests.
///
/// Spec: image-spec, image-index.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: Version2,
    /// The index's own type; docker's lists always say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// The kind of artifact, where it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifests, in order of preference.
    #[serde(deserialize_with = "null_is_empty")]
    pub manifests: Vec<Descriptor>,
    /// What this index refers to, where it is a referrer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Free annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

impl Index {
    /// An OCI index of `manifests`.
    pub fn new(manifests: Vec<Descriptor>) -> Index {
        Index {
            schema_version: Version2,
            media_type: Some(MediaType::OciIndex),
            artifact_type: None,
            manifests,
            subject: None,
            annotations: None,
        }
    }
}

/// Why images cannot stand in one index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformsError {
    /// Two images for one platform.
    #[error("{platform}: two images are for this platform: {first} and {second}; expected one for each")]
    Twice {
        /// The platform.
        platform: String,
        /// The digest of the first.
        first: String,
        /// The digest of the second.
        second: String,
    },
    /// An image that says no platform.
    #[error("{0}: says no platform; expected the image of one")]
    None(Digest),
}

impl Index {
    /// An OCI index of images, one for each platform. An image that stands twice is taken once; attestations
    /// (`unknown/unknown`) may be many.
    ///
    /// # Errors
    /// Two different images are for one platform, or one says none.
    pub fn of_platforms(images: impl IntoIterator<Item = Descriptor>) -> Result<Index, PlatformsError> {
        let mut taken: Vec<Descriptor> = Vec::new();
        for image in images {
            let platform = image.platform.clone().ok_or(PlatformsError::None(image.digest))?;
            if taken.iter().any(|other| other.digest == image.digest) {
                continue;
            }
            let same = taken.iter().find(|other| other.platform.as_ref() == Some(&platform));
            if let Some(other) = same.filter(|_| platform.is_known()) {
                let [first, second] = [other.digest, image.digest].map(|digest| digest.to_string());
                return Err(PlatformsError::Twice { platform: platform.to_string(), first, second });
            }
            taken.push(image);
        }
        Ok(Index::new(taken))
    }
}

impl From<PlatformsError> for Failure {
    fn from(error: PlatformsError) -> Failure {
        Failure::new(Class::Usage, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(content: &str, platform: &str) -> Descriptor {
        let digest = Digest::sha256(content.as_bytes());
        Descriptor::new(MediaType::OciManifest, digest, 1).with_platform(platform.parse().ok())
    }

    #[test]
    fn each_platform_has_one_image() {
        let index = Index::of_platforms([
            image("a", "linux/amd64"),
            image("b", "linux/arm64"),
            image("a", "linux/amd64"),
            image("x", "unknown/unknown"),
            image("y", "unknown/unknown"),
        ]);
        assert_eq!(index.unwrap().manifests.len(), 4);
        let twice = Index::of_platforms([image("a", "linux/amd64"), image("b", "linux/amd64")]);
        assert!(matches!(twice, Err(PlatformsError::Twice { .. })));
        assert!(matches!(Index::of_platforms([image("a", "")]), Err(PlatformsError::None(_))));
    }
}
