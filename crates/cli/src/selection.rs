//! What of an image is taken from a place, and how.

use crate::io::Io;
use image_format::Platform;
use std::num::NonZeroUsize;
use transfer::{Options, Plan, Platforms};

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
    #[arg(
        long,
        value_name = "OS/ARCH",
        value_delimiter = ',',
        help_heading = "Selection",
        conflicts_with = "all_platforms"
    )]
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
