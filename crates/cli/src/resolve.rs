//! From what was asked for to an image in a layout. Layouts are opened once, when the first image in them is asked for.

use crate::ambient::{LayoutOption, Place};
use crate::error::Error;
use crate::image::Image;
use crate::io::Io;
use crate::operand::{Local, Operand};
use crate::operands::try_all;
use image_format::{Class, NameError};
use layout::{Found, Snapshot};
use std::path::{Path, PathBuf};

/// The layouts that images are looked up in.
#[derive(Debug)]
pub struct Layouts {
    ambient: LayoutOption,
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    /// As it was written in an operand; `None` is the ambient one.
    written: Option<PathBuf>,
    place: Place,
    snapshot: Snapshot,
}

impl LayoutOption {
    /// Looks images up in this layout and in those that operands name.
    pub fn layouts(&self) -> Layouts {
        Layouts { ambient: self.clone(), open: Vec::new() }
    }
}

impl Layouts {
    /// The image that `operand` asks for.
    ///
    /// A layout that was looked at before may be older than its index; what is not found in it is looked for again.
    ///
    /// # Errors
    /// There is no such layout or image, several fit, or the operand names a registry.
    pub fn resolve(&mut self, io: &Io, operand: &Operand) -> Result<Image, Error> {
        Ok(self.resolve_row(io, operand)?.0)
    }

    /// The same, with the row of the index that it was found by, as it stands there; `None` for an index's child.
    ///
    /// # Errors
    /// As [`Layouts::resolve`].
    pub(crate) fn resolve_row(
        &mut self,
        io: &Io,
        operand: &Operand,
    ) -> Result<(Image, Option<String>), Error> {
        let local = operand.local()?;
        let position = self.position(io, local.directory.as_deref())?;
        let open = &mut self.open[position];
        if local.awaited {
            open.snapshot = open.place.layout().snapshot()?;
        }
        let found = match find(open, local) {
            Ok(found) if !found.moved => found,
            _ => {
                open.snapshot = open.place.layout().snapshot()?;
                find(open, local).map_err(|error| with_pattern_hint(error, local, io.tool()))?
            }
        };
        let row = found.row.map(|position| open.snapshot.row(position).json.to_owned());
        let image = Image {
            place: open.place.clone(),
            name: found.name,
            descriptor: found.descriptor,
            moved: found.moved,
        };
        Ok((image, row))
    }

    /// All images that `operands` ask for; errors are printed as they come.
    ///
    /// The second value is the first failure: what was found can be used all the same.
    pub fn resolve_all(&mut self, io: &mut Io, operands: &[Operand]) -> (Vec<Image>, Result<(), Error>) {
        let mut images = Vec::with_capacity(operands.len());
        let result = try_all(io, operands, |operand, io| {
            images.push(self.resolve(io, operand)?);
            Ok(())
        });
        (images, result)
    }

    /// The layout that `operand` names, and its index as it was last read.
    ///
    /// # Errors
    /// There is no such layout.
    pub fn snapshot(&mut self, io: &Io, local: &Local) -> Result<(&Place, &Snapshot), Error> {
        let position = self.position(io, local.directory.as_deref())?;
        let open = &self.open[position];
        Ok((&open.place, &open.snapshot))
    }

    /// The layout that images lie in that are named without one, if it is there, and its index as it was last read.
    pub(crate) fn ambient(&mut self, io: &Io) -> Option<(&Place, &Snapshot)> {
        let position = self.position(io, None).ok()?;
        let open = &self.open[position];
        Some((&open.place, &open.snapshot))
    }

    /// The index of a layout that an image was found in.
    pub(crate) fn of(&self, place: &Place) -> Option<&Snapshot> {
        let open = self.open.iter().find(|open| open.place.layout().path() == place.layout().path())?;
        Some(&open.snapshot)
    }

    fn position(&mut self, io: &Io, directory: Option<&Path>) -> Result<usize, Error> {
        if let Some(position) = self.open.iter().position(|open| open.written.as_deref() == directory) {
            return Ok(position);
        }
        let place = match directory {
            Some(written) => {
                io.messages().note(format_args!("layout {} (from the operand)", written.display()));
                Place::open(io, written)?
            }
            None => self.ambient.for_reading(io)?,
        };
        let snapshot = place.layout().snapshot()?;
        self.open.push(Open { written: directory.map(Path::to_owned), place, snapshot });
        Ok(self.open.len() - 1)
    }
}

/// Images are named one by one; `oci-images` is what takes patterns.
fn with_pattern_hint(error: Error, local: &Local, tool: &str) -> Error {
    match local.text.contains(['*', '?']) {
        true => error.with_hint(format_args!("for a pattern: oci-images -q '{}' | {tool} -", local.text)),
        false => error,
    }
}

fn find(open: &Open, local: &Local) -> Result<Found, Error> {
    if local.lookup.name.is_none() && local.lookup.verbatim.is_none() && local.lookup.digest.is_none() {
        let image = open.snapshot.only_image().map_err(|error| Error::from(error).at(&local.text))?;
        let row = Some(image.position);
        return Ok(Found { name: image.name, descriptor: image.descriptor, row, moved: false });
    }
    open.place.layout().resolve(&open.snapshot, &local.lookup).map_err(|error| {
        let error = Error::from(error);
        match &local.name_error {
            // what is no name, no tag and no ID is wrong rather than missing
            Some(NameError::IsId(_)) => error,
            Some(name @ NameError::Digest(_)) if error.class() == Class::NotFound => {
                Error::usage(name).at(&local.text)
            }
            Some(name) if error.class() == Class::NotFound => Error::usage(name),
            _ => error,
        }
    })
}
