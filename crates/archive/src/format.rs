//! The forms of archive that are written.

use image_format::{Descriptor, Digest, MediaType};
use std::fmt;
use std::str::FromStr;

/// A form of archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// An OCI layout that is also a docker-archive, so that everything loads it.
    #[default]
    Hybrid,
    /// An OCI layout, its blobs as they are.
    Oci,
    /// A docker-archive with plain layers, one platform an image.
    Docker,
}

impl Format {
    /// The name of the entry that holds this blob, manifest or index.
    pub(crate) fn entry(self, blob: &Descriptor) -> String {
        match self {
            Format::Hybrid | Format::Oci => blob_entry(&blob.digest),
            Format::Docker if blob.media_type.is_config() => format!("{}.json", blob.digest.hex()),
            Format::Docker => format!("{}.tar", blob.digest.hex()),
        }
    }

    /// Must a layer of this type be another one in the archive?
    pub(crate) fn refuses(self, layer: &MediaType) -> bool {
        match self {
            Format::Oci => false,
            Format::Hybrid => is_zstd(layer),
            Format::Docker => is_zstd(layer) || is_gzip(layer),
        }
    }
}

/// Where a layout keeps a blob.
pub(crate) fn blob_entry(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

pub(crate) fn is_zstd(kind: &MediaType) -> bool {
    matches!(kind, MediaType::OciLayerZstd | MediaType::DockerLayerZstd)
}

pub(crate) fn is_gzip(kind: &MediaType) -> bool {
    matches!(kind, MediaType::OciLayerGzip | MediaType::DockerLayerGzip)
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        match text {
            "hybrid" => Ok(Format::Hybrid),
            "oci" => Ok(Format::Oci),
            "docker" => Ok(Format::Docker),
            _ => Err("expected hybrid, oci or docker".to_owned()),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::Hybrid => "hybrid",
            Format::Oci => "oci",
            Format::Docker => "docker",
        })
    }
}
