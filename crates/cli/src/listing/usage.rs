//! What images share: `oci-images --df`, as a table or as objects.

use super::Listed;
use crate::error::Error;
use crate::io::Io;
use crate::size::human_size;
use crate::table::{Align, Table};
use crate::weight::Weights;
use serde::Serialize;

/// `docs/schemas/usage.json`.
#[derive(Serialize)]
struct Object {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    bytes: u64,
    shared: u64,
    unique: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<u64>,
}

/// Prints for each image the bytes that others need too, and those that only it needs; then the same of all.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_usage(io: &mut Io, images: &[Listed], weights: &Weights) -> Result<(), Error> {
    if !io.output().is_json() {
        let table = table(io, images, weights);
        return io.output().table(&table);
    }
    for listed in images {
        let (bytes, unique) = (listed.reach.bytes(), weights.unique(&listed.reach));
        io.output().object(&Object {
            kind: "image",
            name: Some(listed.image.name.as_ref().map(ToString::to_string)),
            digest: Some(listed.image.descriptor.digest.to_string()),
            bytes,
            shared: bytes - unique,
            unique,
            saved: None,
        })?;
    }
    let (bytes, shared) = weights.total_and_shared();
    let saved = Some(weights.unshared() - bytes);
    io.output().object(&Object {
        kind: "all",
        name: None,
        digest: None,
        bytes,
        shared,
        unique: bytes - shared,
        saved,
    })
}

fn table(io: &mut Io, images: &[Listed], weights: &Weights) -> Table {
    let columns = [
        ("REPOSITORY", Align::Left),
        ("TAG", Align::Left),
        ("IMAGE ID", Align::Left),
        ("SIZE", Align::Right),
        ("SHARED", Align::Right),
        ("UNIQUE", Align::Right),
    ];
    let mut table = Table::new(&columns, io.output().is_terminal());
    for listed in images {
        let (size, unique) = (listed.reach.bytes(), weights.unique(&listed.reach));
        let [repository, tag] = listed.name();
        table.row([
            repository,
            tag,
            listed.id(false),
            human_size(size),
            human_size(size - unique),
            human_size(unique),
        ]);
    }
    let (total, shared) = weights.total_and_shared();
    let row = ["all images", "", "", &human_size(total), &human_size(shared), &human_size(total - shared)];
    table.row(row.map(str::to_owned));
    let saved = human_size(weights.unshared() - total);
    table.row(["saved by sharing", "", "", &saved, "", ""].map(str::to_owned));
    table
}
