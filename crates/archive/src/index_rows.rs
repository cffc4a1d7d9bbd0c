//! `index.json` of an archive: its images and their names.

use image_format::{Descriptor, ImageName, MediaType, Root, annotation};
use serde::Serialize;

/// The entry's name.
pub(crate) const INDEX_JSON: &str = "index.json";
/// The marker of a layout.
pub(crate) const OCI_LAYOUT: &str = "oci-layout";
/// Its content.
pub(crate) const LAYOUT_MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// An index as it is written: rows that are descriptors.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenIndex {
    schema_version: u8,
    media_type: MediaType,
    manifests: Vec<Descriptor>,
}

/// The index of these images: a row for each name, or one for an image that has none.
pub(crate) fn index(images: &[Root]) -> Vec<u8> {
    let mut manifests = Vec::new();
    for image in images {
        let row = unnamed(&image.descriptor);
        match &image.names[..] {
            [] => manifests.push(row),
            names => manifests.extend(names.iter().map(|name| named(&row, name))),
        }
    }
    let index = WrittenIndex { schema_version: 2, media_type: MediaType::OciIndex, manifests };
    serde_json::to_vec(&index).expect("descriptors are always JSON")
}

/// Both annotations hold the full name, `ref.name` only where its grammar allows (docs/contract.md, "Names").
fn named(row: &Descriptor, name: &ImageName) -> Descriptor {
    let full = name.unpinned().to_string();
    let row = row.clone().with_annotation(annotation::CONTAINERD_NAME, &*full);
    if ImageName::fits_ref_name(&full) { row.with_annotation(annotation::REF_NAME, &*full) } else { row }
}

/// A row without its names. Where an image was pulled from is the layout's own business: equal images are to be equal
/// archives, and no archive says where to push to.
pub(crate) fn unnamed(descriptor: &Descriptor) -> Descriptor {
    let mut descriptor = descriptor.clone();
    if let Some(annotations) = &mut descriptor.annotations {
        for key in [annotation::REF_NAME, annotation::CONTAINERD_NAME, annotation::SOURCE] {
            annotations.remove(key);
        }
        if annotations.is_empty() {
            descriptor.annotations = None;
        }
    }
    descriptor
}
