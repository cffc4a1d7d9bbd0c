//! The one place that turns a digest or a kind of file into a name in the layout.

use image_format::Digest;

/// The marker and version of a layout.
pub(crate) const MARKER: &str = "oci-layout";
/// The list of images.
pub(crate) const INDEX: &str = "index.json";
/// The lock that guards it: the file that BuildKit locks too.
pub(crate) const LOCK: &str = "index.json.lock";
/// Finished blobs, and nothing else.
pub(crate) const BLOBS: &str = "blobs";
/// Finished blobs, of each algorithm.
pub(crate) const BLOBS_OF: [&str; 2] = ["blobs/sha256", "blobs/sha512"];
/// What is ours alone.
pub(crate) const OWN: &str = ".ociutils";
/// What a layout of ours holds.
pub(crate) const OURS: [&str; 5] = [INDEX, LOCK, MARKER, BLOBS, OWN];
/// The note of who made the layout, until something has come into it.
pub(crate) const MADE: &str = ".ociutils/made";
/// Unfinished blobs.
pub(crate) const INGEST: &str = ".ociutils/ingest";
/// Writers at work.
pub(crate) const LEASES: &str = ".ociutils/leases";

/// Where the blob `digest` lies, relative to the layout.
pub fn blob(digest: &Digest) -> String {
    format!("{BLOBS}/{}/{}", digest.algorithm(), digest.hex())
}

/// Where the part of `digest` that has arrived lies.
pub(crate) fn partial(digest: &Digest) -> String {
    format!("{INGEST}/{}-{}", digest.algorithm(), digest.hex())
}

/// What the parts begin with whose digest is not known yet, in [`INGEST`].
const NAMELESS: &str = "new-";

/// Where a new part without a digest lies.
pub(crate) fn nameless() -> String {
    fresh(&format!("{INGEST}/{NAMELESS}"))
}

/// Is this the name of such a part, in [`INGEST`]?
pub(crate) fn is_nameless(name: &str) -> bool {
    name.starts_with(NAMELESS)
}

/// A name that no other process takes, behind `prefix`.
pub(crate) fn fresh(prefix: &str) -> String {
    let mut random = [0_u8; 12];
    // Without the system's randomness the process id and a counter still tell names apart.
    if rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()).is_err() {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        random[..4].copy_from_slice(&std::process::id().to_le_bytes());
        random[4..8].copy_from_slice(&COUNTER.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    }
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{prefix}{hex}")
}
