//! What of a tree could not be kept.

use super::TreePath;
use std::fmt;

/// What could not be kept, with the first name it happened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// A device was left out: only root makes devices.
    Device(TreePath),
    /// Owners other than one's own are recorded in the attribute `user.rootlesscontainers`, as umoci does.
    Owner(TreePath),
    /// An owner could not even be recorded.
    OwnerLost(TreePath),
    /// An extended attribute could not be set: the file system, or a user without privileges, cannot.
    Xattr(TreePath, String),
    /// A file changed that has an attribute in the layers below which its tree could not have: without privileges.
    XattrLost(TreePath, String),
    /// An attribute that would change what an overlay mount shows was left out.
    OverlayXattr(TreePath, String),
    /// A socket was left out: no layer can hold one.
    Socket(TreePath),
    /// A database of packages was left out, and why.
    Packages(TreePath, String),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Device(path) => {
                write!(f, "{path}: a device, left out, as are others: only root makes them")
            }
            Note::Owner(path) => {
                write!(
                    f,
                    "{path}: its owner, as others, is only recorded, in the attribute user.rootlesscontainers"
                )
            }
            Note::OwnerLost(path) => {
                write!(f, "{path}: its owner, as others, is lost: it cannot be recorded here")
            }
            Note::Xattr(path, name) => {
                write!(f, "{path}: the attribute {name} cannot be set here; others neither")
            }
            Note::XattrLost(path, name) => {
                write!(
                    f,
                    "{path}: its attribute {name}, as others', is lost: its content changed where only root can set it"
                )
            }
            Note::OverlayXattr(path, name) => {
                write!(f, "{path}: the attribute {name} is left out: it is overlayfs's own")
            }
            Note::Socket(path) => {
                write!(f, "{path}: a socket, left out, as are others: no layer can hold one")
            }
            Note::Packages(path, why) => write!(f, "{path}: its packages are left out: {why}"),
        }
    }
}
