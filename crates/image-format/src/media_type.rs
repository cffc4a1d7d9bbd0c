//! Media types: what a descriptor's bytes are.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The longest type: RFC 6838 allows 127 bytes before and behind the slash.
const MAX_BYTES: usize = 255;

macro_rules! media_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The type of a descriptor's content. Unknown types are kept as they are.
        ///
        /// Spec: image-spec, media-types.md; docker's: distribution, manifest-v2-2.md.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum MediaType {
            $($(#[$doc])* $name,)*
            /// Any other type, verbatim.
            Other(String),
        }

        impl MediaType {
            /// The type as it stands in JSON and in HTTP headers.
            pub fn as_str(&self) -> &str {
                match self {
                    $(MediaType::$name => $text,)*
                    MediaType::Other(text) => text,
                }
            }
        }

        impl From<&str> for MediaType {
            fn from(text: &str) -> MediaType {
                match text {
                    $($text => MediaType::$name,)*
                    _ => MediaType::Other(text.to_owned()),
                }
            }
        }
    };
}

media_types! {
    /// An OCI image manifest.
    OciManifest = "application/vnd.oci.image.manifest.v1+json";
    /// An OCI image index.
    OciIndex = "application/vnd.oci.image.index.v1+json";
    /// An OCI image configuration.
    OciConfig = "application/vnd.oci.image.config.v1+json";
    /// A plain tar layer.
    OciLayer = "application/vnd.oci.image.layer.v1.tar";
    /// A gzip-compressed layer.
    OciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A zstd-compressed layer.
    OciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// The empty JSON object, a placeholder for a config.
    OciEmpty = "application/vnd.oci.empty.v1+json";
    /// Docker's image manifest, schema 2.
    DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker's manifest list.
    DockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker's image configuration.
    DockerConfig = "application/vnd.docker.container.image.v1+json";
    /// Docker's plain layer.
    DockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
    /// Docker's gzip-compressed layer.
    DockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    /// Docker's zstd-compressed layer.
    DockerLayerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd";
    /// Docker's layer that is fetched from elsewhere.
    DockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
}

impl MediaType {
    /// The manifest types that a registry is asked for.
    pub const MANIFESTS: [MediaType; 4] =
        [MediaType::OciManifest, MediaType::OciIndex, MediaType::DockerManifest, MediaType::DockerIndex];

    /// Is it an image manifest, OCI's or docker's?
    pub fn is_manifest(&self) -> bool {
        matches!(self, MediaType::OciManifest | MediaType::DockerManifest)
    }

    /// Is it an index or a manifest list?
    pub fn is_index(&self) -> bool {
        matches!(self, MediaType::OciIndex | MediaType::DockerIndex)
    }

    /// Is it a manifest or an index: JSON that names other blobs, and that registries keep apart from blobs?
    pub fn is_document(&self) -> bool {
        self.is_manifest() || self.is_index()
    }

    /// Is it an image's configuration?
    pub fn is_config(&self) -> bool {
        matches!(self, MediaType::OciConfig | MediaType::DockerConfig)
    }

    /// Is it a layer's? Its compression is told by its bytes, as podman and containerd do; so a new one's name is enough.
    pub fn is_layer(&self) -> bool {
        ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."]
            .iter()
            .any(|prefix| self.as_str().starts_with(prefix))
    }

    /// Is it that of a layer that is not compressed? Any other may be, or says that it is.
    pub fn is_plain_layer(&self) -> bool {
        matches!(self, MediaType::OciLayer | MediaType::DockerLayer)
    }

    /// How a layer of this type is compressed: `gzip`, `zstd` or `plain`; `None` where the type does not say it.
    pub fn layer_form(&self) -> Option<&'static str> {
        let forms =
            [("+gzip", "gzip"), (".gzip", "gzip"), ("+zstd", "zstd"), (".zstd", "zstd"), (".tar", "plain")];
        let form = forms.iter().find(|(end, _)| self.as_str().ends_with(end)).map(|(_, form)| *form);
        form.filter(|_| self.is_layer())
    }

    /// Is it one of docker's own types, which older tools do not find in a layout?
    pub fn is_docker(&self) -> bool {
        self.as_str().starts_with("application/vnd.docker.")
    }

    /// The OCI type for one of docker's; any other stays as it is.
    #[must_use]
    pub fn to_oci(&self) -> MediaType {
        match self {
            MediaType::DockerManifest => MediaType::OciManifest,
            MediaType::DockerIndex => MediaType::OciIndex,
            MediaType::DockerConfig => MediaType::OciConfig,
            MediaType::DockerLayer => MediaType::OciLayer,
            MediaType::DockerLayerGzip => MediaType::OciLayerGzip,
            MediaType::DockerLayerZstd => MediaType::OciLayerZstd,
            MediaType::DockerForeignLayer => {
                MediaType::from("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")
            }
            other => other.clone(),
        }
    }

    /// Docker's type for a layer of OCI's; any other stays as it is.
    #[must_use]
    pub fn to_docker(&self) -> MediaType {
        match self {
            MediaType::OciLayer => MediaType::DockerLayer,
            MediaType::OciLayerGzip => MediaType::DockerLayerGzip,
            MediaType::OciLayerZstd => MediaType::DockerLayerZstd,
            other => other.clone(),
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for MediaType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<MediaType, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        if text.len() > MAX_BYTES {
            let message = format_args!("a media type of more than {MAX_BYTES} bytes");
            return Err(serde::de::Error::custom(message));
        }
        Ok(MediaType::from(&*text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_longer_than_any_is_none() {
        let json = |length: usize| format!("\"{}\"", "x".repeat(length));
        assert!(serde_json::from_str::<MediaType>(&json(MAX_BYTES)).is_ok());
        let error = serde_json::from_str::<MediaType>(&json(MAX_BYTES + 1)).unwrap_err();
        assert!(error.to_string().contains("more than 255 bytes"), "{error}");
    }

    #[test]
    fn known_types_and_foreign_ones_survive_a_round_trip() {
        for kind in MediaType::MANIFESTS {
            assert_eq!(MediaType::from(kind.as_str()), kind);
        }
        assert_eq!(MediaType::from("text/spdx+json").as_str(), "text/spdx+json");
    }

    #[test]
    fn a_layers_type_says_how_it_is_compressed() {
        for (kind, form) in [
            (MediaType::OciLayer, Some("plain")),
            (MediaType::OciLayerGzip, Some("gzip")),
            (MediaType::OciLayerZstd, Some("zstd")),
            (MediaType::DockerLayer, Some("plain")),
            (MediaType::DockerForeignLayer, Some("gzip")),
            (MediaType::from("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), None),
            (MediaType::from("application/x.tar"), None),
            (MediaType::OciManifest, None),
        ] {
            assert_eq!(kind.layer_form(), form, "{kind}");
        }
    }

    #[test]
    fn every_docker_type_has_an_oci_twin() {
        for text in [
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.docker.image.rootfs.diff.tar",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.diff.tar.zstd",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        ] {
            assert!(
                MediaType::from(text).is_docker() && !MediaType::from(text).to_oci().is_docker(),
                "{text}"
            );
        }
    }
}
