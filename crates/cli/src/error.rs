//! The error of a tool: a failure, and whether the user has been told of it already.

use image_format::{Class, Failure, ImageName};
use std::fmt;

/// Why a tool ends with a status other than 0.
///
/// Whatever turns into a [`Failure`] turns into this, so that `?` is enough.
#[derive(Debug)]
pub struct Error {
    failure: Failure,
    reported: bool,
}

impl Error {
    /// The request itself is wrong; `message` says what was expected.
    pub fn usage(message: impl fmt::Display) -> Error {
        Error::from(Failure::new(Class::Usage, message))
    }

    /// What was asked for is not there.
    pub fn not_found(message: impl fmt::Display) -> Error {
        Error::from(Failure::new(Class::NotFound, message))
    }

    /// A failure that has been printed: only its status is left to say.
    #[must_use]
    pub fn reported(self) -> Error {
        Error { reported: true, ..self }
    }

    /// For tools whose status 1 is an answer, as diff(1): a failure that has no status of its own ends them with 2.
    #[must_use]
    pub fn as_trouble(self) -> Error {
        match self.class() {
            Class::Failed | Class::NoSpace if !self.reported => {
                Error { failure: self.failure.with_class(Class::Usage), ..self }
            }
            _ => self,
        }
    }

    /// The same with a next step for the user.
    #[must_use]
    pub fn with_hint(self, hint: impl fmt::Display) -> Error {
        Error { failure: self.failure.with_hint(hint), ..self }
    }

    /// The same, its message behind `object: `.
    #[must_use]
    pub fn at(self, object: impl fmt::Display) -> Error {
        Error { failure: self.failure.at(object), ..self }
    }

    /// What kind of failure it is, which decides the exit status.
    pub fn class(&self) -> Class {
        self.failure.class()
    }

    /// The failure itself.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The failure alone.
    pub(crate) fn into_failure(self) -> Failure {
        self.failure
    }

    /// Has it been printed?
    pub fn is_reported(&self) -> bool {
        self.reported
    }

    /// Does it end the tool at once, whatever operands are left?
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.class(), Class::BrokenPipe | Class::Interrupted)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl<E: Into<Failure>> From<E> for Error {
    fn from(error: E) -> Error {
        Error { failure: error.into(), reported: false }
    }
}

/// The failure of one of several images, which it names.
pub fn named(failure: Failure, name: &ImageName) -> Failure {
    let [text, full] = [failure.to_string(), name.to_string()];
    let path = format!("{}/{}", name.registry(), name.repository());
    if text.contains(&path) { failure } else { failure.at(full) }
}

/// For `map_err` on errors that know nothing of classes: the request was wrong.
pub(crate) fn usage<E: fmt::Display>(error: E) -> Error {
    Error::usage(error)
}
