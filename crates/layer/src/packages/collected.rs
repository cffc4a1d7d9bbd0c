//! Packages as they are read, within bounds: a database comes from an image.

use super::Package;
use std::io::{self, ErrorKind};

pub(super) const MAX_PACKAGES: usize = 1 << 16;
/// What all names, versions and architectures of a database may take, in bytes.
const MAX_TEXT: usize = 8 << 20;

/// The packages of a database.
#[derive(Default)]
pub(super) struct Collected {
    packages: Vec<Package>,
    text: usize,
}

impl Collected {
    /// One more, unless there are too many.
    pub(super) fn push(&mut self, package: Package) -> io::Result<()> {
        self.text += package.name.len() + package.version.len() + package.architecture.len();
        self.packages.push(package);
        if self.packages.len() > MAX_PACKAGES || self.text > MAX_TEXT {
            let message = format!("more than {MAX_PACKAGES} packages, or {MAX_TEXT} bytes of their names");
            return Err(io::Error::new(ErrorKind::InvalidData, message));
        }
        Ok(())
    }

    pub(super) fn packages(self) -> Vec<Package> {
        self.packages
    }
}
