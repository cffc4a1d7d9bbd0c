//! `oci-fsck`: is everything in a layout what it says?
#![forbid(unsafe_code)]

use cli::{Error, Io, LayoutOption, RecordOptions, TalkOptions, counted, human_size};
use image_format::{Algorithm, Class, DiffId, DigestHasher, Failure};
use layer::LayerCheck;
use layout::{CheckLayer, Decompressed};
use std::io::{self, Read};
use std::num::NonZeroUsize;

/// Bytes of a layer read at a time.
const BUFFER: usize = 256 << 10;

const EXAMPLES: &str = "\
Examples:
  oci-fsck                                   is everything what it says?
  oci-fsck --json | jq -r 'select(.severity==\"problem\") | .digest'";

/// Check a layout: is everything in it what it says?
///
/// Hashes every blob, follows every row of index.json, reads every layer as it would be unpacked, and compares the types and
/// platforms that are said with what is there. Prints a line for everything that is wrong, with what to do about it, and
/// ends with status 6 if there is any; also what is right but worth knowing: blobs that nothing needs, images whose media
/// types older tools do not find, indexes whose images are not all here. Nothing is changed.
#[derive(clap::Parser)]
#[command(name = "oci-fsck", after_long_help = EXAMPLES)]
struct Args {
    /// Blobs read side by side [default: the number of processors]
    ///
    /// Each takes a thread.
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    layout: LayoutOption,
    #[command(flatten)]
    _records: RecordOptions,
    #[command(flatten)]
    _talk: TalkOptions,
}

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let place = args.layout.for_reading(io)?;
    let threads =
        args.jobs.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let check = place.layout().check(&Layers, threads)?;
    cli::print_findings(io, &check)?;
    let (found, size) = (check.problems.len(), human_size(check.bytes));
    let blobs = counted(check.blobs, "blob");
    if found == 0 {
        io.messages().say(format_args!("{blobs}, {size}: no problem"));
        return Ok(());
    }
    let layout = place.layout().path().display();
    let message = format!("{layout}: {} in {blobs}, {size}", counted(found, "problem"));
    Err(Failure::new(Class::Integrity, message).into())
}

/// Reads layers as tars.
struct Layers;

impl CheckLayer for Layers {
    fn look(&self, layer: Box<dyn Read + Send>, algorithm: Algorithm) -> io::Result<Decompressed> {
        let (form, mut plain) = layer::decompress_here(layer)?;
        let (mut hasher, mut check) = (DigestHasher::new(algorithm), LayerCheck::new());
        let (mut refused, mut buffer) = (None, vec![0; BUFFER]);
        loop {
            let count = layer::read_full(&mut plain, &mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            refused = refused.or_else(|| check.push(&buffer[..count]).err());
        }
        let refused = refused.or_else(|| check.finish().err()).map(|error| error.to_string());
        Ok(Decompressed { form: form.to_string(), diff_id: DiffId::new(hasher.finish()), refused })
    }
}
