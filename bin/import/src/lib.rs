//! `oci-import`: an image of the tar of a root filesystem.
#![forbid(unsafe_code)]

use cli::{Error, Image, Io, Operand};
use image_format::{Change, Descriptor, History, Platform, annotation, edit};
use layer::{Archives, Compression, ImportOptions, Links, Threads};
use layout::LayoutSink;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  tar -C rootfs -c . | oci-import --name base:1 --change 'CMD [\"bash\"]'
  oci-import --name base:1 rootfs.tar.xz
  tar -c app | oci-import --onto debian:bookworm --name app:1 --change 'CMD [\"/app\"]'
  oci-import < rootfs.tar | oci-tag - base:1 | oci-push";

/// Make an image of a root filesystem
///
/// Reads a tar, plain or compressed by gzip, zstd, xz or bzip2, from each FILE or from standard input, and makes an
/// image whose one layer it is. With --onto, it becomes one more layer of that image. The layer is compressed anew: the
/// same tar gives the same digest on any machine.
///
/// Prints the image's pinned reference. If anything fails, the layout is as it was.
#[derive(clap::Parser)]
#[command(name = "oci-import", after_long_help = EXAMPLES)]
struct Args {
    /// The tars; - or none: standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The image's name
    #[arg(short, long, value_name = "NAME")]
    name: Option<String>,
    /// The image that the tar becomes one more layer of
    #[arg(long, value_name = "IMAGE")]
    onto: Option<OsString>,
    /// A change of the config; may be repeated
    #[arg(short, long = "change", value_name = "INSTRUCTION", help_heading = "Changes")]
    changes: Vec<Change>,
    /// The comment of the history
    #[arg(short, long, value_name = "TEXT", help_heading = "Changes")]
    message: Option<String>,
    /// The platform [default: of --onto, or the host's]
    #[arg(long, value_name = "OS/ARCH", help_heading = "Changes")]
    platform: Option<Platform>,
    /// gzip[:2 to 9], zstd[:1 to 19] or none
    #[arg(
        long,
        value_name = "FORM",
        default_value = "gzip",
        hide_default_value = true,
        help_heading = "Layer"
    )]
    compression: Compression,
    /// auto, or rootfs: takes image archives as files
    #[arg(long, value_name = "FORM", value_parser = ["auto", "rootfs"], default_value = "auto", help_heading = "Layer",
        hide_default_value = true, hide_possible_values = true)]
    format: String,
    /// Threads that compress [default: all processors]
    #[arg(short, long, value_name = "N", help_heading = "Layer")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    layout: cli::LayoutOption,
    #[command(flatten)]
    _records: cli::RecordOptions,
    #[command(flatten)]
    _talk: cli::TalkOptions,
    #[command(flatten)]
    _progress: cli::ProgressOption,
}

cli::tool!(Args, run);

fn run(mut args: Args, io: &mut Io) -> Result<(), Error> {
    if args.name.is_some() && args.files.len() > 1 {
        return Err(Error::usage("--name: several images would have this name; expected one FILE"));
    }
    let name = args.name.as_deref().map(cli::single_name).transpose()?;
    if args.files.is_empty() {
        args.files.push("-".into());
    }
    let what = "the tar of a root filesystem, or FILE";
    let sources = args.files.iter().map(|file| io.file(file, what)).collect::<Result<Vec<_>, _>>()?;
    let base = match &args.onto {
        None => None,
        Some(image) => Some(args.layout.layouts(io).resolve(io, &Operand::parse(image)?)?),
    };
    let place = args.layout.for_writing(io, false)?;
    cli::try_all(io, args.files.iter().zip(sources), |(file, source), io| {
        // its lease holds until the image has its row
        let sink = Arc::new(place.layout().sink()?);
        if let Some(base) = &base {
            cli::bring(io, &place, &sink, &base.of_platform(args.platform.as_ref())?)?;
        }
        let image = args.import(io, &sink, base.as_ref(), &file.display().to_string(), source)?;
        io.output().image(&cli::name_image(&place, name.as_ref(), &image)?)
    })
}

impl Args {
    fn import(
        &self,
        io: &Io,
        sink: &LayoutSink,
        base: Option<&Image>,
        from: &str,
        source: Box<dyn Read + Send>,
    ) -> Result<Descriptor, Error> {
        let created = io.clock().created();
        let (below, annotations) = self.below(&created, base)?;
        let archives = if self.format == "rootfs" { Archives::Take } else { Archives::Refuse };
        let threads = self.jobs.map_or_else(Threads::default, Threads::new);
        let links = if base.is_some() { Links::Below } else { Links::Inside };
        let options = ImportOptions { from, compression: self.compression, threads, archives, links };
        let progress = io.progress();
        let layer = layer::import(source, sink, options, &|bytes| progress.advance(bytes))?;
        progress.finish();
        let comment = self.message.clone().unwrap_or_else(|| format!("Imported from {from}"));
        let history = History { created: Some(created), comment: Some(comment), ..History::default() };
        let image = edit::append_layer(&below, &layer, &history)?;
        let image = edit::set_config(&image, &self.changes, None)?;
        cli::put_image(sink, &edit::annotate(&image, &annotations)?)
    }

    /// What the layer is put on, and how the manifest says so.
    fn below(
        &self,
        created: &str,
        base: Option<&Image>,
    ) -> Result<(edit::Image, BTreeMap<String, String>), Error> {
        let mut annotations = BTreeMap::new();
        let Some(base) = base else {
            let platform = self.platform.clone().unwrap_or_else(Platform::host);
            return Ok((edit::Image::scratch(&platform, created), annotations));
        };
        if let Some(name) = base.image_name() {
            annotations.insert(annotation::BASE_NAME.to_owned(), name.to_string());
        }
        annotations.insert(annotation::BASE_DIGEST.to_owned(), base.descriptor.digest.to_string());
        Ok((base.editable(self.platform.as_ref())?.1, annotations))
    }
}
