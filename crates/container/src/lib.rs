//! Containers from images: a root filesystem, the user that it runs as, and the bundle that a runtime takes.
//!
//! - [`NewDirectory`]: a directory that is ours to fill, and goes again if that fails.
//! - [`User`]: who `USER` is, by the image's own `/etc/passwd` and `/etc/group`.
//! - [`runtime_spec`]: an image's config as the `config.json` of a bundle (image-spec, conversion.md).
//! - [`unpack_bundle`]: both in a directory, for runc, crun, youki and whoever else runs bundles.
#![forbid(unsafe_code)]

mod bundle;
mod directory;
mod spec;
mod user;

pub use bundle::unpack_bundle;
pub use directory::NewDirectory;
pub use spec::{SpecOptions, runtime_spec};
pub use user::User;
