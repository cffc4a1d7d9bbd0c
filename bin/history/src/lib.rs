//! `oci-history`: how an image came to be.
#![forbid(unsafe_code)]

use cli::{Error, Grant, HistoryForm, ImageHistory, Io, Operands, Readable, Readables};
use image_format::Platform;
use std::ffi::OsString;

const EXAMPLES: &str = "\
Examples:
  oci-history debian:bookworm
  oci-history --no-trunc -H=false debian:bookworm
  oci-pull debian:bookworm | oci-history
  oci-history --dockerfile app:1
  oci-history --json debian:bookworm | jq -r 'select(.size > 1e6) | .created_by'
  oci-history docker://debian:bookworm";

/// Show how an image came to be
///
/// Prints the steps that the image's config tells of, newest first, each with the layer that it left: SIZE is the
/// layer's length as it is stored and sent, UNPACKED that of its tar, where it is known without unpacking. A layer that
/// no step accounts for is shown without a command.
///
/// Below the line "from …" are the steps of the image that it was made on: the one that its annotations name, or the one
/// in the layout whose layers it begins with.
///
/// --dockerfile prints instructions instead: what the history amounts to, on top of that image, whichever builder
/// wrote it. What it does not tell stands there in comments.
///
/// docker://REF is read straight from its registry, without its layers.
///
/// Without an operand, images are read from standard input, if that is a pipe or a file.
#[derive(clap::Parser)]
#[command(name = "oci-history", after_long_help = EXAMPLES)]
struct Args {
    /// The images; - reads images from standard input
    #[arg(value_name = "IMAGE")]
    images: Vec<OsString>,
    /// Sizes and times for people; -H=false: exact
    #[arg(short = 'H', long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
        default_missing_value = "true", action = clap::ArgAction::Set, help_heading = "Output",
        hide_default_value = true, hide_possible_values = true)]
    human: bool,
    /// Print whole commands and whole IDs
    #[arg(long, help_heading = "Output")]
    no_trunc: bool,
    /// Print the Dockerfile that the history amounts to
    #[arg(long, help_heading = "Output", conflicts_with_all = ["json", "quiet", "no_trunc"])]
    dockerfile: bool,
    /// Of several platforms, the one for OS/ARCH
    #[arg(long, value_name = "OS/ARCH", help_heading = "Input")]
    platform: Option<Platform>,
    #[command(flatten)]
    registry: cli::RegistryOption,
    #[command(flatten)]
    if_any: cli::IfAnyOption,
    #[command(flatten)]
    layout: cli::LayoutOption,
    #[command(flatten)]
    records: cli::RecordOptions,
    #[command(flatten)]
    talk: cli::TalkOptions,
}

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let mut images = args.layout.readables(args.registry);
    let operands = Operands::new(io, &args.images, Grant::WhenPiped, args.if_any)?;
    let mut printed = false;
    operands.try_each(io, |operand, io| {
        let image = images.find(io, operand)?;
        print(&args, &mut images, &image, io, std::mem::replace(&mut printed, true))
    })
}

/// `apart`: another image's table stands above.
fn print(
    args: &Args,
    images: &mut Readables,
    image: &Readable,
    io: &mut Io,
    apart: bool,
) -> Result<(), Error> {
    let parts = image.parts(args.platform.as_ref())?;
    let base = if args.talk.quiet() { None } else { images.base(io, image, &parts) };
    if args.dockerfile {
        let reference = image.reference_to(&image.descriptor);
        let page = build::recovered_dockerfile(&reference, &parts, base.as_ref());
        return io.output().lines(&page);
    }
    let history = ImageHistory::of(image, &parts, base, layer::unpacked_size_of);
    if args.records.json {
        return history.entries.iter().try_for_each(|entry| io.output().object(entry));
    }
    if args.talk.quiet() {
        return history.entries.iter().try_for_each(|entry| io.output().record(entry.layer().as_bytes()));
    }
    let (now, terminal) = (io.clock().now(), io.output().is_terminal());
    let form = HistoryForm { human: args.human, whole: args.no_trunc, now, terminal };
    if apart {
        io.output().bytes(b"\n")?;
    }
    io.output().table(&history.table(form))
}
