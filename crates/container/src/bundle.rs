//! A bundle: what a runtime takes. runtime-spec, bundle.md.

use crate::record::Record;
use crate::{SpecOptions, User, runtime_spec};
use image_format::{Failure, ImageConfig, Layer, Observer, Source};
use layer::{Indexes, Privilege};
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Unpacks an image into `directory`, which is empty: its tree into `rootfs`, its config as `config.json`; and, for
/// [`crate::Unpacked`], a record of that. Gives the length of the layers' tars in bytes.
///
/// # Errors
/// Those of [`layer::apply`], [`User::find`] and [`runtime_spec`].
pub fn unpack_bundle(
    source: &dyn Source,
    layers: &[Layer],
    config: &ImageConfig,
    directory: &Path,
    privilege: Privilege,
    indexes: &Indexes,
    observer: &dyn Observer,
) -> Result<u64, Failure> {
    let root = directory.join("rootfs");
    fs::DirBuilder::new().mode(0o755).create(&root).map_err(|error| Failure::io(root.display(), error))?;
    let size = layer::apply(source, layers, &root, privilege, indexes, observer)?;
    let named = config.config.as_ref().and_then(|exec| exec.user.as_deref()).unwrap_or_default();
    let user = User::find(&root, named)?;
    let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let spec = runtime_spec(config, &user, SpecOptions { privilege, owner })?;
    let path = directory.join("config.json");
    fs::write(&path, format!("{spec:#}\n")).map_err(|error| Failure::io(path.display(), error))?;
    Record::of(layers, privilege).write(directory)?;
    Ok(size)
}

#[cfg(test)]
mod tests;
