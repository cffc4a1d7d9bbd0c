//! DST of a copy: a registry or a layout, and the name there.

use crate::ambient::{LayoutOption, Place};
use crate::destination::Destination;
use crate::error::Error;
use crate::io::Io;
use crate::operand::{REGISTRY, cut_directory};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use transfer::TargetLayout;

/// Where a copy goes.
#[derive(Clone, Debug)]
pub enum CopyTarget {
    /// `docker://REF`.
    Registry(Destination),
    /// `NAME` in the ambient layout, or `oci:DIR[:NAME]`; without a name the image keeps its own.
    Layout(Option<PathBuf>, Option<Destination>),
}

impl CopyTarget {
    /// Reads a DST.
    ///
    /// # Errors
    /// It is no name, has a digest, or its layout's path cannot stand in a reference.
    pub fn parse(text: &OsStr) -> Result<CopyTarget, Error> {
        if let Some(name) = text.to_str().and_then(|text| text.strip_prefix(REGISTRY)) {
            return Destination::parse(name).map(CopyTarget::Registry);
        }
        refuse_transports(text)?;
        let (directory, rest) = cut_directory(text.as_bytes())?;
        let rest = std::str::from_utf8(rest)
            .map_err(|_| Error::usage(format_args!("{}: an image name is UTF-8", text.display())))?;
        let named = !rest.is_empty() || directory.is_none();
        let destination = named.then(|| Destination::parse(rest)).transpose()?;
        Ok(CopyTarget::Layout(directory, destination))
    }
}

/// Skopeo's other transports would be taken for names.
///
/// # Errors
/// The operand begins with one of them.
pub fn refuse_transports(text: &OsStr) -> Result<(), Error> {
    const TRANSPORTS: [&str; 6] =
        ["docker-archive", "oci-archive", "dir", "docker-daemon", "containers-storage", "ostree"];
    let text = text.to_string_lossy();
    match text.split_once(':') {
        Some((transport, _)) if TRANSPORTS.contains(&transport) => Err(Error::usage(format_args!(
            "{text}: the transport {transport}: is not known; expected NAME, oci:DIR[:NAME] or docker://REF"
        ))),
        _ => Ok(()),
    }
}

impl LayoutOption {
    /// The layout that images are written to: this one, or the one that an operand names. A dry run makes none,
    /// and then may have none.
    ///
    /// # Errors
    /// As [`LayoutOption::for_writing`].
    pub fn target(
        &self,
        io: &Io,
        directory: Option<PathBuf>,
        dry_run: bool,
    ) -> Result<(Option<Place>, TargetLayout), Error> {
        let option = directory.map_or_else(|| self.clone(), LayoutOption::of);
        if dry_run {
            let place = match option.for_reading(io) {
                Err(error) if error.class() == image_format::Class::NotFound => None,
                result => Some(result?),
            };
            let layout = place.as_ref().map(|place| place.layout().clone());
            return Ok((place, TargetLayout::Rehearse(layout)));
        }
        let place = option.for_writing(io, false)?;
        let sink = Arc::new(place.layout().sink()?);
        Ok((Some(place), TargetLayout::Write(sink)))
    }
}
