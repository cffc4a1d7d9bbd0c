//! What a build is asked for, besides the Dockerfile and its context.

use crate::context::Context;
use dockerfile::BuildArgs;
use image_format::Platform;
use layer::{Compression, Threads};
use std::collections::BTreeMap;

/// How a build is done.
pub struct Options {
    /// `--target`: a stage by name or number; the last by default.
    pub target: Option<String>,
    /// `--build-arg`.
    pub build_args: BuildArgs,
    /// `--build-context`, by name.
    pub contexts: BTreeMap<String, NamedContext>,
    /// `--label`: come after all that the Dockerfile says.
    pub labels: BTreeMap<String, String>,
    /// `--annotation`, of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// How new layers are compressed.
    pub compression: Compression,
    /// Threads that compress one layer.
    pub threads: Threads,
    /// Seconds since 1970: when the image says it was made, and what no file in a new layer is younger than.
    pub epoch: Option<i64>,
    /// The platform of this machine.
    pub build_platform: Platform,
}

/// What `--build-context NAME=…` gives.
pub enum NamedContext {
    /// An image; [`crate::Bases`] knows its reference.
    Image(String),
    /// Files.
    Files(Context),
}
