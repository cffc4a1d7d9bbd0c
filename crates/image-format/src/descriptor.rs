//! Descriptors: what a blob is, how long it is and what its digest is.

use crate::{Digest, ImageName, MediaType, Platform, annotation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A reference to a blob by content.
///
/// Spec: image-spec, descriptor.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob is.
    pub media_type: MediaType,
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Other places it may be fetched from; never followed by our tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urls: Option<Vec<String>>,
    /// Free annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// What the image runs on, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The kind of artifact that a referrer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// A descriptor with only the members that every one has.
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type,
            digest,
            size,
            urls: None,
            annotations: None,
            platform: None,
            artifact_type: None,
        }
    }

    /// The name `REPOSITORY@DIGEST`, of this digest, that a row without a tag may have: it says where the image belongs.
    pub fn pinned_name(&self) -> Option<ImageName> {
        [annotation::CONTAINERD_NAME, annotation::REF_NAME].iter().find_map(|key| {
            let name: ImageName = self.annotation(key)?.parse().ok()?;
            (name.tag().is_none() && name.digest() == Some(&self.digest)).then_some(name)
        })
    }

    /// The annotation `key`, if it is there.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// The descriptor with the annotation `key` set.
    #[must_use]
    pub fn with_annotation(mut self, key: &str, value: impl Into<String>) -> Descriptor {
        self.annotations.get_or_insert_default().insert(key.to_owned(), value.into());
        self
    }

    /// The descriptor with its platform set.
    #[must_use]
    pub fn with_platform(mut self, platform: Option<Platform>) -> Descriptor {
        self.platform = platform;
        self
    }

    /// Does another registry hold this blob, so that it is not part of a transfer?
    ///
    /// Spec: image-spec, layer.md, "Non-Distributable Layers".
    pub fn is_foreign(&self) -> bool {
        let kind = self.media_type.as_str();
        (kind.contains(".nondistributable.") || kind.contains(".foreign."))
            && self.urls.as_ref().is_some_and(|urls| !urls.is_empty())
    }
}
