//! `crane push IMAGE DEST` has its destination as the last of two operands: whoever is used to that is told.

use cli::{Error, Image, Io, Layouts, Operand};
use image_format::Class;

/// All images, or none: each is reported that is not there.
pub(crate) fn resolve(io: &mut Io, layouts: &mut Layouts, operands: &[Operand]) -> Result<Vec<Image>, Error> {
    let mut images = Vec::with_capacity(operands.len());
    cli::try_all(io, operands, |operand, io| {
        images.push(layouts.resolve(io, operand).map_err(|error| with_hint(error, operands, operand))?);
        Ok(())
    })?;
    Ok(images)
}

fn with_hint(error: Error, operands: &[Operand], operand: &Operand) -> Error {
    match operands {
        [first, last] if std::ptr::eq(last, operand) && error.class() == Class::NotFound => {
            let (first, last) = (first.text(), last.text());
            error.with_hint(format_args!("to push one image elsewhere: oci-push {first} --to {last}"))
        }
        _ => error,
    }
}
