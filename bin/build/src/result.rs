//! What is told of a build: files for scripts, and whether an image is what was built.

use crate::Args;
use cli::{Error, Image, Io, Place};
use image_format::{Class, Descriptor, Digest, Failure, ImageName, Platform};
use std::path::Path;
use std::sync::Arc;

/// What was built.
pub(crate) struct Built {
    /// The config's digest; that of an index, where several platforms were built.
    pub(crate) id: Digest,
    /// The manifest or index.
    pub(crate) descriptor: Descriptor,
}

impl Built {
    /// `--iidfile` and `--metadata-file`, as buildx writes them.
    pub(crate) fn write_files(&self, args: &Args, names: &[ImageName]) -> Result<(), Error> {
        if let Some(path) = &args.iidfile {
            write(path, self.id.to_string().as_bytes())?;
        }
        if let Some(path) = &args.metadata_file {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let metadata = serde_json::json!({
                "containerimage.config.digest": self.id.to_string(),
                "containerimage.descriptor": self.descriptor,
                "containerimage.digest": self.descriptor.digest.to_string(),
                "image.name": names.join(","),
            });
            write(path, format!("{metadata:#}\n").as_bytes())?;
        }
        Ok(())
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    Ok(std::fs::write(path, content).map_err(|error| Failure::io(path.display(), error))?)
}

/// `--verify`: whether `image` is what was built; it may be in another layout, and of several platforms.
pub(crate) fn verify(
    io: &mut Io,
    args: &Args,
    place: &Place,
    image: &Image,
    built: &Built,
) -> Result<(), Error> {
    let name = image.to_text();
    if image.descriptor.digest == built.descriptor.digest {
        io.messages().say(format_args!("{name}: same digest"));
        return io.output().image(image);
    }
    let sink = Arc::new(place.layout().sink()?);
    cli::bring(io, place, &sink, image)?;
    let rebuilt = Image::new(place, None, built.descriptor.clone());
    let platforms: Vec<Option<&Platform>> = match args.platform.as_slice() {
        [] => vec![None],
        several => several.iter().map(Some).collect(),
    };
    for platform in platforms {
        let (ours, theirs) = (image.editable(platform)?.1, rebuilt.editable(platform)?.1);
        if let Some(difference) = build::first_difference(&ours, &theirs, place.layout(), &io.progress())? {
            let rebuilt = built.descriptor.digest;
            return Err(Failure::new(
                Class::Failed,
                format_args!("{name}: rebuilt as {rebuilt}: {difference}"),
            )
            .into());
        }
    }
    io.messages().say(format_args!("{name}: same digest for its platform"));
    io.output().image(image)
}
