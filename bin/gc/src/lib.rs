//! `oci-gc`: what no image needs, freed.
#![forbid(unsafe_code)]

use cli::{Error, Io, LayoutOption, RecordOptions, TalkOptions, counted, human_size};
use layout::{Collection, Layout, Options};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  oci-gc                       free what is older than ten minutes and not needed
  oci-gc --dry-run             what would go
  oci-gc --grace 0s            also what has just become garbage
  oci-gc --cache --unused 1d   layers of builds that nobody has used since yesterday";

/// Free what no image of a layout needs
///
/// Deletes the blobs that no row of index.json reaches, and what dead writers left behind. Blobs that somebody is
/// writing or about to name stay, and so does what is younger than --grace, which shields writers that know no
/// leases (skopeo, crane). Prints the digest of each blob that goes.
///
/// With --cache it is the cache of oci-build that is freed, of layers that no build has used for --unused: deleting them
/// costs time alone.
#[derive(clap::Parser)]
#[command(name = "oci-gc", after_long_help = EXAMPLES)]
struct Args {
    /// Leave younger blobs: 10m, 1h30m, 0s
    ///
    /// It shields writers that know no leases, such as skopeo.
    #[arg(long, value_name = "AGE", default_value = "10m", value_parser = cli::duration)]
    grace: Duration,
    /// Free the build cache, not the layout
    #[arg(long)]
    cache: bool,
    /// How long a layer may lie in it unused
    #[arg(long, value_name = "AGE", default_value = "14d", value_parser = cli::duration, requires = "cache")]
    unused: Duration,
    /// Say what would be freed, and leave it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    layout: LayoutOption,
    #[command(flatten)]
    records: RecordOptions,
    #[command(flatten)]
    _talk: TalkOptions,
}

cli::tool!(Args, run);

/// A blob that went: `docs/schemas/collected.json`.
#[derive(serde::Serialize)]
struct Object {
    digest: String,
    size: u64,
}

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let layout = match args.cache {
        false => args.layout.for_reading(io)?.layout().clone(),
        true => args.cache(io)?,
    };
    let (mut blobs, mut bytes) = (0_u64, 0_u64);
    let collection = Collection { only: None, grace: args.grace, dry_run: args.dry_run };
    let mut unwritten = None;
    let spared = layout.collect(&collection, &mut |collected| {
        (blobs, bytes) = (blobs + 1, u64::saturating_add(bytes, collected.size));
        let digest = collected.digest.to_string();
        let result = match args.records.json {
            true => io.output().object(&Object { digest, size: collected.size }),
            false => io.output().record(digest.as_bytes()),
        };
        // The collection goes on to its end, whoever reads of it.
        if let Err(error) = result {
            unwritten.get_or_insert(error);
        }
        io.interrupt().check()
    })?;
    let verb = if args.dry_run { "would free" } else { "freed" };
    io.messages().say(format_args!("{verb} {} in {}", human_size(bytes), counted(blobs, "blob")));
    if spared.blobs > 0 {
        let (blobs, bytes) = (counted(spared.blobs, "blob"), human_size(spared.bytes));
        io.messages().say(format_args!(
            "left {bytes} in {blobs}, younger than --grace or about to be named by a writer"
        ));
        let (leased, young) = (counted(spared.leased, "blob"), counted(spared.blobs - spared.leased, "blob"));
        io.messages().note(format_args!("left {leased} for writers at work, and {young} for --grace alone"));
    }
    unwritten.map_or(Ok(()), Err)
}

impl Args {
    /// The build cache, without its rows of what was not used for so long.
    fn cache(&self, io: &Io) -> Result<Layout, Error> {
        let path = io.environment().build_cache();
        let path =
            path.ok_or_else(|| Error::usage("neither $XDG_CACHE_HOME nor $HOME says where the cache is"))?;
        let layout = Layout::open(&path, Options { fsync: false })?;
        let unused = layout.remove_unused(self.unused, self.dry_run)?;
        let verb = if self.dry_run { "would forget" } else { "forgot" };
        io.messages()
            .say(format_args!("{verb} {} that no build has used", counted(unused.len() as u64, "layer")));
        Ok(layout)
    }
}
