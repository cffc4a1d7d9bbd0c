//! An instruction in its place.

use std::ops::RangeInclusive;

use crate::diagnostic::Diagnostic;
use crate::instruction::Instruction;
use crate::reader::Reader;
use crate::span::{Span, Word};

/// An instruction, where it stands, and what stands above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<T = Instruction> {
    /// Its name as it is written.
    pub name: Word,
    /// Its text on one line, without continuation marks, comments and heredocs: what `docker history` and progress
    /// show.
    pub text: String,
    /// All of it, heredocs too.
    pub span: Span,
    /// The numbers of its lines, heredocs too; the first is 1.
    pub lines: RangeInclusive<usize>,
    /// The comments above it, without their `#`.
    pub comments: Vec<Word>,
    /// What it says.
    pub instruction: T,
}

impl<T> Step<T> {
    /// What the comments above it say of `name`: `# name description`.
    pub fn description(&self, name: &str) -> Option<&str> {
        let about = |comment: &str| comment.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '));
        let comment = self.comments.iter().find(|comment| !name.is_empty() && about(comment))?;
        Some(&comment.text[name.len() + 1..])
    }

    /// The same step with another instruction.
    pub(crate) fn map<U>(self, map: impl FnOnce(T) -> U) -> Step<U> {
        let Step { name, text, span, lines, comments, instruction } = self;
        Step { name, text, span, lines, comments, instruction: map(instruction) }
    }
}

impl Step {
    /// The step that an image's `ONBUILD` expression is. Its places are in the expression.
    ///
    /// # Errors
    /// It is not exactly one instruction that may be a trigger.
    pub fn of_trigger(expression: &str) -> Result<Step, Diagnostic> {
        let mut reader = Reader::new(expression);
        let nothing = || Diagnostic::new(Span::default(), "onbuild trigger should be a single expression");
        let step = reader.step()?.ok_or_else(nothing)?;
        if let Some(second) = reader.step()? {
            return Err(Diagnostic::new(second.span, "onbuild trigger should be a single expression"));
        }
        if matches!(step.instruction, Instruction::From(_)) {
            return Err(Diagnostic::new(step.name.span, "FROM isn't allowed as an ONBUILD trigger"));
        }
        Ok(step)
    }
}
