//! `oci-build`: a Dockerfile and a directory of files into an image.
#![forbid(unsafe_code)]

mod bases;
mod checks;
mod input;
mod result;
mod steps;

use build::{Build, BuildCache, Listener, Options};
use cache::Cache;
use checks::Checks;
use cli::{Error, Io, Operand, Place, key_value};
use dockerfile::Dockerfile;
use image_format::{Descriptor, Index, MediaType, Platform, Raw};
use input::Input;
use layer::{Compression, Indexes, Threads};
use layout::{Layout, LayoutSink};
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use steps::{Foresight, Steps};

const EXAMPLES: &str = "\
Examples:
  oci-build -t app .
  oci-build -t app . | oci-push --to registry.example/app
  oci-build -t app -f app.dockerfile --build-arg VERSION=2 --target test .
  git archive HEAD | oci-build -t app -
  oci-build -t app --platform linux/amd64,linux/arm64 .
  oci-build --verify app .
  oci-build --check .";

/// Build an image of a Dockerfile and a directory of files
///
/// Carries out the Dockerfile of CONTEXT and leaves the image in the layout, with no daemon and no root, and without unpacking
/// a root filesystem: COPY and ADD go straight into compressed layers. RUN needs containers, which come later; until then it is
/// an error.
///
/// Images that FROM and COPY --from name are looked up in the layout, and pulled if it lacks them. Stages that the target does
/// not need are not built, others side by side. Layers of earlier builds are found by what they were made of, and made again
/// only if that has changed.
///
/// The same Dockerfile and files give the same image, whoever builds it where and when: it is as old as SOURCE_DATE_EPOCH
/// or --timestamp says, else as old as its base, else of 1970. So are the files of CONTEXT and of git repositories; those of
/// tars, URLs, stages and images keep their own times up to it. Modes are those of the files in CONTEXT, so it matters with
/// which umask they were written.
///
/// Warnings of docker's build checks are told after the build, a line each.
///
/// Prints the pinned reference of the image.
#[derive(clap::Parser)]
#[command(name = "oci-build", after_long_help = EXAMPLES)]
struct Args {
    /// The directory with the files, or - for a tar of them
    #[arg(value_name = "CONTEXT")]
    context: PathBuf,
    /// The Dockerfile; - for standard input
    ///
    /// By default it is CONTEXT/Dockerfile, or CONTEXT/Containerfile. NAME.dockerignore beside a Dockerfile called NAME comes
    /// before CONTEXT/.dockerignore.
    #[arg(short, long, value_name = "FILE", help_heading = "Input")]
    file: Option<PathBuf>,
    /// A variable for ARG; may be repeated
    ///
    /// K alone takes the value of the environment variable.
    #[arg(long = "build-arg", value_name = "K[=V]", help_heading = "Input")]
    build_args: Vec<String>,
    /// An image or files for FROM or COPY --from NAME
    ///
    /// docker-image://REF, oci-layout://DIR[:NAME][@DIGEST], oci:DIR[:NAME] or a directory. It comes before stages and images
    /// of that name. May be repeated.
    #[arg(long = "build-context", value_name = "NAME=X", value_parser = key_value, help_heading = "Input")]
    build_contexts: Vec<(String, String)>,
    /// The stage to build, by name or number
    ///
    /// By default it is the last.
    #[arg(long, value_name = "STAGE", help_heading = "Input")]
    target: Option<String>,
    /// For OS/ARCH; repeated: an index of several
    #[arg(long, value_name = "OS/ARCH", value_delimiter = ',', help_heading = "Input")]
    platform: Vec<Platform>,
    /// Ask registries for images that are here, too
    #[arg(long, help_heading = "Input")]
    pull: bool,
    /// The image's name; may be repeated
    #[arg(short, long = "tag", value_name = "NAME", help_heading = "Image")]
    tags: Vec<String>,
    /// A label of the image; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label, help_heading = "Image")]
    labels: Vec<(String, String)>,
    /// An annotation of the manifest; may be repeated
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = key_value, help_heading = "Image")]
    annotations: Vec<(String, String)>,
    /// When the image was made, in seconds since 1970
    ///
    /// No file in a new layer is younger. It comes before SOURCE_DATE_EPOCH.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = cli::seconds_since_1970,
        allow_negative_numbers = true,
        help_heading = "Image"
    )]
    timestamp: Option<i64>,
    /// gzip[:2 to 9], zstd[:1 to 19] or none
    #[arg(
        long,
        value_name = "FORM",
        default_value = "gzip",
        hide_default_value = true,
        value_hint = clap::ValueHint::Other,
        help_heading = "Image"
    )]
    compression: Compression,
    /// Make every layer anew
    #[arg(long, help_heading = "Cache")]
    no_cache: bool,
    /// Look for layers in this layout too
    #[arg(long, value_name = "DIR", help_heading = "Cache")]
    cache_from: Vec<PathBuf>,
    /// Keep layers in this layout too
    #[arg(long, value_name = "DIR", help_heading = "Cache")]
    cache_to: Vec<PathBuf>,
    /// Say what would be made, and make nothing
    ///
    /// One step a line, with the key of its layer, where that is known, and whether it is cached.
    #[arg(long, conflicts_with = "verify")]
    dry_run: bool,
    /// Apply docker's build checks, and build nothing
    ///
    /// A finding is status 1; with --json each is an object. What a base sets is known if it is in the layout.
    #[arg(long)]
    check: bool,
    /// Rebuild IMAGE, and say whether it is the same
    ///
    /// Every layer is made anew, and no name is given. Where the digest is another, the first file or field that differs is
    /// named, with the step that it comes from, and the status is 1.
    #[arg(long, value_name = "IMAGE", conflicts_with = "tags")]
    verify: Option<OsString>,
    /// Write the image's ID to FILE
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    iidfile: Option<PathBuf>,
    /// Write what was built to FILE, as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    metadata_file: Option<PathBuf>,
    /// Threads that compress [default: all processors]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    registry: cli::RegistryOption,
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
    let names = args.tags.iter().map(|tag| cli::single_name(tag)).collect::<Result<Vec<_>, _>>()?;
    let input = Input::read(&args, io)?;
    let dockerfile = Dockerfile::parse_bytes(&input.text).map_err(|error| input.tell(io, error.into()))?;
    let options = args.options(io, &input)?;
    let checks = Checks { args: &args, input: &input, dockerfile: &dockerfile, options: &options };
    if args.check {
        return checks.print(io);
    }
    checks.before(io)?;
    let place = args.layout.for_writing(io, false)?;
    let sink = Arc::new(place.layout().sink()?);
    let job = Job { input: &input, dockerfile: &dockerfile, options: &options, place: &place, sink: &sink };
    if args.dry_run {
        let foresight = Foresight::new(io, &input);
        args.built(io, &job, &foresight)?;
        return foresight.print(io);
    }
    let built = args.built(io, &job, &Steps::new(io, &input))?;
    checks.after(io)?;
    if let Some(image) = &args.verify {
        let image = args.layout.layouts().resolve(io, &Operand::parse(image)?)?;
        return result::verify(io, &args, &place, &image, &built);
    }
    let image = match names.as_slice() {
        [] => cli::keep_images(io, &place, &[(None, built.descriptor.clone())])?,
        names => {
            let rows: Vec<_> = names.iter().map(|name| (name.clone(), built.descriptor.clone())).collect();
            cli::name_images(io, &place, &rows)?
        }
    };
    built.write_files(&args, &names)?;
    io.output().images(&image)
}

