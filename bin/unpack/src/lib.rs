//! `oci-unpack`: an image as a runtime bundle, or its tree alone.
#![forbid(unsafe_code)]

use cli::{Error, Grant, Image, Io, Operands};
use container::NewDirectory;
use image_format::{ImageConfig, Layer, Observer as _, Platform, Stack};
use layer::{Indexes, Privilege};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  oci-unpack app:1 bundle && runc run -b bundle demo
  oci-unpack --rootfs debian:bookworm tree
  oci-pull app:1 | oci-unpack --rootless - bundle
  oci-unpack --platform linux/arm64 app:1 bundle";

/// Unpack an image
///
/// Makes DIR a bundle of the OCI runtime spec: the image's tree in DIR/rootfs, and DIR/config.json of the image's config,
/// so that `runc run -b DIR NAME` and `crun run -b DIR NAME` start it. With --rootfs DIR is the tree itself.
///
/// DIR must be new or empty. Every layer is verified, compressed and unpacked; if anything fails, or a signal comes, what
/// was made is removed. Nothing in an image leads to anything outside of DIR.
///
/// Owners and devices need root. Without it, or with --rootless, devices are left out, and owners are recorded in the
/// extended attribute user.rootlesscontainers, as umoci does; the bundle then runs in a user namespace with one user.
///
/// Prints the image's pinned reference.
#[derive(clap::Parser)]
#[command(name = "oci-unpack", after_long_help = EXAMPLES)]
struct Args {
    /// The image; - reads it from standard input
    #[arg(value_name = "IMAGE")]
    image: OsString,
    /// The directory: new, or empty
    #[arg(value_name = "DIR")]
    target: PathBuf,
    /// Unpack the tree alone, without a config.json
    #[arg(long, help_heading = "Output")]
    rootfs: bool,
    /// Leave devices out and record owners, as without root
    #[arg(long, help_heading = "Output")]
    rootless: bool,
    /// Of several platforms, the one for OS/ARCH
    #[arg(long, value_name = "OS/ARCH", help_heading = "Input")]
    platform: Option<Platform>,
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

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    if args.target == Path::new("-") {
        let error = Error::usage("-: a tree is no stream; expected a directory");
        return Err(error.with_hint(
            "oci-export --format rootfs IMAGE writes it as a tar; a directory of that name is ./-",
        ));
    }
    let operands = Operands::new(io, std::slice::from_ref(&args.image), Grant::WhenWritten, args.if_any)?;
    let operand = match &operands.read_to_end()?[..] {
        [] => return Ok(()),
        [operand] => operand.clone(),
        _ => return Err(Error::usage("several images; expected one, since there is one DIR")),
    };
    let image = args.layout.layouts().resolve(io, &operand)?;
    let (descriptor, manifest) = image.manifest(args.platform.as_ref())?;
    let config = image.config_of(&manifest)?;
    let layers = Layer::all(&manifest, &config).map_err(|error| error.at(image.to_text()))?;
    let directory = args.unpack(io, &image, layers, &config).map_err(|error| image.blame(error))?;
    io.output().image(&Image { descriptor, ..image })?;
    io.output().flush()?;
    directory.keep();
    Ok(())
}

impl Args {
    fn privilege(&self) -> Privilege {
        let root = rustix::process::geteuid().is_root() && !self.rootless;
        if root { Privilege::Root } else { Privilege::Rootless }
    }

    fn unpack(
        &self,
        io: &Io,
        image: &Image,
        layers: Vec<Layer>,
        config: &ImageConfig,
    ) -> Result<NewDirectory, Error> {
        let privilege = self.privilege();
        let stack = Stack::hold(image.place.layout(), layers)?;
        let (source, layers) = (stack.source(), stack.layers());
        io.messages().note(match privilege {
            Privilege::Root => "as root: owners, devices and attributes are made",
            Privilege::Rootless => "without root: owners are recorded, and devices left out",
        });
        for layer in layers {
            let (digest, size) = (layer.descriptor.digest, layer.descriptor.size);
            io.messages().note(format_args!("layer {digest}, {}", cli::human_size(size)));
        }
        let progress = io.progress();
        layer::unpacked_size_of_all(&stack).iter().for_each(|size| progress.expect(*size));
        let directory = NewDirectory::claim(&self.target, if self.rootfs { 0o755 } else { 0o700 })?;
        let indexes = Indexes::in_directory(io.environment().cache_directory());
        if self.rootfs {
            layer::apply(source, layers, directory.path(), privilege, &indexes, &progress)?;
        } else {
            let path = directory.path();
            container::unpack_bundle(source, layers, config, path, privilege, &indexes, &progress)?;
        }
        progress.finish();
        Ok(directory)
    }
}
