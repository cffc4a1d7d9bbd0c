//! What can be told apart about a failure, whichever crate it comes from: its class, which a tool turns into its
//! exit status (docs/contract.md), and a hint.

use std::fmt;
use std::io;

/// The kinds of failure that a caller, and a shell script, can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Anything without a class of its own: the disk, a permission, a program that is missing.
    Failed,
    /// The disk is full, or what one may have of it.
    NoSpace,
    /// The request itself is wrong.
    Usage,
    /// The image, tag, blob or layout is not there.
    NotFound,
    /// The registry wants a credential, or a better one.
    NotAuthorised,
    /// The registry or the network kept failing.
    Unavailable,
    /// A digest, size or format is not what it claims.
    Integrity,
    /// In use, or changed by somebody else meanwhile.
    Conflict,
    /// The reader of our output is gone.
    BrokenPipe,
    /// A signal asked us to stop.
    Interrupted,
}

/// An error with its class: what the traits of this crate return, and what every crate's own error becomes.
///
/// It displays as `object: problem; expectation`, in lower case, without a full stop.
#[derive(Debug)]
pub struct Failure {
    class: Class,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure of `class`; `message` names the object, the problem and what was expected.
    pub fn new(class: Class, message: impl fmt::Display) -> Failure {
        Failure { class, message: message.to_string(), hint: None }
    }

    /// The same with a next step for the user.
    #[must_use]
    pub fn with_hint(mut self, hint: impl fmt::Display) -> Failure {
        self.hint = Some(hint.to_string());
        self
    }

    /// The same failure of another class.
    #[must_use]
    pub fn with_class(mut self, class: Class) -> Failure {
        self.class = class;
        self
    }

    /// The same failure, its message behind `object: `.
    #[must_use]
    pub fn at(mut self, object: impl fmt::Display) -> Failure {
        self.message = format!("{object}: {}", self.message);
        self
    }

    /// An I/O error on `object` (a path, mostly).
    ///
    /// A failure that travelled inside an [`io::Error`] keeps its class and hint.
    pub fn io(object: impl fmt::Display, error: io::Error) -> Failure {
        Failure::from(error).at(object)
    }

    /// What kind of failure this is.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The next step for the user, where there is one.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> io::Error {
        io::Error::other(failure)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(error) => Failure::new(class_of(&error), plain(&error)),
        }
    }
}

fn class_of(error: &io::Error) -> Class {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Class::BrokenPipe,
        io::ErrorKind::NotFound => Class::NotFound,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Class::NoSpace
        }
        _ => Class::Failed,
    }
}

/// The error without Rust's ` (os error N)`, which no user asked for.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => lower_first(&text[..end]),
        None => text,
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_way_through_an_io_error() {
        let failure = Failure::new(Class::Integrity, "blob: too long").with_hint("pull again");
        let back = Failure::io("app:1", io::Error::from(failure));
        assert_eq!(back.class(), Class::Integrity);
        assert_eq!(back.to_string(), "app:1: blob: too long");
        assert_eq!(back.hint(), Some("pull again"));
    }

    #[test]
    fn an_error_of_the_system_is_said_plainly() {
        let full = Failure::io("/tmp/x", io::Error::from_raw_os_error(28));
        assert_eq!(full.to_string(), "/tmp/x: no space left on device");
        assert_eq!(full.class(), Class::NoSpace);
    }
}
