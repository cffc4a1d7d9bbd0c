//! `oci-blame`: which layer, instruction and base a file comes from.
#![forbid(unsafe_code)]

use cli::{Blamed, Error, Grant, Io, LayerOrigin, Operands, Readable, Readables};
use image_format::{Class, Failure, Platform};
use layer::{Blame, Deed, Indexes, TreePath};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

const EXAMPLES: &str = "\
Examples:
  oci-blame app:1 /etc/passwd
  oci-blame --all app:1 /usr/bin/python3
  oci-blame docker://debian:bookworm /etc/os-release
  oci-blame --json app:1 /etc/passwd | jq -r .created_by";

/// Show which layer, instruction and base a file comes from
///
/// Prints the layer that brought PATH as it is, or changed it last; the instruction that made that layer; and the image
/// that the layer belongs to: this one, or the one that it was made on, as oci-history finds it. --all prints every layer
/// that brought, changed or removed it, the uppermost first.
///
/// DID is what the layer did to the file: brought it, where nothing below has its name; changed it, where something below has;
/// removed it; or set it, where the layers below were not read, so that it is not known which of the first two.
///
/// Symlinks on the way to PATH are followed inside the image; one at its end is itself what is asked for. With -q a line
/// is the layer's digest.
///
/// docker://REF is read straight from its registry: the upper layers as far as the one that is asked for, all of them
/// where that is needed to tell (a directory, a hard link, a symlink on the way) and with --all.
#[derive(clap::Parser)]
#[command(name = "oci-blame", after_long_help = EXAMPLES)]
struct Args {
    /// The image; - reads images from standard input
    #[arg(value_name = "IMAGE")]
    image: OsString,
    /// The file in it
    #[arg(value_name = "PATH")]
    path: OsString,
    /// Every layer that did something to it
    #[arg(short, long, help_heading = "Output")]
    all: bool,
    /// Print whole commands and whole digests
    #[arg(long, help_heading = "Output")]
    no_trunc: bool,
    /// Of several platforms, the one for OS/ARCH
    #[arg(long, value_name = "OS/ARCH", help_heading = "Input")]
    platform: Option<Platform>,
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

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let mut images = args.layout.readables(args.registry);
    let operands = std::slice::from_ref(&args.image);
    let operands = Operands::new(io, operands, Grant::WhenWritten, cli::IfAnyOption::default())?;
    operands.try_each(io, |operand, io| {
        let image = images.find(io, operand)?;
        let lines = blamed(&args, &mut images, &image, io)?;
        if args.records.json {
            return lines.iter().try_for_each(|line| io.output().object(line));
        }
        if args.talk.quiet() {
            return lines
                .iter()
                .try_for_each(|line| io.output().record(line.origin.digest.to_string().as_bytes()));
        }
        let table = cli::blame_table(&lines, args.no_trunc, io.output().is_terminal());
        io.output().table(&table)
    })
}

/// What layers did to the file, the uppermost first.
fn blamed(args: &Args, images: &mut Readables, image: &Readable, io: &Io) -> Result<Vec<Blamed>, Error> {
    let parts = image.parts(args.platform.as_ref())?;
    let (stack, path) = (image.stack(&parts)?, TreePath::of(args.path.as_bytes()));
    let indexes = Indexes::in_directory(io.environment().cache_directory());
    let progress = io.progress();
    let blames = match args.all {
        true => Blame::all(&stack, &indexes, &path, &progress)?,
        false => Blame::last(&stack, &indexes, &path, &progress)?.into_iter().collect(),
    };
    progress.finish();
    let reference = image.reference_to(&image.descriptor);
    let origins = LayerOrigin::all(&reference, &parts, images.base(io, image, &parts).as_ref());
    let nothing = || Failure::new(Class::NotFound, format!("{path}: nothing has that name")).at(&reference);
    let found = blames.last().ok_or_else(nothing)?;
    if found.deed == Deed::Removed && !args.all {
        let by = origins[found.layer].created_by.as_deref().unwrap_or("nobody knows what");
        let hint = format!("layer {} removed it, made by: {by}; see --all", found.layer + 1);
        return Err(nothing().with_hint(hint).into());
    }
    let line = |blame: &Blame| Blamed {
        path: path.to_string(),
        did: blame.deed.name(),
        r#type: blame.kind.map(|kind| kind.name().to_owned()),
        size: blame.size,
        origin: origins[blame.layer].clone(),
    };
    Ok(blames.iter().rev().map(line).collect())
}
