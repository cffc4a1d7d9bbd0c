//! The files that a build is given.

use dockerfile::Ignore;
use std::path::{Path, PathBuf};

/// A directory of files, and which of them the build does not see.
#[derive(Debug)]
pub struct Context {
    directory: PathBuf,
    ignore: Ignore,
}

impl Context {
    /// The files of `directory`, without those that `ignore` says.
    pub fn new(directory: impl Into<PathBuf>, ignore: Ignore) -> Context {
        Context { directory: directory.into(), ignore }
    }

    /// Where the files lie.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is not seen.
    pub fn ignore(&self) -> &Ignore {
        &self.ignore
    }
}
