//! The packages that a tree says are installed, read from the databases in it: dpkg's, apk's and rpm's.
//!
//! A database comes from an image and may say anything: what is kept of it is bounded. dpkg's and apk's are read in one
//! pass, line by line.

mod collected;
mod compare;
mod rpm;
mod stanza;

pub use compare::{PackageDifference, PackageState};

use serde::Serialize;
use std::fmt;
use std::io::{self, BufRead};

/// Which program keeps the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PackageManager {
    /// Debian's.
    Dpkg,
    /// Alpine's.
    Apk,
    /// Fedora's, Red Hat's and SUSE's.
    Rpm,
}

impl fmt::Display for PackageManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PackageManager::Dpkg => "dpkg",
            PackageManager::Apk => "apk",
            PackageManager::Rpm => "rpm",
        })
    }
}

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Package {
    /// Whose it is.
    pub manager: PackageManager,
    /// What it is called.
    pub name: String,
    /// For which processors it is, `all` or `noarch` for any; empty where nobody says so.
    pub architecture: String,
    /// Its version.
    pub version: String,
}

impl Package {
    /// What it takes in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Package>() + self.name.len() + self.architecture.len() + self.version.len()
    }
}

impl PackageManager {
    /// Which database a file may be, by the end of its name as a layer has it; `None` for any other file. The directory
    /// before it may be called anything, since links may lead there.
    pub(crate) fn of_path(path: &[u8]) -> Option<PackageManager> {
        let mut parts = path.rsplit(|byte| *byte == b'/');
        let (name, parent) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match name {
            _ if parent == b"status.d" && !name.ends_with(b".md5sums") => Some(PackageManager::Dpkg),
            b"status" => Some(PackageManager::Dpkg),
            b"installed" => Some(PackageManager::Apk),
            b"rpmdb.sqlite" | b"Packages.db" => Some(PackageManager::Rpm),
            b"Packages" if parent == b"rpm" => Some(PackageManager::Rpm),
            _ => None,
        }
    }

    /// The packages that a database of this kind has installed, in its order. Lines that mean nothing are passed over.
    ///
    /// # Errors
    /// It names more than 65,536 packages, or in more than 8 MiB of text; it is one of rpm's that is damaged, has more than
    /// 48 MiB, or is in the form of Berkeley DB (all [`io::ErrorKind::InvalidData`]); those of the reader.
    pub fn installed(self, database: impl BufRead) -> io::Result<Vec<Package>> {
        match self {
            PackageManager::Rpm => rpm::packages(database),
            PackageManager::Dpkg | PackageManager::Apk => stanza::packages(self, database),
        }
    }
}

/// Where the databases are in a tree, single files.
pub(crate) const DATABASES: [&str; 9] = [
    "var/lib/dpkg/status",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/Packages",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages",
];
/// The directory in which each file is one package's stanza of dpkg's database: distroless images.
pub(crate) const DIRECTORY: &str = "var/lib/dpkg/status.d";
