//! `oci-copy`: an image from any place to any other.
#![forbid(unsafe_code)]

use cli::{
    CopyTarget, Destination, DryRun, Error, Image, Io, JobsOption, LayoutOption, Operand, ProgressOption,
    RecordOptions, RegistryOption, SelectionOptions, TalkOptions, Untagged,
};
use image_format::{Claim, ImageName};
use std::ffi::OsString;
use transfer::{ImageDestination, ImageSource, Platforms};

const EXAMPLES: &str = "\
Examples:
  oci-copy docker://debian:bookworm docker://registry.example/base:bookworm
  oci-copy app:1 oci:./release                 by reflink or hard link
  oci-copy oci:./release:app:1 app:tested";

/// Copy an image between any two places
///
/// SRC and DST are NAME or oci:DIR[:NAME] (a layout) or docker://REF (a registry). All platforms are copied unless
/// --platform chooses. From layout to layout nothing is copied that a reflink or hard link can share; from registry
/// to registry no layout is needed. Prints the pinned reference at DST.
#[derive(clap::Parser)]
#[command(name = "oci-copy", after_long_help = EXAMPLES)]
struct Args {
    /// The image
    #[arg(value_name = "SRC")]
    source: OsString,
    /// Where to: NAME, oci:DIR[:NAME] or docker://REF
    ///
    /// Without a tag the image keeps its own, without a name in oci:DIR its name.
    #[arg(value_name = "DST")]
    destination: OsString,
    /// Say what would be moved, and leave it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    jobs: JobsOption,
    #[command(flatten)]
    registry: RegistryOption,
    #[command(flatten)]
    layout: LayoutOption,
    #[command(flatten)]
    _records: RecordOptions,
    #[command(flatten)]
    _progress: ProgressOption,
    #[command(flatten)]
    _talk: TalkOptions,
}

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let registries = args.registry.registries(io);
    let options = args.selection.transfer(args.jobs, Platforms::All);
    cli::refuse_transports(&args.source)?;
    let source = match Operand::parse(&args.source)? {
        Operand::Registry(name) => Source::Registry(name),
        operand @ Operand::Local(_) => Source::Layout(args.layout.layouts().resolve(io, &operand)?),
    };
    let (place, to) = match CopyTarget::parse(&args.destination)? {
        CopyTarget::Registry(destination) => {
            let name = source.name_at(Some(&destination))?;
            let name = name.ok_or_else(|| Error::usage("expected docker://NAME as DST"))?;
            (None, ImageDestination::Registry(name))
        }
        CopyTarget::Layout(directory, destination) => {
            let name = source.name_at(destination.as_ref())?;
            let (place, target) = args.layout.target(io, directory, args.dry_run)?;
            (place, ImageDestination::Layout(target, name))
        }
    };
    let copy = transfer::copy(&registries, &source.from(), &to, &options)?;
    args.selection.remark(io, &args.source.to_string_lossy(), copy.plan());
    if args.dry_run {
        let mut dry_run = DryRun::default();
        let result = dry_run.print(io, None, copy.plan());
        return dry_run.finish(io, result);
    }
    let bytes = copy.plan().graph().bytes();
    let name = copy.name().cloned();
    let progress = io.progress();
    let report = copy.run(&progress).map_err(|failure| match &source {
        Source::Layout(image) => image.blame(failure),
        Source::Registry(_) => failure.into(),
    })?;
    progress.finish();
    if let ImageDestination::Layout(target, _) = &to {
        cli::tell_displaced(io, &target.take_displaced());
    }
    cli::tell_moved(io, &args.source.to_string_lossy(), &report);
    match (place, &source, name) {
        (Some(place), _, name) => io.output().image(&Image::new(&place, name.map(Claim::Name), report.root)),
        (None, Source::Layout(image), Some(name)) => io.output().pushed(image, &name, &report.root),
        (None, Source::Registry(_), Some(name)) => {
            io.output().relayed(&registries.repository(&name), &name, &report.root, bytes)
        }
        (None, _, None) => Ok(()),
    }
}

enum Source {
    Layout(Image),
    Registry(ImageName),
}

impl Source {
    fn from(&self) -> ImageSource {
        match self {
            Source::Layout(image) => {
                ImageSource::Layout(image.place.layout().clone(), image.descriptor.clone())
            }
            Source::Registry(name) => ImageSource::Registry(name.clone()),
        }
    }

    fn name_at(&self, destination: Option<&Destination>) -> Result<Option<ImageName>, Error> {
        let own = match self {
            Source::Layout(image) => image.image_name().cloned(),
            Source::Registry(name) => name.tag().map(|_| name.unpinned()),
        };
        match destination {
            Some(destination) => destination.name_for(own.as_ref(), Untagged::Keep).map(Some),
            None => Ok(own),
        }
    }
}
