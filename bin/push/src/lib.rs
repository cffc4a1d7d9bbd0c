//! `oci-push`: images of a layout to registries.
#![forbid(unsafe_code)]

mod meant_as_dest;

use cli::{
    Destination, DryRun, Error, Grant, IfAnyOption, Image, Io, JobsOption, LayoutOption, Operands,
    ProgressOption, RecordOptions, RegistryOption, TalkOptions, Untagged,
};
use image_format::{Digest, ImageName};
use std::collections::HashMap;
use std::ffi::OsString;
use transfer::{ImageDestination, ImageSource, Options, Platforms, Registries};

const EXAMPLES: &str = "\
Examples:
  oci-push registry.example/app:1                       where its name says
  oci-push app:1 --to registry.example/team/app         tag 1 there
  oci-pull - < mirror.list | oci-push --to registry.internal/mirror/
  oci-push --dry-run app:1 --to registry.example/app    how many bytes?";

/// Push images from a layout to registries
///
/// Sends what the registry lacks, several blobs side by side, and prints the pinned reference of each image there.
/// An image goes to the registry of its own name, or to --to.
///
/// No two images are sent to one name: status 2. Operands, and lines of standard input that go to one repository (a DEST
/// without / at its end), are read to the end and compared before anything is sent. Other lines are sent as they come, and
/// one that would land on a name just used is refused. Without --to nothing is sent if one of the operands is missing.
#[derive(clap::Parser)]
#[command(name = "oci-push", after_long_help = EXAMPLES)]
struct Args {
    /// Images in layouts, or - for standard input
    ///
    /// NAME[:TAG][@DIGEST], @DIGEST, an ID, or oci:DIR[:NAME[:TAG]][@DIGEST]; with - one stands on each line.
    #[arg(value_name = "IMAGE")]
    images: Vec<OsString>,
    /// Where to: NAME[:TAG], or PREFIX/
    ///
    /// Without a tag each image keeps its own. What ends in / is put before each image's repository and tag.
    #[arg(long, value_name = "DEST")]
    to: Option<String>,
    /// Say what would be sent, and leave it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    jobs: JobsOption,
    #[command(flatten)]
    registry: RegistryOption,
    #[command(flatten)]
    if_any: IfAnyOption,
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
    let destination = args.to.as_deref().map(Destination::parse).transpose()?.unwrap_or(Destination::Own);
    let operands = Operands::new(io, &args.images, Grant::WhenPiped, args.if_any)?;
    let mut layouts = args.layout.layouts();
    let options = Options { platforms: Platforms::All, to_oci: false, jobs: args.jobs.jobs };
    let mut pusher = Pusher {
        registries: args.registry.registries(io),
        options,
        dry_run: args.dry_run.then(DryRun::default),
    };
    if operands.are_written() || destination.needs_all() {
        let operands = operands.read_to_end()?;
        let (images, found) = match destination {
            // nothing is sent before all of them are found: the last may have been meant as DEST
            Destination::Own => (meant_as_dest::resolve(io, &mut layouts, &operands)?, Ok(())),
            _ => layouts.resolve_all(io, &operands),
        };
        let assigned = cli::assign(&images, operands.len(), &[destination], Untagged::Keep)?;
        let pushed = cli::try_all(io, assigned, |(name, image), io| pusher.push(io, image, &name));
        return pusher.finish(io, found.and(pushed));
    }
    let mut sent: HashMap<ImageName, Digest> = HashMap::new();
    let result = operands.try_each(io, |operand, io| {
        let image = layouts.resolve(io, operand)?;
        let name = destination.name_of(&image, Untagged::Keep)?;
        let first = *sent.entry(name.clone()).or_insert(image.descriptor.digest);
        if first != image.descriptor.digest {
            let problem = format!("{name}: {first} was sent to this name just now");
            return Err(Error::usage(problem).at(image.to_text()));
        }
        pusher.push(io, &image, &name)
    });
    pusher.finish(io, result)
}

struct Pusher {
    registries: Registries,
    options: Options,
    dry_run: Option<DryRun>,
}

impl Pusher {
    fn push(&mut self, io: &mut Io, image: &Image, name: &ImageName) -> Result<(), Error> {
        let from = ImageSource::Layout(image.place.layout().clone(), image.descriptor.clone());
        let to = ImageDestination::Registry(name.clone());
        let push = transfer::copy(&self.registries, &from, &to, &self.options)?;
        if let Some(dry_run) = &mut self.dry_run {
            return dry_run.print(io, Some(name), push.plan());
        }
        let progress = io.progress();
        let report = push.run(&progress).map_err(|failure| image.blame(failure))?;
        progress.finish();
        cli::tell_moved(io, &name.to_string(), &report);
        io.output().pushed(image, name, &report.root)
    }

    fn finish(self, io: &Io, result: Result<(), Error>) -> Result<(), Error> {
        match self.dry_run {
            Some(dry_run) => dry_run.finish(io, result),
            None => result,
        }
    }
}
