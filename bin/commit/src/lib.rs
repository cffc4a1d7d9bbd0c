//! `oci-commit`: what changed in an unpacked tree, as one more layer of an image.
#![forbid(unsafe_code)]

mod base;
mod image;
mod report;

use base::Base;
use cli::{Destination, Error, Io, Operand, Untagged};
use container::TreeChanges;
use image_format::{Change, Platform};
use layer::Compression;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  oci-unpack debian:bookworm bundle && chroot bundle/rootfs apt-get install -y vim
  oci-commit --from bundle debian:bookworm vim:1 --change 'CMD [\"vim\"]'
  oci-commit --from bundle debian:bookworm vim:1 --dry-run
  oci-commit --from tree app:1 app:2 | oci-push";

/// Make an image of what changed in an unpacked tree
///
/// Takes what changed in DIR since IMAGE was unpacked there as one more layer on IMAGE, and calls that NAME; IMAGE and DIR
/// stay as they are. DIR is a bundle that oci-unpack or umoci made, or a tree alone (oci-unpack --rootfs).
///
/// A file is changed if its length, time, owner, permissions or attributes are, or if it was touched since the tree was
/// unpacked and its content is another. Of a tree alone nobody knows when it was unpacked: then every file is read. Sockets
/// are left out, and named. The same tree gives the same layer; SOURCE_DATE_EPOCH makes it the same image.
///
/// If nothing has changed there is no new layer: NAME is the same image, or one with what --change, --message and --author
/// say. In a tree that was unpacked without root, owners are those that oci-unpack recorded.
///
/// Prints the pinned reference of the new image.
#[derive(clap::Parser)]
#[command(name = "oci-commit", after_long_help = EXAMPLES, override_usage = "oci-commit [OPTIONS] --from DIR IMAGE NAME")]
struct Args {
    /// The image that DIR was unpacked of
    image: OsString,
    /// The new image's name; one that ends in / is a prefix
    name: Option<String>,
    /// The bundle, or tree, that the changes are in
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    from: Option<PathBuf>,
    /// DIR was unpacked without root: owners are recorded
    #[arg(long, help_heading = "Input")]
    rootless: bool,
    /// Of several platforms, the one for OS/ARCH
    #[arg(long, value_name = "OS/ARCH", help_heading = "Input")]
    platform: Option<Platform>,
    /// A change of the config; may be repeated
    #[arg(short, long = "change", value_name = "INSTRUCTION", help_heading = "Changes")]
    changes: Vec<Change>,
    /// Who made the image
    #[arg(short, long, value_name = "TEXT", help_heading = "Changes")]
    author: Option<String>,
    /// A comment for the history
    #[arg(short, long, value_name = "TEXT", help_heading = "Changes")]
    message: Option<String>,
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
    /// Threads that compress [default: all processors]
    #[arg(short, long, value_name = "N", help_heading = "Layer")]
    jobs: Option<NonZeroUsize>,
    /// Print what changed, and make nothing
    #[arg(long, help_heading = "Output")]
    dry_run: bool,
    #[command(flatten)]
    layout: cli::LayoutOption,
    #[command(flatten)]
    records: cli::RecordOptions,
    #[command(flatten)]
    _progress: cli::ProgressOption,
    #[command(flatten)]
    _talk: cli::TalkOptions,
}

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let Some(from) = &args.from else {
        let error = Error::usage("no --from: there are no containers yet whose changes could be taken");
        return Err(error.with_hint("oci-commit --from DIR IMAGE NAME takes those of an unpacked tree"));
    };
    let Some(name) = &args.name else {
        return Err(Error::usage("no NAME for the new image; expected --from DIR IMAGE NAME"));
    };
    let destination = Destination::parse(name)?;
    let image = args.layout.layouts().resolve(io, &Operand::parse(&args.image)?)?;
    let name = destination.name_of(&image, Untagged::Latest)?;
    if args.dry_run {
        let base = Base::new(image.alone(io, args.platform.as_ref(), "is the base")?)?;
        return report::changes(io, &args.found(io, from, &base)?, args.records.null);
    }
    let place = args.layout.for_writing(io, false)?;
    image.check_not_lost(args.platform.as_ref(), &place, &name)?;
    let base = Base::new(image.alone(io, args.platform.as_ref(), "is the base")?)?;
    // its lease holds until the image has its row
    let sink = Arc::new(place.layout().sink()?);
    cli::bring(io, &place, &sink, base.image())?;
    let changes = args.found(io, from, &base)?;
    let new = args.committed(io, &base, &changes, &sink)?;
    let image = cli::name_image(io, &place, Some(&name), &new)?;
    io.output().image(&image)
}

impl Args {
    fn found(&self, io: &Io, from: &Path, base: &Base) -> Result<TreeChanges, Error> {
        let unpacked = container::Unpacked::find(from, self.rootless)?;
        if unpacked.is_of_another(base.layers(), base.digest()) {
            let (from, image) = (from.display(), base.image().to_text());
            io.messages().warn(format_args!("{from}: not unpacked of {image}; every file is compared"));
        }
        let progress = io.progress();
        let changes = base.changes(io, &unpacked, &progress)?;
        progress.finish();
        Ok(changes)
    }
}
