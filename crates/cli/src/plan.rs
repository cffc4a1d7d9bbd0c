//! What a transfer would move, as `--dry-run` prints it.

use crate::counted::counted;
use crate::error::Error;
use crate::io::Io;
use crate::size::human_size;
use image_format::Descriptor;
use serde::Serialize;
use transfer::Plan;

/// A blob that would move: `docs/schemas/plan.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Missing<'a> {
    digest: String,
    media_type: &'a str,
    size: u64,
}

/// Prints what a plan would move: a blob a line, its digest and its size in bytes; the sum on standard error.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_plan(io: &mut Io, plan: &Plan) -> Result<(), Error> {
    for blob in plan.missing() {
        print_missing(io, blob)?;
    }
    let (blobs, here) = (plan.missing().len(), plan.graph().blobs().len() - plan.missing().len());
    let bytes = human_size(plan.bytes());
    io.messages().say(format_args!(
        "would move {bytes} in {}; {here} {} there",
        counted(blobs, "blob"),
        if here == 1 { "is" } else { "are" }
    ));
    Ok(())
}

fn print_missing(io: &mut Io, blob: &Descriptor) -> Result<(), Error> {
    let (digest, size) = (blob.digest.to_string(), blob.size);
    if io.output().is_json() {
        return io.output().object(&Missing { digest, media_type: blob.media_type.as_str(), size });
    }
    io.output().record(format!("{digest}\t{size}").as_bytes())
}
