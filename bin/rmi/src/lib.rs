//! `oci-rmi`: images taken away.
#![forbid(unsafe_code)]

use cli::{
    Error, Grant, IfAnyOption, Io, LayoutOption, Layouts, Operands, RecordOptions, TalkOptions, counted,
    human_size,
};
use image_format::Failure;
use layout::{Lookup, Removal, Removed};
use std::ffi::OsString;

const EXAMPLES: &str = "\
Examples:
  oci-rmi app:1                        untag it; free it if that was its last name
  oci-images -q app | oci-rmi -        all tags of app
  oci-rmi --dry-run 3f1c               what would go with the image of this ID";

/// Remove images from a layout, and free what only they needed
///
/// By name, the name goes, and the image with its last name. By digest or ID the image goes with its name; one that
/// has several needs --force. Nothing that another image needs is freed, nor what somebody is writing just now.
///
/// What goes is said on standard error: Untagged, Deleted, and how much was freed. Standard output has nothing, but
/// with --json an object for each.
#[derive(clap::Parser)]
#[command(name = "oci-rmi", after_long_help = EXAMPLES)]
struct Args {
    /// Images in layouts, or - for standard input
    ///
    /// NAME[:TAG][@DIGEST], @DIGEST, an ID, or oci:DIR[:NAME[:TAG]][@DIGEST]; with - one stands on each line.
    #[arg(value_name = "IMAGE")]
    images: Vec<OsString>,
    /// Remove an image that has several names, with all of them
    #[arg(short, long)]
    force: bool,
    /// Remove only the names, and leave the blobs to oci-gc
    #[arg(long)]
    no_prune: bool,
    /// Say what would be removed, and leave it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    if_any: IfAnyOption,
    #[command(flatten)]
    layout: LayoutOption,
    #[command(flatten)]
    _records: RecordOptions,
    #[command(flatten)]
    _talk: TalkOptions,
}

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let removal = Removal { force: args.force, no_prune: args.no_prune, dry_run: args.dry_run };
    let operands = Operands::new(io, &args.images, Grant::WhenWritten, args.if_any)?.read_to_end()?;
    let mut layouts = args.layout.layouts();
    cli::try_all(io, group(io, &mut layouts, &operands)?, |(place, lookups), io| {
        // the removal goes on to its end, whoever reads of it
        let (mut freed, mut printed) = ((0_u64, 0_u64), Ok(()));
        let outcomes = place.layout().remove(&lookups, &removal, &mut |removed| {
            if let Removed::Blob(blob) = &removed {
                freed = (freed.0 + 1, freed.1 + blob.size);
            }
            printed = std::mem::replace(&mut printed, Ok(())).and(cli::print_removed(io, &removed));
            Ok(())
        })?;
        printed?;
        if freed.0 > 0 {
            let verb = if args.dry_run { "would free" } else { "freed" };
            io.messages().say(format_args!("{verb} {} in {}", human_size(freed.1), counted(freed.0, "blob")));
        }
        cli::tell_all(io, outcomes.into_iter().map(|outcome: Result<(), Failure>| Ok(outcome?)))
    })
}

/// The images of each layout, so that one edit removes them all.
fn group(
    io: &Io,
    layouts: &mut Layouts,
    operands: &[cli::Operand],
) -> Result<Vec<(cli::Place, Vec<Lookup>)>, Error> {
    let mut groups: Vec<(cli::Place, Vec<Lookup>)> = Vec::new();
    for operand in operands {
        let local =
            operand.local().map_err(|error| error.with_hint("oci-images lists what is in the layout"))?;
        let (place, snapshot) = layouts.snapshot(io, local)?;
        let lookup = local.lookup_in(snapshot)?;
        match groups.iter_mut().find(|(other, _)| other.is_same(place)) {
            Some((_, lookups)) => lookups.push(lookup),
            None => groups.push((place.clone(), vec![lookup])),
        }
    }
    Ok(groups)
}
