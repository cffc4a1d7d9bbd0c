//! `oci-tag`: give images of a layout more names.
#![forbid(unsafe_code)]

use cli::{Destination, Error, Grant, Io, Operands, Untagged};
use std::ffi::OsString;

const EXAMPLES: &str = "\
Examples:
  oci-tag debian:bookworm registry.example/base:1
  oci-pull debian:bookworm | oci-tag - registry.example/base:1 | oci-push
  oci-tag - mirror/ < images.list      # each image under its own name behind mirror/";

/// Give an image more names
///
/// Each NAME becomes a row of the layout's index, and whatever had the name before loses it. All names are given in one
/// edit of the index, or none is. No blob is moved, but for an image of another layout, which is brought into this one
/// first, by reflink or hard link where that can be.
///
/// A NAME without a tag means NAME:latest. A NAME that ends in / is a prefix: the image's own repository, without its
/// host, and its tag follow. Prints the pinned reference of every new name.
#[derive(clap::Parser)]
#[command(name = "oci-tag", after_long_help = EXAMPLES)]
struct Args {
    /// The image; - reads images from standard input
    image: OsString,
    /// The new names; one that ends in / is a prefix
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    if_any: cli::IfAnyOption,
    #[command(flatten)]
    layout: cli::LayoutOption,
    #[command(flatten)]
    _records: cli::RecordOptions,
    #[command(flatten)]
    _talk: cli::TalkOptions,
}

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let names = args.names.iter().map(|name| Destination::parse(name)).collect::<Result<Vec<_>, _>>()?;
    let operands = Operands::new(io, &[args.image], Grant::WhenWritten, args.if_any)?.read_to_end()?;
    let (images, result) = args.layout.layouts().resolve_all(io, &operands);
    let assigned = cli::assign(&images, operands.len(), &names, Untagged::Latest)?;
    if assigned.is_empty() {
        return result;
    }
    let place = args.layout.for_writing(io, false)?;
    let tagged = cli::tag_images(io, &place, &assigned)?;
    io.output().images(&tagged)?;
    result
}
