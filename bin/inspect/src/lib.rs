//! `oci-inspect`: the JSON objects of an image.
#![forbid(unsafe_code)]

use cli::{Error, Grant, Inspection, Io, Operands, Readable, Shape};
use image_format::Platform;
use std::ffi::OsString;

const EXAMPLES: &str = "\
Examples:
  oci-inspect debian:bookworm
  oci-inspect debian:bookworm | jq -r .config.config.Cmd[]
  oci-images -q | oci-inspect | jq -r .descriptor.digest
  oci-inspect --raw debian:bookworm | sha256sum
  oci-inspect docker://debian:bookworm --platform linux/arm64";

/// Show the manifest and the config of an image
///
/// Prints one object for each image, with the image's own objects verbatim in it: ref, descriptor, manifest, config;
/// platforms for an image of several platforms; source, if it was pulled. On a terminal it is indented; elsewhere it
/// is one line.
///
/// docker://REF is read straight from its registry, without its layers.
///
/// Without an operand, images are read from standard input, if that is a pipe or a file.
#[derive(clap::Parser)]
#[command(name = "oci-inspect", after_long_help = EXAMPLES)]
struct Args {
    /// The images; - reads images from standard input
    #[arg(value_name = "IMAGE")]
    images: Vec<OsString>,
    /// Print the bytes of the manifest, exactly
    ///
    /// On a terminal control characters are escaped, as JSON writes them.
    #[arg(long, help_heading = "Output", conflicts_with = "config")]
    raw: bool,
    /// Print the bytes of the config, exactly
    ///
    /// On a terminal as --raw.
    #[arg(long, help_heading = "Output")]
    config: bool,
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
    _talk: cli::TalkOptions,
}

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let mut images = args.layout.readables(args.registry);
    let operands = Operands::new(io, &args.images, Grant::WhenPiped, args.if_any)?;
    operands.try_each(io, |operand, io| {
        let image = images.find(io, operand)?;
        print(&args, &image, io)
    })
}

fn print(args: &Args, image: &Readable, io: &mut Io) -> Result<(), Error> {
    let platform = args.platform.as_ref();
    if args.config {
        let (_, manifest) = image.manifest(platform)?;
        return io.output().document(&image.config_bytes(&manifest)?);
    }
    if args.raw {
        return match platform {
            Some(platform) => io.output().document(image.manifest(Some(platform))?.1.bytes()),
            None => io.output().document(image.node()?.bytes()),
        };
    }
    let object = Inspection::of(image, platform)?.to_json()?;
    let pretty = io.output().is_terminal() && !args.records.json && !args.records.null;
    let shape = if pretty { Shape::Pretty } else { Shape::Line };
    io.output().json_shaped(&object, shape)
}
