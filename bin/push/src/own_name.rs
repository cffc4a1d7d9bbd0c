//! Where an image goes that `--to` says nothing of.

use cli::{Error, Image, Operand};
use image_format::{Class, ImageName};

/// `crane push IMAGE DEST` has its destination as the last of two operands.
pub(crate) fn meant_as_dest(error: Error, operands: &[Operand], operand: &Operand) -> Error {
    match operands {
        [first, last] if std::ptr::eq(last, operand) && error.class() == Class::NotFound => {
            let (tool, first, last) = ("oci-push", first.text(), last.text());
            error.with_hint(format_args!("to push one image elsewhere: {tool} {first} --to {last}"))
        }
        _ => error,
    }
}

/// The name that says where an image goes.
pub(crate) fn of(image: &Image) -> Result<ImageName, Error> {
    image.image_name().cloned().ok_or_else(|| {
        Error::usage(format_args!("{}: has no name that says where to", image.to_text()))
            .with_hint("say it: --to REGISTRY/NAME:TAG")
    })
}
