//! Exit statuses: one table, which also is the section of every man page.

use image_format::Class;
use rustix::process::Signal;

/// Each status and what it means, in the order of the man pages.
pub(crate) const STATUSES: [(u8, &str); 8] = [
    (0, "done"),
    (1, "failed: the disk, a permission, anything without a status of its own"),
    (2, "the command line, or a line on standard input, is wrong"),
    (3, "an image, a tag, a blob or the layout is not there"),
    (4, "not authorised: the registry wants a credential, or a better one"),
    (5, "the registry or the network kept failing"),
    (6, "integrity: a digest, a size or a format is not what it claims"),
    (7, "in use, or changed by somebody else meanwhile"),
];

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With this status.
    Status(u8),
    /// As if this signal had not been caught.
    Signal(Signal),
}

/// What a failure of this class ends a tool with; `caught` is the signal that asked it to stop.
pub(crate) fn of(class: Class, caught: Option<Signal>) -> End {
    End::Status(match class {
        Class::Failed | Class::NoSpace => 1,
        Class::Usage => 2,
        Class::NotFound => 3,
        Class::NotAuthorised => 4,
        Class::Unavailable => 5,
        Class::Integrity => 6,
        Class::Conflict => 7,
        Class::BrokenPipe => return End::Signal(Signal::PIPE),
        Class::Interrupted => return End::Signal(caught.unwrap_or(Signal::INT)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_the_status_of_the_contract() {
        for (class, status) in [
            (Class::Failed, 1),
            (Class::NoSpace, 1),
            (Class::Usage, 2),
            (Class::NotFound, 3),
            (Class::NotAuthorised, 4),
            (Class::Unavailable, 5),
            (Class::Integrity, 6),
            (Class::Conflict, 7),
        ] {
            assert_eq!(of(class, None), End::Status(status));
            assert!(STATUSES.iter().any(|(documented, _)| *documented == status));
        }
        assert_eq!(of(Class::BrokenPipe, None), End::Signal(Signal::PIPE));
        assert_eq!(of(Class::Interrupted, Some(Signal::TERM)), End::Signal(Signal::TERM));
    }
}
