//! What a build is made of: the Dockerfile, the files, and what the command line says of both.

use crate::Args;
use build::{Checkout, Context, NamedContext};
use cache::Cache;
use cli::{Error, Io};
use dockerfile::{BuildArgs, GitSource, PROXY_ARGS, TEXT_LIMIT};
use image_format::{Class, Failure};
use layer::TreePath;
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A Dockerfile and its files.
pub(crate) struct Input {
    /// What the Dockerfile is called in messages.
    pub(crate) name: String,
    /// The Dockerfile.
    pub(crate) text: Vec<u8>,
    /// What is known of files.
    pub(crate) cache: Option<Cache>,
    files: Files,
}

/// Where the files are.
enum Files {
    Own(Context),
    Made(Checkout),
}

impl Input {
    /// # Errors
    /// There is no such file, or directory.
    pub(crate) fn read(args: &Args, io: &mut Io) -> Result<Input, Error> {
        let cache = io.environment().cache_directory().map(Cache::new);
        let made = made(args, io)?;
        let directory = made.as_ref().map_or(args.context.as_path(), |made| made.directory());
        if made.is_none() && !directory.is_dir() {
            let what = if directory.exists() { "no directory" } else { "not there" };
            let error = Failure::new(Class::NotFound, format_args!("{}: {what}", directory.display()));
            return Err(
                Error::from(error).with_hint("CONTEXT is the directory with the files: oci-build -t NAME .")
            );
        }
        let (name, path) = dockerfile_of(args, directory)?;
        let most = TEXT_LIMIT as u64 + 1;
        let text = match &path {
            None => read_all(io.data("a Dockerfile")?, most, "-")?,
            // what others made may hold a link that leads to a file of ours
            Some(path) if made.is_some() => beneath(directory, path, most, &name)?,
            Some(path) => {
                let path = args.file.clone().unwrap_or_else(|| directory.join(path));
                let file = std::fs::File::open(&path).map_err(|error| Failure::io(path.display(), error))?;
                read_all(file, most, &name)?
            }
        };
        let beside = match made {
            Some(_) => path.map(|path| directory.join(path)),
            None => path.map(|path| args.file.clone().unwrap_or_else(|| directory.join(path))),
        };
        let (ignore, _) = build::find_ignore(directory, beside.as_deref())?;
        let files = match made {
            Some(made) => Files::Made(made.without(ignore)),
            None => Files::Own(Context::open(directory, ignore, cache.as_ref())?),
        };
        Ok(Input { name, text, cache, files })
    }

    pub(crate) fn context(&self) -> &Context {
        match &self.files {
            Files::Own(context) => context,
            Files::Made(made) => made.context(),
        }
    }

    /// Shows what is wrong with the Dockerfile, with its line; all else is said as usual.
    pub(crate) fn tell(&self, io: &Io, error: build::Error) -> Error {
        let class = error.class();
        match error {
            build::Error::Dockerfile(diagnostic) | build::Error::Instruction(diagnostic, _) => {
                let rendered = diagnostic.render(&self.name, &self.text);
                io.messages().shown(&format!("{}: {rendered}", io.tool()));
                Error::from(Failure::new(class, diagnostic.message)).reported()
            }
            build::Error::Failure(failure) => failure.into(),
        }
    }
}

/// The files of a pipe, or of a repository.
fn made(args: &Args, io: &mut Io) -> Result<Option<Checkout>, Error> {
    if args.context == Path::new("-") {
        if args.file.as_deref() == Some(Path::new("-")) {
            return Err(Error::usage("standard input is named twice; expected - at most once"));
        }
        let tar = io.data("a tar of the files")?;
        let checkout = Checkout::of_tar(tar, &io.progress()).map_err(|failure| match failure.class() {
            Class::Integrity => failure.with_hint("if it is a Dockerfile: oci-build -f - CONTEXT"),
            _ => failure,
        })?;
        return Ok(Some(checkout));
    }
    let text = args.context.to_string_lossy();
    match GitSource::parse(&text).map_err(Error::usage)? {
        Some(source) => Ok(Some(Checkout::of_git(&source, &io.progress())?)),
        None => Ok(None),
    }
}