/// What is built, and into which layout.
struct Job<'j> {
    input: &'j Input,
    dockerfile: &'j Dockerfile,
    options: &'j Options,
    place: &'j Place,
    sink: &'j Arc<LayoutSink>,
}

impl Args {
    /// Builds for each platform, and stores what was built.
    fn built(&self, io: &Io, job: &Job<'_>, listener: &dyn Listener) -> Result<result::Built, Error> {
        let Job { input, dockerfile, options, place, sink } = job;
        let cache = self.cache(io)?;
        let bases = bases::Bases {
            io,
            place,
            sink,
            layouts: Mutex::new(self.layout.layouts()),
            registries: self.registry.registries(io),
            pull: self.pull,
        };
        let build = Build {
            dockerfile,
            context: input.context(),
            options,
            bases: &bases,
            remote: &bases,
            sink,
            cache: Some(&cache),
            indexes: Indexes::in_directory(io.environment().cache_directory()),
            listener,
            dry_run: self.dry_run,
        };
        let asked = self.platform.iter().map(Some);
        let platforms: Vec<_> = asked.chain(self.platform.is_empty().then_some(None)).collect();
        let mut images = Vec::new();
        for platform in &platforms {
            let image = build.run(*platform, platforms.len() > 1).map_err(|error| input.tell(io, error))?;
            let descriptor = cli::put_image(sink, &image)?;
            images.push((image, descriptor));
        }
        match <[_; 1]>::try_from(images) {
            Ok([(image, descriptor)]) => Ok(result::Built { id: image.manifest.config.digest, descriptor }),
            Err(images) => self.index(sink, images.into_iter().map(|(_, descriptor)| descriptor)),
        }
    }

