//! `manifest.json`, what makes a tar a docker-archive: which config, layers and names each image has.
//!
//! moby, image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format".

use crate::format::Format;
use image_format::{Descriptor, Manifest, Node, Platform, Raw, Root};
use serde::{Deserialize, Serialize};

/// The entry's name.
pub(crate) const MANIFEST_JSON: &str = "manifest.json";

/// One image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DockerRow {
    /// The entry that holds the config.
    pub(crate) config: String,
    /// Names with their tags; Go writes none as `null`.
    #[serde(default)]
    pub(crate) repo_tags: Option<Vec<Option<String>>>,
    /// The entries that hold the layers, bottom first.
    pub(crate) layers: Option<Vec<String>>,
}

/// The rows of these images, each for one platform: that of `platform`, or else the host's, or else the first.
///
/// Names are fully qualified: podman takes `app:1` for its own host's. An artifact is no image of docker's, and gets
/// no row.
pub(crate) fn rows(images: &[Root], format: Format, platform: Option<&Platform>) -> Vec<DockerRow> {
    let mut rows: Vec<DockerRow> = Vec::new();
    for image in images {
        let Some(manifest) = chosen(image, platform) else { continue };
        let names = image.names.iter().map(|name| Some(name.unpinned().to_string()));
        let row = DockerRow {
            config: format.entry(&manifest.config),
            layers: Some(manifest.layers.iter().map(|layer| format.entry(layer)).collect()),
            repo_tags: Some(names.collect()),
        };
        match rows.iter_mut().find(|other| (&other.config, &other.layers) == (&row.config, &row.layers)) {
            Some(other) => other.repo_tags.get_or_insert_default().extend(row.repo_tags.unwrap_or_default()),
            None => rows.push(row),
        }
    }
    rows
}

/// The one manifest that stands for an image where there may be one platform alone.
pub(crate) fn chosen<'a>(image: &'a Root, platform: Option<&Platform>) -> Option<&'a Raw<Manifest>> {
    let host = Platform::host();
    let images: Vec<(&Descriptor, &Raw<Manifest>)> = image
        .documents
        .iter()
        .filter_map(|(descriptor, node)| match node {
            Node::Manifest(manifest) if manifest.config.media_type.is_config() => {
                Some((descriptor, manifest))
            }
            _ => None,
        })
        .filter(|(descriptor, _)| descriptor.platform.as_ref().is_none_or(Platform::is_known))
        .collect();
    let best = |wanted: &Platform| wanted.best(&images, |(descriptor, _)| descriptor.platform.as_ref());
    let best = platform.and_then(best).or_else(|| best(&host)).or_else(|| images.first());
    best.map(|(_, manifest)| *manifest)
}
