//! A stage: `FROM`, and what follows it.

use crate::instruction::From;
use crate::step::Step;

/// The instructions from one `FROM` to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its number, from 0.
    pub index: usize,
    /// The `FROM` it begins with.
    pub from: Step<From>,
    /// What follows.
    pub steps: Vec<Step>,
}

impl Stage {
    /// Its name, in lower case.
    pub fn name(&self) -> Option<String> {
        self.from.instruction.name()
    }

    /// How people call it: its name, or `stage-N` as BuildKit writes it.
    pub fn label(&self) -> String {
        self.name().unwrap_or_else(|| format!("stage-{}", self.index))
    }

    /// What the comment above its `FROM` says of it.
    pub fn description(&self) -> Option<&str> {
        self.from.description(&self.name()?)
    }
}
