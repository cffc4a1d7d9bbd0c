//! Differences of files for people: a directory that only one tree has is one of them.

use super::{Amount, FileDifference};

/// A name that differs, and what is in it where it is a directory that only one of the trees has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The difference of the name itself.
    pub difference: FileDifference,
    /// The files below it, which only one of the trees has.
    pub within: Amount,
}

/// Directories that only one tree has, with all that is in them as one. `files` are in the order of a tree.
pub fn folded(files: impl Iterator<Item = FileDifference>) -> impl Iterator<Item = Folded> {
    let mut files = files.peekable();
    std::iter::from_fn(move || {
        let difference = files.next()?;
        let mut within = Amount::default();
        let is_below = |file: &FileDifference| {
            let rest = file.path.as_bytes().strip_prefix(difference.path.as_bytes());
            difference.is_whole_directory() && rest.is_some_and(|rest| rest.starts_with(b"/"))
        };
        while let Some(file) = files.next_if(is_below) {
            within.count(&file);
        }
        Some(Folded { difference, within })
    })
}
