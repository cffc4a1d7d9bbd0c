//! A Dockerfile as a whole.

use crate::diagnostic::Diagnostic;
use crate::directive::{self, Directives};
use crate::instruction::{Arg, Instruction};
use crate::reader::Reader;
use crate::span::Span;
use crate::stage::Stage;
use crate::step::Step;

/// A longer Dockerfile is not read.
pub const TEXT_LIMIT: usize = 16 << 20;

/// A Dockerfile with more instructions is not read.
pub const INSTRUCTION_LIMIT: usize = 100_000;

/// A Dockerfile with more stages is not read.
pub const STAGE_LIMIT: usize = 1000;

/// What a Dockerfile says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// Its parser directives.
    pub directives: Directives,
    /// The `ARG`s before the first `FROM`.
    pub global_args: Vec<Step<Arg>>,
    /// Its stages; never empty.
    pub stages: Vec<Stage>,
    /// Instructions with empty lines in them: the first such line, and the number of the instruction's last.
    pub(crate) empty_continuations: Vec<(Span, usize)>,
}

impl Dockerfile {
    /// Reads a Dockerfile.
    ///
    /// # Errors
    /// The first thing in it that is wrong.
    ///
    /// ```
    /// use ociutils_dockerfile::{Diagnostic, Dockerfile};
    ///
    /// let dockerfile = Dockerfile::parse("FROM scratch AS a\nCOPY x /\n")?;
    /// assert_eq!(dockerfile.stages[0].name().as_deref(), Some("a"));
    /// let error = Dockerfile::parse("FROM scratch\nCOPPY x /\n").unwrap_err();
    /// assert_eq!(error.to_string(), "unknown instruction: COPPY (did you mean COPY?)");
    /// # Ok::<(), Diagnostic>(())
    /// ```
    pub fn parse(text: &str) -> Result<Dockerfile, Diagnostic> {
        if text.len() > TEXT_LIMIT {
            let message = format!("this Dockerfile has {} bytes; at most {TEXT_LIMIT} are read", text.len());
            return Err(
                Diagnostic::new(Span::default(), message).hint("a large file belongs into the context")
            );
        }
        let mut reader = Reader::new(text);
        let mut dockerfile = Dockerfile {
            directives: Directives { syntax: None, escape: '\\', check: None },
            global_args: Vec::new(),
            stages: Vec::new(),
            empty_continuations: Vec::new(),
        };
        let mut count = 0;
        while let Some(step) = reader.step()? {
            count += 1;
            if count > INSTRUCTION_LIMIT {
                let message = format!("more than {INSTRUCTION_LIMIT} instructions");
                return Err(Diagnostic::new(step.name.span, message));
            }
            dockerfile.add(step)?;
        }
        if dockerfile.stages.is_empty() {
            return Err(no_stages(text, count));
        }
        let begin = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let (syntax, check) = directive::outside_of_parsing(text, begin);
        dockerfile.directives = Directives { syntax, escape: reader.escape, check };
        dockerfile.empty_continuations = reader.empty_continuations;
        Ok(dockerfile)
    }

    /// The same from bytes, which must be UTF-8.
    ///
    /// # Errors
    /// As [`Dockerfile::parse`]; and the first byte that is not UTF-8.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Dockerfile, Diagnostic> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Dockerfile::parse(text),
            Err(error) => {
                let start = error.valid_up_to();
                let end = start + error.error_len().unwrap_or(bytes.len() - start);
                Err(Diagnostic::new(Span::new(start..end), "this Dockerfile is not UTF-8")
                    .expected("text in UTF-8")
                    .hint("write it anew in UTF-8, for example with iconv; other bytes belong into files of the context"))
            }
        }
    }

    /// The stage that `reference` names: by its name in any case, or by its number, counted from 0.
    pub fn stage(&self, reference: &str) -> Option<&Stage> {
        let lower = reference.to_lowercase();
        let named = self.stages.iter().rfind(|stage| stage.name().as_deref() == Some(&lower));
        named.or_else(|| self.stages.get(reference.parse::<usize>().ok()?))
    }

    fn add(&mut self, step: Step) -> Result<(), Diagnostic> {
        let count = self.stages.len();
        match (&step.instruction, self.stages.last_mut()) {
            (Instruction::From(_), _) if count == STAGE_LIMIT => {
                return Err(Diagnostic::new(step.name.span, format!("more than {STAGE_LIMIT} stages")));
            }
            (Instruction::From(from), _) => {
                let from = from.clone();
                self.stages.push(Stage { index: count, from: step.map(|_| from), steps: Vec::new() });
            }
            (Instruction::Arg(arg), None) => {
                let arg = arg.clone();
                self.global_args.push(step.map(|_| arg));
            }
            (_, None) => {
                return Err(Diagnostic::new(step.name.span, "no build stage in current context")
                    .expected("FROM, or ARG before it")
                    .hint("a Dockerfile begins with FROM, which names the image to build upon"));
            }
            (_, Some(stage)) => stage.steps.push(step),
        }
        Ok(())
    }
}

fn no_stages(text: &str, instructions: usize) -> Diagnostic {
    let message = match instructions {
        _ if text.is_empty() => "the Dockerfile cannot be empty",
        0 => "file with no instructions",
        _ => "dockerfile contains no stages to build",
    };
    Diagnostic::new(Span::at(text.trim_end().len()), message).expected("FROM")
}

#[cfg(test)]
mod tests;
