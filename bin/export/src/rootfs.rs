//! The tree of files of one image, as a tar.

use crate::Args;
use crate::held::tell_of_others;
use cli::{Error, Image, Io};
use image_format::{Failure, Layer, Stack};
use layer::Indexes;
use std::io::{BufWriter, Write};

/// Bytes written at a time.
const BUFFER: usize = 1 << 20;

impl Args {
    /// Writes the flattened tree of the only one of `images`.
    pub(crate) fn rootfs(&self, io: &mut Io, images: &[Image]) -> Result<(), Error> {
        let [image] = images else {
            return Err(Error::usage("several images; expected one, since a tree has no names"));
        };
        if self.name.is_some() || self.not_in.is_some() || self.dry_run {
            return Err(Error::usage("--name, --not-in and --dry-run are for archives of images"));
        }
        if self.platform.is_empty() {
            tell_of_others(io, image, "a tree is of one of them: --platform chooses")?;
        }
        let (_, manifest) = image.manifest(self.platform.first())?;
        let config = image.config_of(&manifest)?;
        let layers = Layer::all(&manifest, &config).map_err(|error| error.at(image.to_text()))?;
        let stack = Stack::hold(image.place.layout(), layers)?;
        let indexes = Indexes::in_directory(io.environment().cache_directory());
        let progress = io.progress();
        let written = self.write(io, |mut output| {
            let sink = BufWriter::with_capacity(BUFFER, &mut output);
            let flattened = layer::flatten(stack.source(), stack.layers(), &indexes, sink, &progress)
                .and_then(|mut sink| sink.flush().map_err(Failure::from));
            flattened.inspect_err(|_| output.break_off())
        });
        progress.finish();
        written.map_err(|error| image.blame(error))
    }
}
