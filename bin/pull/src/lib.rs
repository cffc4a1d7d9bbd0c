//! `oci-pull`: images from registries into a layout.
#![forbid(unsafe_code)]

use cli::{
    DryRun, Error, Grant, IfAnyOption, Image, Io, JobsOption, LayoutOption, Operands, ProgressOption,
    RecordOptions, RegistryOption, SelectionOptions, TalkOptions,
};
use image_format::{Claim, ImageName};
use std::ffi::OsString;
use transfer::{Platforms, Policy};

const EXAMPLES: &str = "\
Examples:
  oci-pull debian:bookworm                                  into the default layout
  oci-pull --platform linux/arm64 debian | oci-history      another platform
  oci-pull debian | oci-tag - registry.example/base | oci-push
  oci-pull - < mirror.list                                  many";

/// Pull images from registries into a layout
///
/// Fetches what the layout lacks, several blobs side by side, and checks every byte's digest. A pull that was cut
/// short is gone on with by the next one. NAME:TAG@DIGEST gives the name to that digest, wherever it stood before. Prints the
/// pinned reference of each image in the layout.
#[derive(clap::Parser)]
#[command(name = "oci-pull", after_long_help = EXAMPLES)]
struct Args {
    /// Images: NAME[:TAG][@DIGEST], or - for standard input
    ///
    /// Each is in the registry of its name. With - one stands on each line of standard input.
    #[arg(value_name = "REF")]
    references: Vec<OsString>,
    /// Ask always, missing, newer or never
    ///
    /// missing: only for what the layout has not; newer: always, but the layout's image will do where the registry
    /// is out of reach.
    #[arg(long, value_enum, value_name = "WHEN", default_value = "always", hide_possible_values = true)]
    policy: When,
    /// Say what would be fetched, and leave it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    jobs: JobsOption,
    #[command(flatten)]
    registry: RegistryOption,
    #[command(flatten)]
    if_any: IfAnyOption,
    #[command(flatten)]
    layout: LayoutOption,
    #[command(flatten)]
    _records: RecordOptions,
    #[command(flatten)]
    _progress: ProgressOption,
    #[command(flatten)]
    _talk: TalkOptions,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum When {
    Always,
    Missing,
    Newer,
    Never,
}

impl From<When> for Policy {
    fn from(when: When) -> Policy {
        match when {
            When::Always => Policy::Always,
            When::Missing => Policy::Missing,
            When::Newer => Policy::Newer,
            When::Never => Policy::Never,
        }
    }
}

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let operands = Operands::new(io, &args.references, Grant::WhenPiped, args.if_any)?;
    let registries = args.registry.registries(io);
    let options = args.selection.transfer(args.jobs, Platforms::Host);
    let (place, target) = args.layout.target(io, None, args.dry_run)?;
    let mut told_of_docker = false;
    let mut dry_run = args.dry_run.then(DryRun::default);
    let result = operands.try_each(io, |operand, io| {
        let name = operand.remote()?;
        let pull = transfer::pull(&registries, &target, &name, args.policy.into(), &options)
            .map_err(|failure| cli::named(failure, &name))?;
        if let transfer::Pull::Here(_, _, Some(failure)) = &pull {
            io.messages().warn(format_args!("{failure}; the layout's {name} will do"));
        }
        if let Some(plan) = pull.plan() {
            args.selection.remark(io, &name.to_string(), plan);
            if plan.graph().is_docker() && !std::mem::replace(&mut told_of_docker, true) {
                tell_of_docker(io, &name);
            }
        }
        match (&mut dry_run, pull.plan()) {
            (Some(dry_run), Some(plan)) => return dry_run.print(io, None, plan),
            (Some(_), None) => {
                io.messages().say(format_args!("{name}: the layout's image will do"));
                return DryRun::print_nothing(io, pull.root());
            }
            (None, _) => {}
        }
        let claim = pull.name().cloned().map(Claim::Name);
        let progress = io.progress();
        let report = pull.run(&progress).map_err(|failure| cli::named(failure, &name))?;
        progress.finish();
        cli::tell_displaced(io, &target.take_displaced());
        cli::tell_moved(io, &name.to_string(), &report);
        match &place {
            Some(place) => io.output().image(&Image::new(place, claim, report.root)),
            None => Ok(()),
        }
    });
    match dry_run {
        Some(dry_run) => dry_run.finish(io, result),
        None => result,
    }
}

fn tell_of_docker(io: &Io, name: &ImageName) {
    io.messages().warn(format_args!(
        "{name}: has docker's media types; umoci and older tools do not find it in a layout, and umoci gc deletes its blobs"
    ));
    io.messages().say("hint: --oci converts it; its digest changes");
}
