//! What is told of a build: files for scripts, and the findings of `--check`.

use crate::Args;
use crate::input::Input;
use build::Options;
use cli::{Error, Image, Io, Place};
use dockerfile::{Dockerfile, LintInput, PlatformArgs};
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

/// `--check`: what docker's build checks find, as docker prints it; a finding is status 1.
pub(crate) fn check(
    io: &mut Io,
    args: &Args,
    input: &Input,
    dockerfile: &Dockerfile,
    options: &Options,
) -> Result<(), Error> {
    let target = args.platform.first().cloned().unwrap_or_else(Platform::host);
    let [build_platform, target_platform] = [&options.build_platform, &target].map(platform_args);
    let lint = dockerfile.lint(&LintInput {
        build_args: &options.build_args,
        build_platform: &build_platform,
        target_platform: &target_platform,
        target: args.target.as_deref().unwrap_or_default(),
        ignore: Some(input.context().ignore()),
        base: &|_| None,
    });
    io.output().bytes(lint.report(&input.name, &input.text).as_bytes())?;
    io.output().flush()?;
    match (&lint.error, lint.warnings.len()) {
        (Some(error), _) => Err(input.tell(io, error.clone().into())),
        (None, 0) => Ok(()),
        (None, _) => {
            Err(Error::from(Failure::new(Class::Failed, "the build checks found something")).reported())
        }
    }
}

fn platform_args(platform: &Platform) -> PlatformArgs {
    PlatformArgs {
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone().unwrap_or_default(),
        ..PlatformArgs::default()
    }
}
