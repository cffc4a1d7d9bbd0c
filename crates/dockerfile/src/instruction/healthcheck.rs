//! `HEALTHCHECK`.

use std::time::Duration;

use super::CommandLine;
use super::duration::interval;
use crate::diagnostic::Diagnostic;
use crate::flag::Flags;
use crate::span::Word;
use crate::statement::{Arguments, Statement};

/// How a container is asked whether it works.
///
/// <https://docs.docker.com/reference/dockerfile/#healthcheck>
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Healthcheck {
    /// Not at all, whatever the base image says.
    None,
    /// By a command.
    Command {
        /// The command; never empty.
        command: CommandLine,
        /// Time between two checks, where given.
        interval: Option<Duration>,
        /// Time that one check may take.
        timeout: Option<Duration>,
        /// Time at the start in which failures do not count.
        start_period: Option<Duration>,
        /// Time between two checks in the start period.
        start_interval: Option<Duration>,
        /// Failures in a row that make the container unhealthy; 0 if not given.
        retries: u32,
    },
}

impl Healthcheck {
    pub(crate) fn new(statement: &Statement, flags: &Flags) -> Result<Healthcheck, Diagnostic> {
        let Arguments::Health(kind, rest) = &statement.arguments else {
            return Err(statement.at_least_one());
        };
        let command = CommandLine::new(rest, statement.place);
        match kind.text.to_ascii_uppercase().as_str() {
            "NONE" if matches!(**rest, Arguments::None) => Ok(Healthcheck::None),
            "NONE" => Err(statement.error("HEALTHCHECK NONE takes no arguments")),
            "CMD" if command.is_empty() => {
                Err(statement.error("Missing command after HEALTHCHECK CMD").expected("a command"))
            }
            "CMD" => Healthcheck::command(command, flags),
            other => {
                let message = format!("Unknown type {other:?} in HEALTHCHECK (try CMD)");
                Err(Diagnostic::new(kind.span, message).expected("CMD or NONE"))
            }
        }
    }

    fn command(command: CommandLine, flags: &Flags) -> Result<Healthcheck, Diagnostic> {
        let time = |name| flags.value(name).map_or(Ok(None), |word| interval(name, word));
        Ok(Healthcheck::Command {
            command,
            interval: time("interval")?,
            timeout: time("timeout")?,
            start_period: time("start-period")?,
            start_interval: time("start-interval")?,
            retries: flags.value("retries").map_or(Ok(0), retries)?,
        })
    }
}

fn retries(word: &Word) -> Result<u32, Diagnostic> {
    if word.is_empty() {
        return Ok(0);
    }
    let number: i32 = word.text.parse().map_err(|_| {
        let message = format!("invalid number {:?} for --retries", word.text);
        Diagnostic::new(word.span, message).expected("a number")
    })?;
    let negative = |_| Diagnostic::new(word.span, format!("--retries cannot be negative ({number})"));
    u32::try_from(number).map_err(negative)
}
