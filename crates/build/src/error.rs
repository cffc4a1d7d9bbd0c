//! Why a build fails.

use dockerfile::{Diagnostic, Span};
use image_format::{Class, Failure};
use std::fmt;

/// Something in the Dockerfile is wrong, or the world outside of it.
#[derive(Debug)]
pub enum Error {
    /// The Dockerfile asks for what cannot be done: shown with its line and a mark under the place.
    Dockerfile(Diagnostic),
    /// An instruction met a disk, a layout, a registry; shown in the same way. Its class is what it met.
    Instruction(Diagnostic, Class),
    /// A disk, a layout, a registry, a signal, and no instruction is to blame.
    Failure(Failure),
}

impl Error {
    /// The same, said of the instruction at `span`, unless it has a place already.
    #[must_use]
    pub(crate) fn at(self, span: Span) -> Error {
        match self {
            Error::Failure(failure) if !matches!(failure.class(), Class::Interrupted | Class::BrokenPipe) => {
                let diagnostic = Diagnostic::new(span, failure.to_string());
                let hint = failure.hint().map(str::to_owned);
                Error::Instruction(Diagnostic { hint, ..diagnostic }, failure.class())
            }
            other => other,
        }
    }

    /// The same, said of `span`: its own place is in another text, that of `trigger`.
    #[must_use]
    pub(crate) fn of_trigger(self, trigger: &str, span: Span) -> Error {
        let moved = |diagnostic: Diagnostic| {
            let message = format!("ONBUILD {trigger}: {}", diagnostic.message);
            Diagnostic { message, span, ..diagnostic }
        };
        match self {
            Error::Dockerfile(diagnostic) => Error::Dockerfile(moved(diagnostic)),
            Error::Instruction(diagnostic, class) => Error::Instruction(moved(diagnostic), class),
            failure => failure.at(span),
        }
    }

    /// The place in the Dockerfile, where it has one.
    pub fn diagnostic(&self) -> Option<&Diagnostic> {
        match self {
            Error::Dockerfile(diagnostic) | Error::Instruction(diagnostic, _) => Some(diagnostic),
            Error::Failure(_) => None,
        }
    }

    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        match self {
            Error::Dockerfile(_) => Class::Failed,
            Error::Instruction(_, class) => *class,
            Error::Failure(failure) => failure.class(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Dockerfile(diagnostic) | Error::Instruction(diagnostic, _) => diagnostic.fmt(f),
            Error::Failure(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<Diagnostic> for Error {
    fn from(diagnostic: Diagnostic) -> Error {
        Error::Dockerfile(diagnostic)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error::Failure(failure)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::Failure(error.into())
    }
}
