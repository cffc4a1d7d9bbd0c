//! `oci-config`: an image with another config.
#![forbid(unsafe_code)]

use cli::{Destination, Error, Grant, Image, Io, Operands, Untagged};
use image_format::{Change, Descriptor, History, ImageName, Platform, edit};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  oci-config debian:bookworm app:1 --change 'CMD [\"bash\"]' --change 'ENV LANG=C.UTF-8'
  oci-config app:1 app:1 --annotation org.opencontainers.image.licenses=MIT
  oci-pull debian | oci-config - base:1 --change 'USER 1000' | oci-push";

/// Make an image with another config
///
/// The new image has the layers of IMAGE and what --change says, and is called NAME; IMAGE stays as it is. Changes are
/// instructions of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER,
/// VOLUME, WORKDIR. Whatever they do not name, unknown fields too, stays as it is.
#[derive(clap::Parser)]
#[command(name = "oci-config", after_long_help = EXAMPLES)]
struct Args {
    /// The image; - reads images from standard input
    image: OsString,
    /// The new image's name; one that ends in / is a prefix
    name: String,
    /// A change of the config; may be repeated
    #[arg(short, long = "change", value_name = "INSTRUCTION", help_heading = "Changes")]
    changes: Vec<Change>,
    /// Take away what the image has of it first
    ///
    /// env, labels, ports, volumes, entrypoint or cmd; what --change sets comes after. May be repeated.
    #[arg(long, value_name = "SET", value_parser = Change::clear, help_heading = "Changes")]
    clear: Vec<Change>,
    /// Who made the image
    #[arg(long, value_name = "TEXT", help_heading = "Changes")]
    author: Option<String>,
    /// An annotation of the manifest; may be repeated
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = cli::key_value, help_heading = "Changes")]
    annotations: Vec<(String, String)>,
    /// A comment for the history
    #[arg(short, long, value_name = "TEXT", help_heading = "Changes")]
    message: Option<String>,
    /// Of several platforms, the one for OS/ARCH
    #[arg(long, value_name = "OS/ARCH", help_heading = "Input")]
    platform: Option<Platform>,
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
    let destination = Destination::parse(&args.name)?;
    let operands = Operands::new(io, std::slice::from_ref(&args.image), Grant::WhenWritten, args.if_any)?;
    let operands = operands.read_to_end()?;
    let (images, result) = args.layout.layouts().resolve_all(io, &operands);
    let assigned = cli::assign(&images, operands.len(), &[destination], Untagged::Latest)?;
    if assigned.is_empty() {
        return result;
    }
    let place = args.layout.for_writing(io, false)?;
    let sink = Arc::new(place.layout().sink()?);
    let created = io.clock().created();
    let mut rows: Vec<(ImageName, Descriptor)> = Vec::with_capacity(assigned.len());
    for (name, image) in assigned {
        let platform = args.platform.as_ref();
        image.check_not_lost(platform, &place, &name)?;
        let image = image.alone(io, platform, "is changed")?;
        cli::bring(io, &place, &sink, &image)?;
        rows.push((name, cli::put_image(&sink, &args.changed(&image, &created)?)?));
    }
    let named = cli::name_images(io, &place, &rows)?;
    io.output().images(&named)?;
    result
}

impl Args {
    fn changed(&self, image: &Image, created: &str) -> Result<edit::Image, Error> {
        let (_, image) = image.editable(None)?;
        let annotations: BTreeMap<String, String> = self.annotations.iter().cloned().collect();
        let image = edit::annotate(&image, &annotations)?;
        let image = match &self.author {
            Some(author) => edit::set_author(&image, author)?,
            None => image,
        };
        let changes: Vec<Change> = self.clear.iter().chain(&self.changes).cloned().collect();
        if changes.is_empty() && self.message.is_none() {
            return Ok(image);
        }
        let lines: Vec<&str> = changes.iter().map(Change::line).collect();
        let history = History {
            created: Some(created.to_owned()),
            created_by: Some(lines.join("; ")).filter(|lines| !lines.is_empty()),
            comment: self.message.clone(),
            empty_layer: Some(true),
            ..History::default()
        };
        Ok(edit::set_config(&image, &changes, Some(&history))?)
    }
}
