//! What transfers would move, as `--dry-run` prints it.

use crate::counted::counted;
use crate::error::Error;
use crate::io::Io;
use crate::size::human_size;
use image_format::{Descriptor, Digest, ImageName};
use serde::Serialize;
use std::collections::HashSet;
use transfer::{Missing, Plan, Report};

/// A blob that would move: `docs/schemas/plan.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MissingObject<'a> {
    digest: String,
    media_type: &'a str,
    size: u64,
    bytes: u64,
}

/// The plans of one dry run. A blob of several images counts once for each place that it goes to.
#[derive(Debug, Default)]
pub struct DryRun {
    seen: HashSet<(String, Digest)>,
    blobs: usize,
    bytes: u64,
    here: usize,
}

impl DryRun {
    /// Prints what a plan would move and none before it has: a blob a line, its digest and how many bytes of it, the
    /// manifests last. `repository` is the one that the image goes to, where it is a registry's.
    ///
    /// # Errors
    /// Standard output cannot be written, or the other side cannot be asked for manifests.
    pub fn print(&mut self, io: &mut Io, repository: Option<&ImageName>, plan: &Plan) -> Result<(), Error> {
        let place = repository.map(|name| format!("{}/{}", name.registry(), name.repository()));
        let place = place.unwrap_or_default();
        let manifests = plan.missing_manifests()?;
        if plan.missing().is_empty() && manifests.is_empty() {
            DryRun::print_nothing(io, plan.root())?;
        }
        for missing in plan.missing().iter().chain(&manifests) {
            if self.seen.insert((place.clone(), missing.blob.digest)) {
                self.blobs += 1;
                self.bytes = self.bytes.saturating_add(missing.bytes);
                print_missing(io, missing)?;
            }
        }
        let here = |digest: Digest| usize::from(self.seen.insert((place.clone(), digest)));
        let manifests = plan.graph().descriptors_of_manifests();
        let all = plan.graph().blobs().iter().chain(&manifests);
        self.here += all.map(|blob| blob.digest).map(here).sum::<usize>();
        Ok(())
    }

    /// An image of which nothing would move is an object too: a program that reads them wants to know.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn print_nothing(io: &mut Io, root: &Descriptor) -> Result<(), Error> {
        if !io.output().is_json() {
            return Ok(());
        }
        print_missing(io, &Missing { blob: root.clone(), bytes: 0 })
    }

    /// Says the sum on standard error, whatever `result` the plans had.
    ///
    /// # Errors
    /// Those of `result`.
    pub fn finish(self, io: &Io, result: Result<(), Error>) -> Result<(), Error> {
        if result.is_err() && (self.seen.is_empty() || result.as_ref().is_err_and(Error::is_final)) {
            return result;
        }
        io.messages().say(format_args!(
            "would move {} in {}; {} {} there",
            human_size(self.bytes),
            counted(self.blobs as u64, "blob"),
            self.here,
            if self.here == 1 { "is" } else { "are" }
        ));
        result
    }
}

/// Says what a transfer did: with `-v`, and to somebody who is watching where it had nothing to do.
pub fn tell_moved(io: &Io, image: &str, report: &Report) {
    if report.blobs == 0 && report.bytes == 0 {
        io.messages().step_or_terminal(format_args!("{image}: all of it was there"));
        return;
    }
    let (blobs, bytes) = (counted(report.blobs as u64, "blob"), human_size(report.bytes));
    io.messages()
        .note(format_args!("{image}: {blobs} now there, {bytes} moved; {} there before", report.here));
}

/// Prints the blobs that would be written: one a line, its digest and its size in bytes; the sum on standard error, and
/// that of those that the other side has.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_blobs<'a>(
    io: &mut Io,
    blobs: impl Iterator<Item = &'a Descriptor>,
    left_out: &[Descriptor],
) -> Result<(), Error> {
    let (mut count, mut bytes) = (0, 0);
    for blob in blobs {
        print_missing(io, &Missing { blob: blob.clone(), bytes: blob.size })?;
        (count, bytes) = (count + 1, u64::saturating_add(bytes, blob.size));
    }
    let mut sum = format!("would write {} in {}", human_size(bytes), counted(count, "blob"));
    if !left_out.is_empty() {
        let bytes = left_out.iter().map(|blob| blob.size).fold(0, u64::saturating_add);
        sum += &format!("; {}, {}, left out", counted(left_out.len() as u64, "blob"), human_size(bytes));
    }
    io.messages().say(sum);
    Ok(())
}

fn print_missing(io: &mut Io, Missing { blob, bytes }: &Missing) -> Result<(), Error> {
    let (digest, media_type) = (blob.digest.to_string(), blob.media_type.as_str());
    if io.output().is_json() {
        return io.output().object(&MissingObject { digest, media_type, size: blob.size, bytes: *bytes });
    }
    io.output().record(format!("{digest}\t{bytes}").as_bytes())
}
