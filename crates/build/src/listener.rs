//! Who hears how a build gets on.

use dockerfile::Diagnostic;
use image_format::{Digest, Observer};
use std::time::Duration;

/// A step of a build, as people see it.
#[derive(Clone, Debug)]
pub struct StepName {
    /// The stage's name, or `stage-N`.
    pub stage: String,
    /// The platform, where several are built.
    pub platform: Option<String>,
    /// Its number in the stage, from 1: `FROM` is the first.
    pub number: usize,
    /// How many steps the stage has.
    pub total: usize,
    /// Its text on one line, with variables replaced where they have a value.
    pub text: String,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It changed the config alone, or names the base.
    Done,
    /// Its layer was there already.
    Cached,
    /// It made a layer, whose blob has so many bytes.
    Made {
        /// Compressed.
        bytes: u64,
    },
    /// Of a dry run: what would become of its layer.
    Foreseen {
        /// What the layer is called in a cache; `None` where that depends on a layer that would be made before.
        key: Option<Digest>,
        /// Is it there already?
        cached: bool,
    },
}

/// Hears of steps and of bytes, from several threads, and may end the build.
pub trait Listener: Observer {
    /// A step begins.
    fn begins(&self, step: &StepName) {
        let _ = step;
    }

    /// A step is done.
    fn ends(&self, step: &StepName, outcome: Outcome, took: Duration) {
        let _ = (step, outcome, took);
    }

    /// What an instruction says is done, and may not be what its author means.
    fn warns(&self, warning: &Diagnostic) {
        self.note(&warning.message);
    }
}

impl Listener for image_format::Silent {}
