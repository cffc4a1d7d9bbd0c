//! Everything outside of a tool: its environment, its three streams, the time, and whether it was asked to stop.

use crate::clock::Clock;
use crate::env::Environment;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::lines::Lines;
use crate::messages::Messages;
use crate::output::{Output, RecordOptions};
use crate::progress::{Progress, ProgressForm};
use crate::stdin::{self, NotEmpty, Stdin};
use image_format::{Class, Failure};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file's bytes, or why there are none.
pub(crate) type Opened = Result<Box<dyn Read + Send>, Error>;

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

    /// A file's bytes, or for `-` those of standard input.
    ///
    /// # Errors
    /// It cannot be opened; as [`Io::data`].
    pub fn file(&mut self, path: &Path, what: &'static str) -> Result<Box<dyn Read + Send>, Error> {
        if path == Path::new("-") {
            return Ok(Box::new(self.data(what)?));
        }
        if path.is_dir() {
            let copy = path.join("oci-layout").is_file();
            let path = path.display();
            let copy = if copy { format!("oci-copy oci:{path}:NAME NAME, or ") } else { String::new() };
            let error = Error::usage(format_args!("{path}: a directory; expected {what}"));
            return Err(
                error.with_hint(format_args!("{copy}write it as a tar: tar -C {path} -c . | {}", self.tool))
            );
        }
        Ok(Box::new(File::open(path).map_err(|error| Failure::io(path.display(), error))?))
    }

    /// The bytes of each of these; what cannot be opened is an error in its place.
    ///
    /// # Errors
    /// One is no file to read at all: the command line is wrong.
    pub fn files(&mut self, paths: &[PathBuf], what: &'static str) -> Result<Vec<Opened>, Error> {
        let mut files: Vec<Opened> = Vec::with_capacity(paths.len());
        for path in paths {
            match self.file(path, what) {
                Err(error) if error.class() == Class::Usage => return Err(error),
                Ok(stdin) if path == Path::new("-") => files.push(Ok(Box::new(NotEmpty::new(stdin)))),
                file => files.push(file),
            }
        }
        Ok(files)
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
