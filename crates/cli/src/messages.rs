//! Standard error: errors, warnings, hints and, with `-v`, the steps that are taken.

use crate::error::Error;
use crate::escape::on_one_line;
use image_format::escaped;
use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::Arc;

/// The longest line, in bytes: what others wrote into an image or sent must not fill a log.
const MAX_LINE: usize = 4 << 10;

/// `-q` and `-v`, for every tool (but oci-run, whose `-v` is docker's volume).
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TalkOptions {
    /// Print only the result: no progress, no warnings
    #[arg(short = 'q', long = "quiet", help_heading = "Messages", overrides_with = "quiet")]
    pub(crate) quiet: bool,
    /// Say what is done; twice: every request
    #[arg(short = 'v', long = "verbose", action = clap::ArgAction::Count, help_heading = "Messages")]
    pub(crate) verbose: u8,
}

impl TalkOptions {
    /// Was `-q` given? Tables then become lines, whatever is said besides.
    pub fn quiet(&self) -> bool {
        self.quiet
    }
}

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Errors alone.
    Quiet,
    /// Warnings too.
    Normal,
    /// Each step.
    Verbose,
}

/// Writes to standard error. Clones share it.
#[derive(Clone, Debug)]
pub struct Messages {
    tool: Arc<str>,
    level: Level,
    terminal: bool,
}

impl Messages {
    pub(crate) fn new(tool: &str, level: Level) -> Messages {
        Messages { tool: tool.into(), level, terminal: std::io::stderr().is_terminal() }
    }

    /// Prints an error, and its hint, unless that has been done.
    pub fn error(&self, error: &Error) {
        if error.is_reported() || error.is_final() {
            return;
        }
        self.line(format_args!("{}: {error}", self.tool));
        if let Some(hint) = error.failure().hint() {
            self.line(format_args!("hint: {hint}"));
        }
    }

    /// Prints an error that shows more than a line, as it is.
    pub fn shown(&self, text: &str) {
        text.lines().for_each(|line| self.line(line));
    }

    /// Prints a warning, unless `-q`.
    pub fn warn(&self, text: impl fmt::Display) {
        if self.level >= Level::Normal {
            self.line(format_args!("{}: warning: {text}", self.tool));
        }
    }

    /// Prints a line that tells of something that was done (`Untagged: …`), unless `-q`.
    pub fn say(&self, text: impl fmt::Display) {
        if self.level >= Level::Normal {
            self.line(text);
        }
    }

    /// Prints a step, with `-v`.
    pub fn note(&self, text: impl fmt::Display) {
        if self.level >= Level::Verbose {
            self.line(format_args!("{}: {text}", self.tool));
        }
    }

    /// Prints a line for somebody who is watching, unless `-q`.
    pub(crate) fn on_terminal(&self, text: impl fmt::Display) {
        if self.terminal && self.level >= Level::Normal {
            self.line(format_args!("{}: {text}", self.tool));
        }
    }

    /// Prints a step, with `-v` or for somebody who is watching, unless `-q`.
    pub(crate) fn step_or_terminal(&self, text: impl fmt::Display) {
        if self.level >= Level::Verbose || self.terminal && self.level >= Level::Normal {
            self.line(format_args!("{}: {text}", self.tool));
        }
    }

    /// Is it quiet?
    pub(crate) fn is_quiet(&self) -> bool {
        self.level == Level::Quiet
    }

    /// Is standard error a terminal?
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// One write, so that the lines of several processes do not mix. There is nobody to tell if it fails.
    fn line(&self, text: impl fmt::Display) {
        let text = cut(text.to_string());
        let safe = if self.terminal { escaped(&text) } else { on_one_line(&text) };
        let line = format!("{safe}\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// The text without what is too much of it.
fn cut(mut text: String) -> String {
    if text.len() > MAX_LINE {
        text.truncate(text.floor_char_boundary(MAX_LINE));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_cut_between_two_letters() {
        assert_eq!(cut("short".to_owned()), "short");
        let long = cut("ä".repeat(MAX_LINE));
        assert_eq!(long.len(), MAX_LINE + "…".len());
        assert!(long.ends_with("ä…"));
    }
}
