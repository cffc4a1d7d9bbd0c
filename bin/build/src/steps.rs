//! How a build is shown: a line for each step, for people and for logs.

use build::{Listener, Outcome, StepName};
use cli::{Io, Progress, human_size};
use image_format::{Failure, Observer};
use std::fmt;
use std::time::Duration;

/// Tells of steps on standard error.
pub(crate) struct Steps(Progress);

/// A step that is done: `docs/schemas/step.json`.
#[derive(serde::Serialize)]
struct Object<'s> {
    stage: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'s str>,
    number: usize,
    total: usize,
    step: &'s str,
    cached: bool,
    bytes: u64,
    seconds: f64,
}

impl Steps {
    pub(crate) fn new(io: &Io) -> Steps {
        Steps(io.progress())
    }
}

impl Observer for Steps {
    fn advance(&self, bytes: u64) -> Result<(), Failure> {
        self.0.advance(bytes)
    }

    fn note(&self, note: &dyn fmt::Display) {
        self.0.note(note);
    }
}

impl Listener for Steps {
    fn ends(&self, step: &StepName, outcome: Outcome, took: Duration) {
        let StepName { stage, platform, number, total, text } = step;
        let seconds = took.as_secs_f64();
        let (end, bytes) = match outcome {
            Outcome::Done => (String::new(), 0),
            Outcome::Cached => ("  CACHED".to_owned(), 0),
            Outcome::Made { bytes } => (format!("  {} in {seconds:.1} s", human_size(bytes)), bytes),
        };
        let object = Object {
            stage,
            platform: platform.as_deref(),
            number: *number,
            total: *total,
            step: text,
            cached: outcome == Outcome::Cached,
            bytes,
            seconds,
        };
        let platform = platform.as_ref().map(|platform| format!("{platform} ")).unwrap_or_default();
        self.0.step(format_args!("[{platform}{stage} {number}/{total}] {text}{end}"), &object);
    }
}
