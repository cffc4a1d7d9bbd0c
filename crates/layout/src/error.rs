//! What can go wrong with a layout.

use image_format::{Class, Failure};
use std::io;
use std::path::PathBuf;

/// An error of a layout, naming the path or the image it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing at the path.
    #[error("{0}: no image layout here")]
    Missing(PathBuf),
    /// The directory holds something else.
    #[error("{0}: not an image layout: the directory has files, but none called oci-layout")]
    NotALayout(PathBuf),
    /// The same, where a layout should be made.
    #[error("{0}: not an image layout: the directory has files, but none called oci-layout")]
    Occupied(PathBuf),
    /// It would be one, but for the file that says so.
    #[error("{0}: not an image layout: it has an index.json and blobs, but no oci-layout")]
    Unmarked(PathBuf),
    /// `index.json` is missing or no image index.
    #[error("{path}: {problem}")]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// The layout's files are not what the spec says.
    #[error("{path}: {problem}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// No image of that name or digest.
    #[error("{0}")]
    NoImage(String),
    /// Several images fit.
    #[error("{id}: several images begin with this ID: {}", .candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// Pinned references of what fits.
        candidates: Vec<String>,
    },
    /// Several images have a bare tag besides their names.
    #[error("{tag}: several images have this tag: {}", .names.join(", "))]
    AmbiguousTag {
        /// What was asked for.
        tag: String,
        /// Their names.
        names: Vec<String>,
    },
    /// The operating system said no.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

impl Error {
    /// For `map_err`: wraps an I/O error with the path it is about.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        |error| Error::Io { path, error }
    }

    /// Is it that the layout is not there, or not any more?
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Error::Missing(_) | Error::NotALayout(_) => true,
            Error::Io { error, .. } => error.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Io { path, error } => {
                let failure = Failure::io(path.display(), error);
                if failure.class() != Class::NoSpace {
                    return failure;
                }
                failure.with_hint("make room, with oci-gc perhaps, or name a layout elsewhere with -L DIR")
            }
            Error::Missing(_) => Failure::new(Class::NotFound, error).with_hint(
                "name another with -L DIR or $OCI_LAYOUT, or make one with oci-pull or oci-import",
            ),
            Error::NoImage(_) => Failure::new(Class::NotFound, error),
            Error::Ambiguous { .. } | Error::AmbiguousTag { .. } => Failure::new(Class::Usage, error),
            Error::NotALayout(_) => Failure::new(Class::NotFound, error)
                .with_hint("name another with -L DIR or $OCI_LAYOUT"),
            Error::Occupied(_) => Failure::new(Class::Failed, error).with_hint("name an empty directory"),
            Error::Unmarked(ref path) => {
                let marker = r#"{"imageLayoutVersion":"1.0.0"}"#;
                let hint = format!("put it back: echo '{marker}' > {}/oci-layout", path.display());
                Failure::new(Class::NotFound, error).with_hint(hint)
            }
            Error::Index { .. } => Failure::new(Class::Integrity, error).with_hint(
                r#"put another there, {"schemaVersion":2,"manifests":[]} if need be: oci-tag @DIGEST NAME then finds what is in blobs"#,
            ),
            Error::Broken { .. } => Failure::new(Class::Integrity, error),
        }
    }
}
