//! Why a build fails.

use dockerfile::Diagnostic;
use image_format::Failure;
use std::fmt;

/// Something in the Dockerfile is wrong, or the world outside of it.
#[derive(Debug)]
pub enum Error {
    /// The Dockerfile asks for what cannot be done: shown with its line and a mark under the place.
    Dockerfile(Diagnostic),
    /// A disk, a layout, a registry, a signal.
    Failure(Failure),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Dockerfile(diagnostic) => diagnostic.fmt(f),
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
        Error::Failure(Failure::from(error))
    }
}
