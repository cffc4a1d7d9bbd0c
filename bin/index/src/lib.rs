//! `oci-index`: images of several platforms under one name.
#![forbid(unsafe_code)]

use cli::{Destination, Error, Grant, Image, Io, Operands};
use image_format::{Descriptor, Index, MediaType, Node, Raw};
use std::ffi::OsString;
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  oci-index app:1 app:1-amd64 app:1-arm64
  oci-images -q 'app:1-*' | oci-index app:1 - | oci-push";

/// Put images of several platforms under one name
///
/// Makes an image index of the images and calls it NAME. Each image's platform is the one that its config says; two
/// images for one platform are refused. An IMAGE that is an index itself gives all of its images.
#[derive(clap::Parser)]
#[command(name = "oci-index", after_long_help = EXAMPLES)]
struct Args {
    /// The index's name
    name: String,
    /// The images; - reads images from standard input
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<OsString>,
    /// An annotation of the index; may be repeated
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = cli::key_value, help_heading = "Changes")]
    annotations: Vec<(String, String)>,
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
    let name = Destination::parse(&args.name)?.name_of_new("an index")?;
    let operands = Operands::new(io, &args.images, Grant::WhenWritten, args.if_any)?.read_to_end()?;
    if operands.is_empty() {
        return Ok(());
    }
    // an index that lacks one of its images would be another one: any failure is all of it
    let (images, result) = args.layout.layouts().resolve_all(io, &operands);
    result?;
    let place = args.layout.for_writing(io, false)?;
    let sink = Arc::new(place.layout().sink()?);
    let mut children = Vec::new();
    for image in &images {
        cli::bring(io, &place, &sink, image)?;
        children.extend(children_of(image)?);
    }
    let mut index = Index::of_platforms(children)?;
    if !args.annotations.is_empty() {
        index.annotations = Some(args.annotations.into_iter().collect());
    }
    let index = Raw::write(index);
    let descriptor = sink.put(MediaType::OciIndex, index.bytes())?;
    let named = cli::name_image(io, &place, name.as_ref(), &descriptor)?;
    io.output().image(&named)
}

fn children_of(image: &Image) -> Result<Vec<Descriptor>, Error> {
    match image.node()? {
        Node::Index(index) => Ok(index.manifests.clone()),
        Node::Manifest(manifest) => {
            let Descriptor { media_type, digest, size, .. } = image.descriptor.clone();
            let platform = image.config_of(&manifest)?.platform();
            Ok(vec![Descriptor::new(media_type, digest, size).with_platform(platform)])
        }
    }
}
