//! Everything outside of a tool: its environment, its three streams, the time, and whether it was asked to stop.

use crate::clock::Clock;
use crate::env::Environment;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::lines::Lines;
use crate::messages::Messages;
use crate::output::{Output, RecordOptions};
use crate::progress::{Progress, ProgressForm};
use crate::stdin::{self, Stdin};

/// What a tool is given to reach the world outside.
#[derive(Debug)]
pub struct Io {
    pub(crate) tool: String,
    pub(crate) environment: Environment,
    pub(crate) clock: Clock,
    pub(crate) output: Output,
    pub(crate) messages: Messages,
    pub(crate) records: RecordOptions,
    pub(crate) progress: ProgressForm,
    pub(crate) interrupt: Interrupt,
    /// Standard input is named at most once.
    pub(crate) stdin_taken: bool,
}

impl Io {
    /// The tool's name: `oci-pull`.
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// The environment variables.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Standard output.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Standard error.
    pub fn messages(&self) -> &Messages {
        &self.messages
    }

    /// Has a signal asked us to stop?
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Shows how a transfer gets on.
    pub fn progress(&self) -> Progress {
        Progress::new(self.progress, &self.messages, &self.interrupt)
    }

    /// Standard input as data; `what` it should be is said where there is nothing, or a terminal.
    ///
    /// # Errors
    /// It has been taken before, or there is nothing on it.
    pub fn data(&mut self, what: &'static str) -> Result<Stdin, Error> {
        if !stdin::is_data() {
            return Err(Error::usage(format_args!("nothing on standard input; expected {what}")));
        }
        self.take(what)
    }

    pub(crate) fn lines(&mut self, granted: bool, if_any: bool) -> Result<Lines, Error> {
        let stdin = self.take("images")?;
        Ok(Lines::new(stdin, &self.tool, granted, self.records.null, if_any))
    }

    fn take(&mut self, what: &'static str) -> Result<Stdin, Error> {
        if std::mem::replace(&mut self.stdin_taken, true) {
            return Err(Error::usage("standard input is named twice; expected - at most once"));
        }
        Ok(Stdin::new(self.interrupt.clone(), self.messages.clone(), what))
    }
}
