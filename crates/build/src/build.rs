//! A build: stages side by side, then the image that the target has become.

use crate::base::Bases;
use crate::build_cache::BuildCache;
use crate::context::Context;
use crate::copy::Remote;
use crate::error::Error;
use crate::listener::Listener;
use crate::options::Options;
use crate::plan::Plan;
use crate::schedule;
use crate::stages::Stages;
use dockerfile::Dockerfile;
use image_format::{Platform, edit};
use layer::Indexes;
use layout::LayoutSink;

/// All that a build is made of.
pub struct Build<'b> {
    /// What is to be done.
    pub dockerfile: &'b Dockerfile,
    /// The files that it is done with.
    pub context: &'b Context,
    /// How.
    pub options: &'b Options,
    /// Where images come from.
    pub bases: &'b dyn Bases,
    /// How files behind URLs are fetched.
    pub remote: &'b dyn Remote,
    /// Where layers go. Nothing in it has a name when the build is done.
    pub sink: &'b LayoutSink,
    /// Where layers of earlier builds are; `None`: everything is made anew, and nothing is kept.
    pub cache: Option<&'b BuildCache>,
    /// Where indexes of layers are kept.
    pub indexes: Indexes,
    /// Who hears of it.
    pub listener: &'b dyn Listener,
    /// Makes no layer: the listener hears what would be made.
    pub dry_run: bool,
}

impl Build<'_> {
    /// The image for `platform`, which is one of several or alone; for this machine's where none is asked for, and then an
    /// image on a base of another platform is of that one, as BuildKit has it. Its layers are in the sink; its config and
    /// manifest are the caller's to store.
    ///
    /// # Errors
    /// What is wrong in the Dockerfile, with its place; what an instruction met.
    pub fn run(&self, platform: Option<&Platform>, one_of_several: bool) -> Result<edit::Image, Error> {
        let target = platform.unwrap_or(&self.options.build_platform);
        let plan = Plan::new(self.dockerfile, self.options, target)?;
        let stages = Stages::new(self, &plan, target, one_of_several);
        schedule::run(&stages)?;
        stages.image(platform)
    }
}
