//! `oci-import`: an archive's images, or an image of the tar of a root filesystem.
#![forbid(unsafe_code)]

mod images;
mod rootfs;

use archive::{Content, Opened};
use cli::{Destination, Error, Io, Operand};
use image_format::{Change, Platform};
use layer::{Compression, Threads};
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  docker save app:1 | oci-import
  oci-import app.tar.zst db.tar
  docker export box | oci-import --name base:1 --change 'CMD [\"bash\"]'
  tar -c app | oci-import --onto debian:bookworm --name app:1 --change 'CMD [\"/app\"]'
  oci-import < app.tar | oci-tag - registry.example/ | oci-push";

/// Import images from archives, or make one of a root filesystem
///
/// Reads each FILE, or standard input: a tar, plain or compressed by gzip, zstd, xz or bzip2, told apart by its first
/// entries. An archive of images (docker save, podman save, skopeo, crane, an OCI layout) is stored with the names that
/// it gives them; layers that are plain in it are compressed, so that such images get other digests, but not other IDs.
///
/// Anything else is a root filesystem: an image is made whose one layer it is, or with --onto one more layer of that
/// image. It is compressed anew: the same tar gives the same layer on any machine, and with SOURCE_DATE_EPOCH the same
/// image.
///
/// Prints the pinned reference of each name, or image. Of a FILE that fails nothing is kept; the others are.
#[derive(clap::Parser)]
#[command(name = "oci-import", after_long_help = EXAMPLES)]
struct Args {
    /// The tars; - or none: standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The image's name, in place of the archive's
    ///
    /// FILE must hold one image. Without it, an image that its archive gives no name has none. A NAME that ends in / is a
    /// prefix: each image of an archive keeps its repository, without its host, and its tag.
    #[arg(short, long, value_name = "NAME")]
    name: Option<String>,
    /// The image that a tar becomes one more layer of
    #[arg(long, value_name = "IMAGE")]
    onto: Option<OsString>,
    /// A change of the config; may be repeated
    #[arg(short, long = "change", value_name = "INSTRUCTION", help_heading = "Root filesystems")]
    changes: Vec<Change>,
    /// The history's comment [default: Imported from -]
    #[arg(short, long, value_name = "TEXT", help_heading = "Root filesystems")]
    message: Option<String>,
    /// The platform that an image is for
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// gzip[:2 to 9], zstd[:1 to 19] or none
    #[arg(
        long,
        value_name = "FORM",
        default_value = "gzip",
        hide_default_value = true,
        value_hint = clap::ValueHint::Other,
        help_heading = "Layer"
    )]
    compression: Compression,
    /// Keep plain layers, and an archive's digests
    ///
    /// Layers that are plain in an archive are compressed otherwise, which gives the image another digest.
    #[arg(long, help_heading = "Layer", conflicts_with = "compression")]
    as_is: bool,
    /// auto, archive, or rootfs: takes archives as files
    ///
    /// What the tars are: images, or the files of one. auto looks at the first entries; with rootfs even an archive of
    /// images becomes files of an image.
    #[arg(long, value_name = "FORM", value_parser = ["auto", "archive", "rootfs"], default_value = "auto",
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
    let name = args.name.as_deref().map_or(Ok(Destination::Own), Destination::parse)?;
    if name.needs_all() && args.files.len() > 1 {
        return Err(Error::usage("--name: several images would have this name; expected one FILE"));
    }
    if args.files.is_empty() {
        args.files.push("-".into());
    }
    let what = "an archive or the tar of a root filesystem, or FILE";
    let sources = io.files(&args.files, what)?;
    let base = match &args.onto {
        None => None,
        Some(image) => Some(args.layout.layouts().resolve(io, &Operand::parse(image)?)?),
    };
    let place = args.layout.for_writing(io, false)?;
    cli::try_all(io, args.files.iter().zip(sources), |(file, source), io| {
        let source = source?;
        // its lease holds until the images have their rows
        let sink = Arc::new(place.layout().sink()?);
        let file = file.display().to_string();
        let images = match archive::open(source, args.format.parse::<Content>().ok())
            .map_err(|failure| failure.at(&file))?
        {
            Opened::Archive(archive) => {
                io.messages().note(format_args!("{file}: an archive of images"));
                args.images(io, &place, &sink, archive, name.naming(), &file)?
            }
            Opened::Rootfs { tar, remark } => {
                io.messages().note(format_args!("{file}: the tar of a root filesystem"));
                remark.into_iter().for_each(|remark| io.messages().warn(format_args!("{file}: {remark}")));
                let name = name.name_of_new("a root filesystem")?;
                if let Some(base) = &base {
                    cli::bring_base(io, &place, &sink, base, args.platform.as_ref(), name.as_ref())?;
                }
                let image = args.rootfs(io, &sink, base.as_ref(), &file, tar)?;
                vec![cli::name_image(io, &place, name.as_ref(), &image)?]
            }
        };
        io.output().images(&images)
    })
}

impl Args {
    fn compression(&self) -> Option<Compression> {
        (!self.as_is && self.compression != Compression::None).then_some(self.compression)
    }

    fn threads(&self) -> Threads {
        self.jobs.map_or_else(Threads::default, Threads::new)
    }
}
