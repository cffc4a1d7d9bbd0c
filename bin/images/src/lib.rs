//! `oci-images`: the images of a layout.
#![forbid(unsafe_code)]

use cli::listing::{self, Filter, Listed, Pattern};
use cli::{Error, Image, Io, Operand, Weights};
use std::collections::BTreeSet;

const EXAMPLES: &str = "\
Examples:
  oci-images                                 # all of them
  oci-images debian 'registry.example/*/*:1.*'
  oci-images -q base | oci-rmi -             # all tags of base
  oci-images --filter dangling=true --filter since=base:1
  oci-images --json | jq -c 'select(.bytes > 1e9)' | oci-rmi -
  oci-images --df";

/// List the images of a layout
///
/// Prints docker's table, newest image first; SIZE is the length of all blobs of the image as they are stored. With
/// -q, one pinned reference a line instead: for each name, and for each image without one. With --json, one image
/// object a line; with --df one for each image and then one of all, with --tree one for each branch.
///
/// A PATTERN is matched with the short name (debian) and the full one (docker.io/library/debian), with the tag or
/// without: * and ? match within a component, [a-z] one letter. A repository alone stands for all of its tags.
#[derive(clap::Parser)]
#[command(name = "oci-images", after_long_help = EXAMPLES)]
struct Args {
    /// Only images whose name matches one of these
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
    /// dangling, label, before, since, reference
    #[arg(short, long = "filter", value_name = "KEY=VALUE", help_heading = "Input")]
    filters: Vec<Filter>,
    /// Show the digests of manifests
    #[arg(long, help_heading = "Output")]
    digests: bool,
    /// Print whole IDs
    #[arg(long, help_heading = "Output")]
    no_trunc: bool,
    /// Print the digests of all blobs of the images
    #[arg(long, help_heading = "Output", conflicts_with_all = ["df", "tree", "json"])]
    blobs: bool,
    /// Show the bytes that images share, and those only one needs
    #[arg(long, help_heading = "Output", conflicts_with = "tree")]
    df: bool,
    /// Show which images stand on which layers
    #[arg(long, help_heading = "Output")]
    tree: bool,
    #[command(flatten)]
    layout: cli::LayoutOption,
    #[command(flatten)]
    records: cli::RecordOptions,
    #[command(flatten)]
    talk: cli::TalkOptions,
}

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    args.check()?;
    let place = args.layout.for_reading(io)?;
    let snapshot = place.layout().snapshot()?;
    let all = listing::list(io, &place, &snapshot);
    let patterns = args.patterns.iter().map(|pattern| Pattern::parse(pattern));
    let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
    let mut layouts = args.layout.layouts();
    let images = listing::select(all, &patterns, &args.filters, |name| {
        let image = layouts.resolve(io, &Operand::parse(name.as_ref())?)?;
        Listed::time_of(io, &image)
    })?;
    args.print(io, &place, &snapshot, images)?;
    // what can be listed has been by now
    listing::intact(&place, &snapshot)
}

impl Args {
    /// With `--json`, `-q` says nothing more.
    fn check(&self) -> Result<(), Error> {
        let shown = [("--df", self.df), ("--tree", self.tree)].into_iter().find(|(_, given)| *given);
        match shown {
            Some((option, _)) if self.talk.quiet() && !self.records.json => {
                let error =
                    Error::usage(format_args!("{option}: cannot be used with -q, which prints references"));
                Err(error.with_hint(format_args!("for programs: {option} --json")))
            }
            _ => Ok(()),
        }
    }

    fn print(
        &self,
        io: &mut Io,
        place: &cli::Place,
        snapshot: &cli::Snapshot,
        images: Vec<Listed>,
    ) -> Result<(), Error> {
        if self.df {
            return listing::print_usage(io, &images, &Weights::of(place, snapshot));
        }
        if self.tree {
            return cli::print_tree(io, &images);
        }
        if self.blobs {
            let blobs: BTreeSet<_> = images.iter().flat_map(|listed| listed.reach.blobs.keys()).collect();
            return blobs.iter().try_for_each(|digest| io.output().record(digest.to_string().as_bytes()));
        }
        if self.talk.quiet() || self.records.json {
            let images: Vec<Image> = images.into_iter().map(|listed| listed.image).collect();
            return io.output().images(&images);
        }
        let table = listing::table(io, &images, self.digests, self.no_trunc);
        io.output().table(&table)
    }
}
