//! A command in one of its two forms.

use crate::span::{Span, Word};
use crate::statement::Arguments;

/// What `RUN`, `CMD`, `ENTRYPOINT` and `HEALTHCHECK CMD` say.
///
/// <https://docs.docker.com/reference/dockerfile/#shell-and-exec-form>
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// A program and its arguments: `["a", "b"]`. May be empty.
    Exec(Vec<Word>),
    /// A line for the shell. May be empty.
    Shell(Word),
}

impl CommandLine {
    pub(crate) fn new(arguments: &Arguments, place: Span) -> CommandLine {
        match arguments {
            Arguments::Json(words) => CommandLine::Exec(words.clone()),
            Arguments::Text(line) => CommandLine::Shell(line.clone()),
            _ => CommandLine::Shell(Word::new("", place)),
        }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            CommandLine::Exec(words) => words.is_empty(),
            CommandLine::Shell(line) => line.is_empty(),
        }
    }

    /// The arguments of the process: for a line, `shell` and the line as one argument.
    pub fn arguments(&self, shell: &[String]) -> Vec<String> {
        match self {
            CommandLine::Exec(words) => words.iter().map(|word| word.text.clone()).collect(),
            CommandLine::Shell(line) => shell.iter().cloned().chain([line.text.clone()]).collect(),
        }
    }
}
