//! Containers from images: a root filesystem, the user that it runs as, and the bundle that a runtime takes.
//!
//! - [`NewDirectory`]: a directory that is ours to fill, and goes again if that fails.
//! - [`User`]: who `USER` is, by the image's own `/etc/passwd` and `/etc/group`.
//! - [`runtime_spec`]: an image's config as the `config.json` of a bundle (image-spec, conversion.md).
//! - [`unpack_bundle`]: both in a directory, for runc, crun, youki and whoever else runs bundles.
//! - [`Unpacked`] and [`TreeChanges`]: what changed in such a directory since, as a layer.
#![forbid(unsafe_code)]

mod bundle;
mod changes;
mod directory;
mod record;
mod spec;
mod unpacked;
mod user;

pub use bundle::unpack_bundle;
pub use changes::TreeChanges;
pub use directory::NewDirectory;
pub use spec::{SpecOptions, runtime_spec};
pub use unpacked::Unpacked;
pub use user::User;