/// What the Dockerfile is called, and where it is, mostly in the context; on standard input if nowhere.
fn dockerfile_of(args: &Args, directory: &Path) -> Result<(String, Option<PathBuf>), Error> {
    match &args.file {
        Some(file) if file == Path::new("-") => Ok(("-".to_owned(), None)),
        Some(file) => Ok((file.display().to_string(), Some(file.clone()))),
        None => {
            let names = ["Dockerfile", "Containerfile"];
            let is_there = |name: &&str| std::fs::symlink_metadata(directory.join(name)).is_ok();
            let name = names.into_iter().find(is_there).ok_or_else(|| {
                let message = format!("{}: no Dockerfile in it", args.context.display());
                Error::from(Failure::new(Class::NotFound, message)).with_hint("-f FILE says where it is")
            })?;
            Ok((name.to_owned(), Some(PathBuf::from(name))))
        }
    }
}

/// A file of a directory that others filled; links in it lead nowhere else.
fn beneath(directory: &Path, path: &Path, most: u64, name: &str) -> Result<Vec<u8>, Error> {
    let inside = TreePath::of(path.as_os_str().as_bytes());
    let content = layer::read_file(directory, &inside, most).map_err(|error| Failure::io(name, error))?;
    content.ok_or_else(|| Error::not_found(format_args!("{name}: not there")))
}

fn read_all(source: impl Read, most: u64, name: &str) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    source.take(most).read_to_end(&mut text).map_err(|error| Failure::io(name, error))?;
    Ok(text)
}

/// `--build-arg`; one without a value takes the environment's, and proxies are taken from there in any case.
pub(crate) fn build_args(io: &Io, given: &[String]) -> BuildArgs {
    let variable = |name: &str| Some((name.to_owned(), io.environment().text(name)?.to_owned()));
    let proxies = PROXY_ARGS.iter().flat_map(|name| [(*name).to_owned(), name.to_lowercase()]);
    let mut all: BuildArgs = proxies.filter_map(|name| variable(&name)).collect();
    all.extend(given.iter().filter_map(|text| match text.split_once('=') {
        Some((name, value)) => Some((name.to_owned(), value.to_owned())),
        None => variable(text),
    }));
    all
}

/// What each `--build-context` names.
///
/// # Errors
/// A directory is not there.
pub(crate) fn named_contexts(
    given: &[(String, String)],
    cache: &Option<Cache>,
) -> Result<BTreeMap<String, NamedContext>, Error> {
    let named = |(name, place): &(String, String)| {
        let context = match place.split_once("://") {
            Some(("docker-image", reference)) => NamedContext::Image(format!("docker://{reference}")),
            Some(("oci-layout", place)) => NamedContext::Image(layout_operand(place)),
            Some((scheme, _)) => {
                let known = "docker-image://, oci-layout://, oci: or a directory";
                return Err(Error::usage(format_args!(
                    "--build-context {name}: {scheme}://: expected {known}"
                )));
            }
            None => match place.strip_prefix("oci:") {
                Some(place) => NamedContext::Image(layout_operand(place)),
                None => {
                    let files = files_of(place, cache.as_ref()).map_err(|failure| match failure.class() {
                        Class::NotFound if dockerfile::is_reference(place) => {
                            failure.with_hint(format_args!("for an image: {name}=docker-image://{place}"))
                        }
                        _ => failure,
                    })?;
                    NamedContext::Files(files.called(name))
                }
            },
        };
        Ok((name.to_lowercase(), context))
    };
    given.iter().map(named).collect()
}

fn files_of(directory: &str, cache: Option<&Cache>) -> Result<Context, Failure> {
    let (ignore, _) = build::find_ignore(Path::new(directory), None)?;
    Context::open(directory, ignore, cache)
}

/// `oci:./DIR…`: with a slash in it, nobody takes it for an image called oci.
fn layout_operand(place: &str) -> String {
    let is_rooted = place.starts_with(['/', '.']);
    if is_rooted { format!("oci:{place}") } else { format!("oci:./{place}") }
}
