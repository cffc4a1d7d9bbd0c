//! One of the images that are looked at, and the layers that it is made of.

use cli::{Error, Io, Progress, Readable};
use image_format::{Observer as _, Platform, Stack, edit};

/// An image: its manifest and config, nothing of its layers.
pub(crate) struct Side {
    readable: Readable,
    pub(crate) image: edit::Image,
}

impl Side {
    pub(crate) fn open(readable: Readable, platform: Option<&Platform>) -> Result<Side, Error> {
        let image = readable.parts(platform)?;
        Ok(Side { readable, image })
    }

    /// Its layers, and the length of their tars where that is known without reading them.
    pub(crate) fn stack(&self) -> Result<(Stack<'_>, Option<u64>), Error> {
        let stack = self.readable.stack(&self.image)?;
        let size = if self.readable.is_here() { layer::unpacked_size_of_all(&stack) } else { None };
        Ok((stack, size))
    }
}

/// Shows how the reading of tars of these lengths gets on.
pub(crate) fn progress(io: &Io, sizes: impl IntoIterator<Item = Option<u64>>) -> Progress {
    let progress = io.progress();
    let size: Option<u64> = sizes.into_iter().map(|size| size.filter(|size| *size > 0)).sum();
    size.iter().for_each(|size| progress.expect(*size));
    progress
}
