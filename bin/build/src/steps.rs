//! How a build is shown: a line for each step, for people and for logs.

use crate::input::Input;
use build::{Listener, Outcome, StepName};
use cli::{Error, Io, Progress, human_size};
use dockerfile::Diagnostic;
use image_format::{Failure, Observer};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A step is told with at most so many letters: its variables may make it as long as they like.
const MOST_LETTERS: usize = 200;

/// Tells of steps on standard error.
pub(crate) struct Steps<'i> {
    progress: Progress,
    input: &'i Input,
}

/// A step that is done, for `--progress json`.
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

/// Hears what a build would do: `--dry-run`.
pub(crate) struct Foresight<'i> {
    steps: Steps<'i>,
    heard: Mutex<Vec<(StepName, Outcome)>>,
}

/// What would become of a step: `docs/schemas/step.json`.
#[derive(serde::Serialize)]
struct Foreseen<'s> {
    stage: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'s str>,
    number: usize,
    total: usize,
    step: &'s str,
    /// Does it leave a layer?
    layer: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    cached: bool,
}

impl<'i> Foresight<'i> {
    pub(crate) fn new(io: &Io, input: &'i Input) -> Foresight<'i> {
        Foresight { steps: Steps::new(io, input), heard: Mutex::default() }
    }

    /// Prints the steps, those of a stage together.
    pub(crate) fn print(self, io: &mut Io) -> Result<(), Error> {
        let mut heard = self.heard.into_inner().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<_> = heard.iter().map(|(step, _)| (step.platform.clone(), step.stage.clone())).collect();
        let first = |step: &StepName| {
            all.iter().position(|(platform, stage)| (platform, stage) == (&step.platform, &step.stage))
        };
        heard.sort_by_key(|(step, _)| (first(step), step.number));
        heard.iter().try_for_each(|(step, outcome)| print(io, step, *outcome))
    }
}

fn print(io: &mut Io, step: &StepName, outcome: Outcome) -> Result<(), Error> {
    let StepName { stage, platform, number, total, text } = step;
    let (layer, key, cached) = match outcome {
        Outcome::Foreseen { key, cached } => (true, key.map(|key| key.to_string()), cached),
        _ => (false, None, false),
    };
    if io.output().is_json() {
        let (platform, step) = (platform.as_deref(), text);
        return io.output().object(&Foreseen {
            stage,
            platform,
            number: *number,
            total: *total,
            step,
            layer,
            key,
            cached,
        });
    }
    let platform = platform.as_ref().map(|platform| format!("{platform} ")).unwrap_or_default();
    let end = match (layer, cached, key) {
        (false, ..) => String::new(),
        (true, true, _) => "  CACHED".to_owned(),
        (true, false, Some(key)) => format!("  to be made: {key}"),
        (true, false, None) => "  to be made".to_owned(),
    };
    io.output().text(&format!("[{platform}{stage} {number}/{total}] {text}{end}"))
}

impl Observer for Foresight<'_> {
    fn advance(&self, bytes: u64) -> Result<(), Failure> {
        self.steps.advance(bytes)
    }

    fn note(&self, note: &dyn fmt::Display) {
        self.steps.note(note);
    }
}

impl Listener for Foresight<'_> {
    fn ends(&self, step: &StepName, outcome: Outcome, _: Duration) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push((step.clone(), outcome));
    }
}

impl<'i> Steps<'i> {
    pub(crate) fn new(io: &Io, input: &'i Input) -> Steps<'i> {
        Steps { progress: io.progress(), input }
    }
}

impl Observer for Steps<'_> {
    fn advance(&self, bytes: u64) -> Result<(), Failure> {
        self.progress.advance(bytes)
    }

    fn note(&self, note: &dyn fmt::Display) {
        self.progress.note(note);
    }
}

impl Listener for Steps<'_> {
    fn ends(&self, step: &StepName, outcome: Outcome, took: Duration) {
        let StepName { stage, platform, number, total, text } = step;
        let text = shortened(text);
        let seconds = took.as_secs_f64();
        let (end, bytes) = match outcome {
            Outcome::Done => (String::new(), 0),
            Outcome::Cached => ("  CACHED".to_owned(), 0),
            Outcome::Foreseen { .. } => (String::new(), 0),
            Outcome::Made { bytes } => (format!("  {} in {seconds:.1} s", human_size(bytes)), bytes),
        };
        let object = Object {
            stage,
            platform: platform.as_deref(),
            number: *number,
            total: *total,
            step: &text,
            cached: outcome == Outcome::Cached,
            bytes,
            seconds,
        };
        let platform = platform.as_ref().map(|platform| format!("{platform} ")).unwrap_or_default();
        self.progress.step(format_args!("[{platform}{stage} {number}/{total}] {text}{end}"), &object);
    }

    fn warns(&self, warning: &Diagnostic) {
        let Input { name, text, .. } = self.input;
        self.progress.note(&format_args!("{name}:{}: {}", warning.line(text), warning.message));
    }
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MOST_LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
