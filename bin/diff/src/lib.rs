//! `oci-diff`: what differs between two images.
#![forbid(unsafe_code)]

mod difference;
mod report;
mod side;

use cli::{Error, Grant, Io, Operands};
use image_format::{Class, ConfigDifference, Failure, Platform};
use layer::{Contents, FileDifference, LayerChanges, LayerDifference, PackageDifference};
use report::Report;
use side::{Side, progress};
use std::ffi::OsString;

const EXAMPLES: &str = "\
Examples:
  oci-diff app:1 app:2
  oci-diff debian:bookworm docker://debian:bookworm
  oci-diff --only packages app:1 app:2
  oci-diff -q --only files app:1 app:2 | grep /etc/
  oci-diff --json app:1 app:2 | jq 'select(.kind == \"package\")'
  oci-diff --exit-code -q app:1 app:2 > /dev/null || echo changed
  oci-diff --layers app:1";

/// Show what differs between two images
///
/// Compares layers (= shared, - only in the first, + only in the second), config with history and annotations,
/// installed packages (dpkg's, apk's, and rpm's but for Berkeley DB's form) and files, whose content is compared by hash.
/// Layers that both images begin with are read once, and none at all where the images have the same or where neither
/// packages nor files are asked for.
///
/// A directory that only one image has is one line with what is in it; -q and --json name every file. With -q a line is
/// kind, mark and name (file, +, /etc/motd), between tabs; with --layers it is layer, its DiffID and the bytes added,
/// changed, deleted and wasted, or file, its layer, mark and name. -0 ends it with NUL and leaves the name as it is.
///
/// --layers shows what each layer of one image adds, changes and deletes, and how much of it is wasted: bytes of files that
/// a later layer overwrites or deletes. docker://REF is read straight from its registry.
#[derive(clap::Parser)]
#[command(name = "oci-diff", after_long_help = EXAMPLES)]
struct Args {
    /// Two images, or one with --layers; - reads standard input
    #[arg(value_name = "IMAGE")]
    images: Vec<OsString>,
    /// Show what each layer of one image does
    #[arg(long, help_heading = "Selection", conflicts_with_all = ["only", "times", "exit_code"])]
    layers: bool,
    /// With --layers: every file that a layer changes, too
    #[arg(long, help_heading = "Selection", requires = "layers")]
    files: bool,
    /// Layers, config, packages or files alone; may be repeated
    #[arg(
        long,
        value_name = "KIND",
        value_delimiter = ',',
        help_heading = "Selection",
        hide_possible_values = true
    )]
    only: Vec<Kind>,
    /// Times differ, too: of files, and of the images
    #[arg(long, help_heading = "Selection")]
    times: bool,
    /// Of several platforms, the one for OS/ARCH
    #[arg(long, value_name = "OS/ARCH", help_heading = "Input")]
    platform: Option<Platform>,
    /// End with 1 if they differ; a failure is 2 or more
    #[arg(long, help_heading = "Output")]
    exit_code: bool,
    #[command(flatten)]
    registry: cli::RegistryOption,
    #[command(flatten)]
    layout: cli::LayoutOption,
    #[command(flatten)]
    records: cli::RecordOptions,
    #[command(flatten)]
    _progress: cli::ProgressOption,
    #[command(flatten)]
    talk: cli::TalkOptions,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Kind {
    Layers,
    Config,
    Packages,
    Files,
}

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let told = args.exit_code;
    show(args, io).map_err(|error| if told { error.as_trouble() } else { error })
}

fn show(args: Args, io: &mut Io) -> Result<(), Error> {
    let operands = Operands::new(io, &args.images, Grant::WhenWritten, cli::IfAnyOption::default())?;
    let operands = operands.read_to_end()?;
    let expected = if args.layers { "one image" } else { "two images, or one with --layers" };
    if operands.len() != 2 - usize::from(args.layers) {
        let found = cli::counted(operands.len(), "image");
        return Err(Error::usage(format_args!("{found}; expected {expected}")));
    }
    let mut places = args.layout.readables(args.registry);
    let mut open = |operand| Side::open(places.find(io, operand)?, args.platform.as_ref());
    let sides = operands.iter().map(&mut open).collect::<Result<Vec<Side>, Error>>()?;
    let mut report = Report::new(io, args.talk.quiet() || args.records.null, args.records.null);
    match &sides[..] {
        [before, after] => args.compare(before, after, &mut report)?,
        [image] => args.show_layers(image, &mut report)?,
        _ => {}
    }
    let differs = report.differs();
    io.output().flush()?;
    let differ = Failure::new(Class::Failed, "the images differ");
    if differs && args.exit_code { Err(Error::from(differ).reported()) } else { Ok(()) }
}

impl Args {
    fn wants(&self, kind: Kind) -> bool {
        self.only.is_empty() || self.only.contains(&kind)
    }

    fn compare(&self, before: &Side, after: &Side, report: &mut Report<'_>) -> Result<(), Error> {
        if self.wants(Kind::Layers) {
            report.section("Layers", LayerDifference::between(&before.image, &after.image)?)?;
        }
        if self.wants(Kind::Config) {
            report.section("Config", ConfigDifference::of_images(&before.image, &after.image, self.times))?;
        }
        let same = before.image.config.rootfs.diff_ids == after.image.config.rootfs.diff_ids;
        if same || !self.wants(Kind::Packages) && !self.wants(Kind::Files) {
            return Ok(());
        }
        let ((before, size), (after, other_size)) = (before.stack()?, after.stack()?);
        let progress = progress(report.io(), [size, other_size]);
        let (old, new) = Contents::of_both(&before, &after, &progress)?;
        progress.finish();
        if self.wants(Kind::Packages) {
            report.section("Packages", PackageDifference::between(&old.packages(), &new.packages()))?;
        }
        if self.wants(Kind::Files) { report.files(|| old.compare(&new, self.times)) } else { Ok(()) }
    }

    fn show_layers(&self, side: &Side, report: &mut Report<'_>) -> Result<(), Error> {
        let (stack, size) = side.stack()?;
        let progress = progress(report.io(), [size]);
        let mut files: Vec<(usize, FileDifference)> = Vec::new();
        let changes = LayerChanges::of(&stack, &progress, |position, file| {
            if self.files {
                files.push((position, file));
            }
            Ok(())
        })?;
        progress.finish();
        report.layers(&LayerDifference::all(&side.image)?, &changes, &files)
    }
}
