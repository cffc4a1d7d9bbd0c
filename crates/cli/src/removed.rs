//! What a removal took away, as `oci-rmi` says it.

use crate::error::Error;
use crate::io::Io;
use crate::size::human_size;
use image_format::Digest;
use layout::Removed;
use serde::Serialize;

/// One thing that went: `docs/schemas/removed.json`.
#[derive(Serialize)]
struct Object {
    kind: &'static str,
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

/// Says on standard error what went, as docker does; with `--json`, prints its object too.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_removed(io: &mut Io, removed: &Removed) -> Result<(), Error> {
    let object = match removed {
        Removed::Untagged(name, digest) => {
            io.messages().say(format_args!("Untagged: {name}@{digest}"));
            Object { kind: "untagged", digest: *digest, name: Some(name.to_string()), size: None }
        }
        Removed::Deleted(digest) => {
            io.messages().say(format_args!("Deleted: {digest}"));
            Object { kind: "deleted", digest: *digest, name: None, size: None }
        }
        Removed::Blob(blob) => {
            io.messages().note(format_args!("freed {} ({})", blob.digest, human_size(blob.size)));
            Object { kind: "freed", digest: blob.digest, name: None, size: Some(blob.size) }
        }
    };
    if io.output().is_json() { io.output().object(&object) } else { Ok(()) }
}
