//! `oci-export`: images of a layout into one archive.
#![forbid(unsafe_code)]

mod held;
mod rootfs;

use archive::{Format, HeldImage, Output, PackOptions, Packing};
use cli::{Error, Grant, Io, NewFile, Operands};
use image_format::{Failure, Platform};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  oci-export app:1 db:1 | ssh host docker load
  oci-pull app:1 | oci-export | zstd > app.tar.zst
  oci-export --format docker --platform linux/arm64 app:1 | podman load
  oci-export --format rootfs app:1 | tar -xp --delay-directory-restore -C tree
  oci-export --format rootfs app:1 | tar -xO etc/motd
  ssh host oci-images --blobs | oci-export --not-in - app:2 | ssh host oci-import";

/// Write images into one archive
///
/// The archive is a tar on standard output, or the file of -o, which appears when it is whole. Its form:
///
/// hybrid: an OCI layout that is also a docker-archive: docker, podman, containerd, skopeo and crane load it. Layers
/// compressed by zstd become gzip, since docker's archives know no zstd.
///
/// oci: an OCI layout, every blob as it is. docker: a docker-archive with plain layers, of one platform. rootfs: the tree
/// of files of one image, as docker export has it.
///
/// The same images in the same order give the same bytes. Every blob is checked on its way.
#[derive(clap::Parser)]
#[command(name = "oci-export", after_long_help = EXAMPLES)]
struct Args {
    /// The images; - reads images from standard input
    #[arg(value_name = "IMAGE")]
    images: Vec<OsString>,
    /// The file to write, in place of standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// hybrid, oci, docker or rootfs
    #[arg(long, value_name = "FORM", default_value = "hybrid", hide_default_value = true, help_heading = "Output",
        value_parser = ["hybrid", "oci", "docker", "rootfs"], hide_possible_values = true)]
    format: String,
    /// What the image is called in the archive
    ///
    /// Not with rootfs: a tree has no name.
    #[arg(short, long, value_name = "NAME", help_heading = "Output")]
    name: Option<String>,
    /// Say what would be written, and leave it
    #[arg(long, help_heading = "Output")]
    dry_run: bool,
    /// Of several platforms, this one; may be repeated
    #[arg(long, value_name = "OS/ARCH", value_delimiter = ',', help_heading = "Selection")]
    platform: Vec<Platform>,
    /// Leave out the blobs that OTHER has
    ///
    /// A layout, an archive, or a file of digests, one a line (oci-images --blobs); - is standard input. Manifests and
    /// configs are never left out, nor is a layer that FORM converts.
    #[arg(long, value_name = "OTHER", help_heading = "Selection")]
    not_in: Option<PathBuf>,
    #[command(flatten)]
    if_any: cli::IfAnyOption,
    #[command(flatten)]
    layout: cli::LayoutOption,
    #[command(flatten)]
    _records: cli::RecordOptions,
    #[command(flatten)]
    _progress: cli::ProgressOption,
    #[command(flatten)]
    _talk: cli::TalkOptions,
}

cli::tool!(Args, run);

fn run(mut args: Args, io: &mut Io) -> Result<(), Error> {
    args.output = args.output.filter(|path| path != Path::new("-"));
    args.output.as_deref().map_or(Ok(()), held::check_plain)?;
    if io.output().is_json() && !args.dry_run {
        let error = Error::usage("--json: the archive is all that is printed");
        return Err(error.with_hint("oci-export --dry-run --json prints an object for each blob"));
    }
    if args.output.is_none() && !args.dry_run && io.output().is_terminal() {
        let error = Error::usage("standard output is a terminal; expected a pipe or a file for the archive");
        return Err(error.with_hint("name a file: -o FILE"));
    }
    let told = args.not_in.as_deref() == Some(Path::new("-"));
    let grant = if told { Grant::WhenWritten } else { Grant::WhenPiped };
    let operands = Operands::new(io, &args.images, grant, args.if_any)?.read_to_end()?;
    let (images, found) = args.layout.layouts().resolve_all(io, &operands);
    found?;
    if images.is_empty() {
        return Ok(()); // --if-any
    }
    let Ok(format) = args.format.parse::<Format>() else { return args.rootfs(io, &images) };
    let held = args.hold(io, &images, format)?;
    let wanted = held.iter().flat_map(HeldImage::blobs).collect();
    let elsewhere = args.not_in.as_deref().map(|other| cli::elsewhere(io, other, &wanted)).transpose()?;
    let progress = io.progress();
    let options = PackOptions {
        format,
        platform: args.platform.first().cloned(),
        leave_out: &|digest| elsewhere.as_ref().is_some_and(|elsewhere| elsewhere.has(digest)),
        observer: &progress,
    };
    let packing = Packing::new(held, options)?;
    packing.remark(elsewhere.is_some()).into_iter().for_each(|remark| io.messages().warn(remark));
    if args.dry_run {
        return cli::print_blobs(io, packing.blobs(), packing.left_out());
    }
    let written = args.write(io, |output| transfer::export(&packing, output, &progress));
    progress.finish();
    written.map_err(|error| images[0].blame(error))
}

impl Args {
    /// Lets `content` be written to where it shall go: a file appears when it is whole.
    fn write(&self, io: &mut Io, content: impl FnOnce(Output) -> Result<(), Failure>) -> Result<(), Error> {
        let Some(path) = &self.output else {
            return content(Output::file(io.output().file()?))
                .map_err(|error| error.at("standard output").into());
        };
        let file = NewFile::create(path)?;
        content(Output::file(file.file()?)).map_err(|error| error.at(path.display()))?;
        file.publish(io.environment())
    }
}
