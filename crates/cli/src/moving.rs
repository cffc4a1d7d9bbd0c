//! What tools that move images between places have in common: their options, their progress, their plans.

use crate::error::Error;
use crate::io::Io;
use crate::progress::Progress;
use crate::size::human_size;
use image_format::{Descriptor, Platform};
use serde::Serialize;
use std::num::NonZeroUsize;
use transfer::{Observer, Options, Places, Plan, Platforms};

/// `--insecure`, for every tool that talks to registries.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct RegistryOption {
    /// Allow http, and certificates that nobody vouches for
    ///
    /// Without it, http is spoken only to this machine (localhost, 127.0.0.0/8, ::1).
    #[arg(long, help_heading = "Registry")]
    pub insecure: bool,
}

impl RegistryOption {
    /// The registries, reached with the user's credentials.
    pub fn places(&self, io: &Io) -> Places {
        let environment = io.environment().clone();
        Places::from_environment(move |name| environment.get(name).map(ToOwned::to_owned), self.insecure)
    }
}

/// `-j`, for every tool that moves blobs.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct JobsOption {
    /// How many blobs move side by side
    #[arg(short, long, value_name = "N", default_value_t = Options::JOBS, help_heading = "Transfer")]
    pub jobs: NonZeroUsize,
}

/// `--platform`, `--all-platforms` and `--oci`, for every tool that takes images from a registry.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SelectionOptions {
    /// The image for this platform; repeat it for an index
    ///
    /// For example linux/arm64 or linux/arm/v7. Given several times, it makes a new index of those images.
    #[arg(long, value_name = "OS/ARCH", help_heading = "Selection", conflicts_with = "all_platforms")]
    platform: Vec<Platform>,
    /// The whole index, as it is
    #[arg(long, help_heading = "Selection")]
    all_platforms: bool,
    /// Convert docker's media types to OCI's
    ///
    /// Every tool finds OCI's in a layout. The digest changes.
    #[arg(long, help_heading = "Selection")]
    oci: bool,
}

impl SelectionOptions {
    /// The options of a transfer; without a choice of platforms it takes `otherwise`.
    pub fn transfer(&self, jobs: JobsOption, otherwise: Platforms) -> Options {
        let platforms = match (self.all_platforms, &self.platform[..]) {
            (true, _) => Platforms::All,
            (false, []) => otherwise,
            (false, chosen) => Platforms::These(chosen.to_vec()),
        };
        Options { platforms, to_oci: self.oci, jobs: jobs.jobs }
    }

    /// Says what the user may not expect of the image that this plan makes.
    pub fn remark(&self, io: &Io, name: &str, plan: &Plan) {
        if plan.graph().changed {
            io.messages().warn(format_args!("{name}: its digest is new: {}", plan.root().digest));
        }
    }
}

impl Observer for Progress {
    fn begin(&self, _: usize, bytes: u64) {
        self.expect(bytes);
    }

    fn advance(&self, bytes: u64) {
        // asked for again by stopped()
        let _ = Progress::advance(self, bytes);
    }

    fn stopped(&self) -> bool {
        self.is_interrupted()
    }
}

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
    io.messages().say(format_args!("would move {bytes} in {blobs} blobs; {here} are there"));
    Ok(())
}

fn print_missing(io: &mut Io, blob: &Descriptor) -> Result<(), Error> {
    let (digest, size) = (blob.digest.to_string(), blob.size);
    if io.output().is_json() {
        return io.output().object(&Missing { digest, media_type: blob.media_type.as_str(), size });
    }
    io.output().record(format!("{digest}\t{size}").as_bytes())
}
