//! What a check can find.

use image_format::{DiffId, Digest, MediaType, Platform};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Problem {
    /// The blob's content has another digest.
    Altered(Digest),
    /// A descriptor says another size than the blob has.
    Size {
        /// The blob.
        digest: Digest,
        /// What the descriptor says, in bytes.
        expected: u64,
        /// What is there, in bytes.
        found: u64,
    },
    /// The blob is needed and not there.
    Missing(Digest),
    /// A manifest, index or config is not of its form.
    Malformed(Digest, String),
    /// The layer unpacks to something else than the config says.
    DiffId {
        /// The layer's blob.
        digest: Digest,
        /// What the config says.
        expected: DiffId,
        /// What it unpacks to; `None`: it does not unpack.
        found: Option<DiffId>,
    },
    /// The layer cannot be unpacked, and why.
    Layer(Digest, String),
    /// The manifest's layers and the config's DiffIDs do not correspond.
    LayerCount(Digest),
    /// The manifest's config has the media type of a layer or of another manifest.
    ConfigType(Digest, MediaType),
    /// A manifest or index says that it has another type than a descriptor says.
    MediaType {
        /// The manifest or index.
        digest: Digest,
        /// What the descriptor says.
        expected: MediaType,
        /// What it says itself.
        found: MediaType,
    },
    /// A layer does not begin as its type says.
    LayerType {
        /// The layer's blob.
        digest: Digest,
        /// What a manifest says that it is.
        expected: MediaType,
        /// How it is compressed; `plain`: not at all.
        found: String,
    },
    /// A row says that an image is for another platform than its config says.
    Platform {
        /// The image's manifest.
        digest: Digest,
        /// What the row says.
        expected: Platform,
        /// What the config says.
        found: Platform,
    },
    /// A file under `blobs/` whose name is no digest.
    Misnamed(String),
    /// Two rows of the same rank claim one name for different images.
    Contradiction(String),
    /// A row of `index.json` is not a descriptor.
    Row(usize),
}

impl Problem {
    /// The blob that it is about, where it is about one.
    pub fn digest(&self) -> Option<&Digest> {
        match self {
            Problem::Altered(digest)
            | Problem::Size { digest, .. }
            | Problem::Missing(digest)
            | Problem::Malformed(digest, _)
            | Problem::DiffId { digest, .. }
            | Problem::Layer(digest, _)
            | Problem::LayerCount(digest)
            | Problem::MediaType { digest, .. }
            | Problem::LayerType { digest, .. }
            | Problem::Platform { digest, .. }
            | Problem::ConfigType(digest, _) => Some(digest),
            Problem::Misnamed(_) | Problem::Contradiction(_) | Problem::Row(_) => None,
        }
    }
}

/// Things that are right, but worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Note {
    /// No row reaches the blob; `oci-gc` would take it.
    Unreferenced(Digest, u64),
    /// Older tools do not find an image of docker's media types in a layout.
    DockerMediaType(Digest),
    /// Some children of the index are not here.
    Partial(Digest),
    /// A hidden file under `blobs/`: other tools leave such when they are interrupted.
    Leftover(String),
}
