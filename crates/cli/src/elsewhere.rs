//! What the other side has, for `--not-in OTHER`.

use crate::ambient::Place;
use crate::error::Error;
use crate::io::Io;
use image_format::Digest;
use std::collections::HashSet;
use std::path::Path;
use transfer::Elsewhere;

/// Which blobs `other` has: a layout, or a file or `-` that holds an archive or digests, one a line. Only those among
/// `wanted` are remembered.
///
/// # Errors
/// It is none of these, or cannot be read.
pub fn elsewhere(io: &mut Io, other: &Path, wanted: &HashSet<Digest>) -> Result<Elsewhere, Error> {
    read(io, other, wanted).map_err(|error| match error.failure().hint() {
        Some(_) => error,
        None => error.with_hint("a layout, an archive, or what oci-images --blobs prints on the other side"),
    })
}

fn read(io: &mut Io, other: &Path, wanted: &HashSet<Digest>) -> Result<Elsewhere, Error> {
    if other.is_dir() {
        let place = Place::open(io, other)?;
        return Ok(Elsewhere::Layout(place.layout().clone()));
    }
    let source = io.file(other, "digests, one a line, or an archive")?;
    Elsewhere::read(source, wanted).map_err(|failure| Error::from(failure).at(other.display()))
}