    /// The user's cache, and those that the command line names.
    fn cache(&self, io: &Io) -> Result<BuildCache, Error> {
        let environment = io.environment();
        let mut cache = match (environment.build_cache(), environment.cache_directory()) {
            (Some(path), Some(notes)) => {
                BuildCache::open(&path, Cache::new(notes), !self.no_cache && self.verify.is_none())?
            }
            _ => BuildCache::default(),
        };
        for path in &self.cache_from {
            cache = cache.and_from(Layout::open(without_scheme(path), layout::Options::default())?);
        }
        for path in &self.cache_to {
            let layout = Layout::create(without_scheme(path), layout::Options::default())?;
            cache = cache.and_to(&layout)?;
        }
        Ok(cache)
    }

    fn index(
        &self,
        sink: &LayoutSink,
        images: impl Iterator<Item = Descriptor>,
    ) -> Result<result::Built, Error> {
        let mut index = Index::of_platforms(images)?;
        if !self.annotations.is_empty() {
            index.annotations = Some(self.annotations.iter().cloned().collect());
        }
        let index = Raw::write(index);
        let descriptor = sink.put(MediaType::OciIndex, index.bytes())?;
        Ok(result::Built { id: descriptor.digest, descriptor })
    }

    fn options(&self, io: &Io, input: &Input) -> Result<Options, Error> {
        let build_args = input::build_args(io, &self.build_args);
        let epoch = match build_args.get("SOURCE_DATE_EPOCH") {
            Some(text) => Some(
                cli::seconds_since_1970(text)
                    .map_err(|problem| Error::usage(format_args!("SOURCE_DATE_EPOCH={text}: {problem}")))?,
            ),
            None => io.clock().epoch(),
        };
        Ok(Options {
            target: self.target.clone(),
            build_args,
            contexts: input::named_contexts(&self.build_contexts, &input.cache)?,
            labels: self.labels.iter().cloned().collect(),
            annotations: self.annotations.iter().cloned().collect(),
            compression: self.compression,
            threads: self.jobs.map_or_else(Threads::default, Threads::new),
            epoch: self.timestamp.or(epoch),
            build_platform: Platform::host(),
        })
    }
}

/// `oci:DIR`, as images are written.
fn without_scheme(path: &Path) -> &Path {
    path.to_str().and_then(|text| text.strip_prefix("oci:")).map_or(path, Path::new)
}

/// `KEY` alone is a label without a value, as docker has it.
fn label(text: &str) -> Result<(String, String), String> {
    if text.contains('=') { key_value(text) } else { key_value(&format!("{text}=")) }
}
