//! Finds what a `COPY` or an `ADD` means, without reading it.

use super::files::{Content, Files, Node};
use super::items::Items;
use super::key::sum_of;
use super::matching::{Match, matches, not_found};
use super::owner::Owner;
use super::part::{Part, Shape, Store};
use super::prepared::{Prepared, Settings};
use super::remote::{Remote, file_name};
use super::select::{Selection, select};
use super::staged::Staged;
use super::unpack::is_archive;
use super::{Request, Source, Unpack};
use crate::context::{Checkout, Context};
use crate::error::Error;
use dockerfile::{Chmod, Diagnostic, Document, GitSource, Ignore, Wildcard, Word};
use image_format::{Algorithm, Class, Digest, DigestHasher, Failure, Observer};
use layer::{Kind, Metadata, Time, TreePath};
use std::io::{Read, Seek, Write};

/// Bytes of a download taken at a time.
const BUFFER: usize = 128 << 10;
/// What a file behind a URL may be: docker's way.
const URL_MODE: u32 = 0o600;
const DOCUMENT_MODE: u32 = 0o644;
const NOTHING_ABOVE: &str = "nothing above the context can be copied: build in the directory that holds both, and name the Dockerfile with -f";

/// Finds everything that `request` asks for; fetches what is behind URLs.
///
/// # Errors
/// A source is not there, or a word says what nothing can be made of ([`Error::Dockerfile`], with its place); something
/// cannot be read or fetched; those of `observer`.
pub fn prepare<'r, 't>(
    request: &Request<'r, 't>,
    remote: &dyn Remote,
    observer: &dyn Observer,
) -> Result<Prepared<'r, 't>, Error> {
    let exclude = Ignore::of_patterns(request.exclude.iter().map(|word| word.as_bytes()));
    let exclude = exclude.map_err(|(text, problem)| {
        let word = request.exclude.iter().find(|word| word.as_bytes() == text);
        let span = word.map_or(request.destination.span, |word| word.span);
        Diagnostic::new(span, format!("{:?} is no pattern: {problem}", String::from_utf8_lossy(&text)))
    })?;
    let mut finder = Finder { request, exclude, remote, observer, parts: Vec::new() };
    for source in &request.sources {
        finder.source(source)?;
    }
    let parts = finder.parts;
    Ok(Prepared::new(settings(request)?, parts))
}

fn settings<'r, 't>(request: &Request<'r, 't>) -> Result<Settings<'r, 't>, Error> {
    let chmod = match &request.chmod {
        Some(word) => Some((
            word.text.clone(),
            Chmod::parse(word).ok_or_else(|| {
                Diagnostic::new(word.span, format!("invalid chmod parameter: {:?}", word.text))
            })?,
        )),
        None => None,
    };
    let text = &request.destination.text;
    let path = if text.starts_with('/') { text.clone() } else { format!("{}/{text}", request.workdir) };
    Ok(Settings {
        destination: TreePath::of(path.as_bytes()),
        into_directory: text == "." || text.ends_with('/') || text.ends_with("/."),
        owner: request.chown.clone().map(|word| (Owner::parse(&word), word)),
        chmod,
        link: request.link,
        epoch: request.epoch.map(Time::from_seconds),
        base: request.base,
        place: request.destination.span,
    })
}

struct Finder<'f, 'r, 't> {
    request: &'f Request<'r, 't>,
    exclude: Ignore,
    remote: &'f dyn Remote,
    observer: &'f dyn Observer,
    parts: Vec<Part<'r>>,
}

impl<'r> Finder<'_, 'r, '_> {
    fn source(&mut self, source: &Source<'r, '_>) -> Result<(), Error> {
        match source {
            Source::Context { path, context } => {
                check_stays_inside(path)?;
                self.local(path, *context, || Store::Context(context))
            }
            Source::Tree { path, tree } => {
                let view = tree.view()?;
                let name = "what --from names";
                self.local(path, &Staged::new(view, name), || Store::Staged(Staged::new(view, name)))
            }
            Source::Document(document) => {
                self.document(document);
                Ok(())
            }
            Source::Url(url) => self.url(url),
            Source::Git(source) => self.git(source),
        }
    }

    /// Paths and patterns in a tree.
    fn local(&mut self, word: &Word, files: &dyn Files, store: impl Fn() -> Store<'r>) -> Result<(), Error> {
        let (source, include) =
            if self.request.parents { pivoted(word)? } else { (word.as_bytes().to_vec(), None) };
        let is_above = leads_above(word) && store().context().is_some();
        let found = matches(files, &source, self.observer).map_err(|failure| match is_above {
            true => placed(failure.with_hint(NOTHING_ABOVE), word),
            false => placed(failure, word),
        })?;
        let is_pattern = Wildcard::is_in(&source);
        let before = self.parts.len();
        for found in found {
            self.one(found, word, files, &store, include.as_ref(), is_pattern)?;
        }
        if let Some(include) = &include
            && include.required.as_ref().is_some_and(|_| !self.has_more_than_its_root(before))
        {
            let path = include.required.clone().unwrap_or_default();
            return Err(placed(not_found(files, &path), word));
        }
        Ok(())
    }

    /// Has `--parents` found anything?
    fn has_more_than_its_root(&self, from: usize) -> bool {
        self.parts[from..].iter().any(|part| part.nodes().count() > 1 || !part.node.is_directory())
    }

    fn one(
        &mut self,
        found: Match,
        word: &Word,
        files: &dyn Files,
        store: &impl Fn() -> Store<'r>,
        include: Option<&Include>,
        is_pattern: bool,
    ) -> Result<(), Error> {
        let Match { name, path, node } = found;
        let store = store();
        let keeps_times = matches!(store, Store::Staged(_));
        let shape = if !node.is_directory() {
            self.file_shape(&store, &path, &node)?
        } else {
            let selection =
                Selection { exclude: &self.exclude, include: include.map(|include| &include.patterns) };
            let items = select(files, &path, selection, self.observer)?;
            if items.is_empty() && !path.is_root() && files.ignore().ignores(path.as_bytes()) {
                // it would be there if anything in it were
                return if is_pattern { Ok(()) } else { Err(placed(not_found(files, &path), word)) };
            }
            Shape::Tree { contents: true, items }
        };
        self.parts.push(Part { store, name, path, node, shape, keeps_times });
        Ok(())
    }

    fn file_shape(&self, store: &Store<'r>, path: &TreePath, node: &Node) -> Result<Shape, Failure> {
        let whole = Shape::Tree { contents: true, items: Items::default() };
        let is_stored = matches!(node.content, Content::OnDisk { .. });
        match store.context().filter(|_| self.request.unpack != Unpack::Never && is_stored) {
            Some(context) if is_archive(context.open_file(path)?.0) => Ok(Shape::Archive),
            _ => Ok(whole),
        }
    }

    fn document(&mut self, document: &Document) {
        let content = document.content.clone().into_bytes();
        let kind = Kind::File { size: content.len() as u64, pieces: None };
        let metadata = Metadata { mode: DOCUMENT_MODE, ..Metadata::default() };
        self.parts.push(Part {
            store: Store::Held,
            name: document.name.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec(),
            path: TreePath::root(),
            node: Node { kind, metadata, content: Content::Held(content) },
            shape: Shape::Tree { contents: false, items: Items::default() },
            keeps_times: false,
        });
    }

    fn url(&mut self, url: &Word) -> Result<(), Error> {
        let fetched = self.remote.fetch(url, self.observer)?;
        let in_file = |error| Failure::io("a temporary file", error);
        let mut file = tempfile::tempfile().map_err(in_file)?;
        let mut content = fetched.content;
        let (mut hasher, mut size) = (DigestHasher::new(Algorithm::Sha256), 0);
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = content.read(&mut buffer).map_err(|error| Failure::io(&url.text, error))?;
            if count == 0 {
                break;
            }
            self.observer.advance(count as u64)?;
            hasher.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(in_file)?;
            size += count as u64;
        }
        file.rewind().map_err(in_file)?;
        let digest = hasher.finish();
        self.check(url, &digest)?;
        let unpacks = self.request.unpack == Unpack::Always && is_archive(file.try_clone().map_err(in_file)?);
        file.rewind().map_err(in_file)?;
        let mtime = fetched.modified.unwrap_or_default();
        self.parts.push(Part {
            store: Store::Downloaded(file),
            name: file_name(url),
            path: TreePath::root(),
            node: Node {
                kind: Kind::File { size, pieces: None },
                metadata: Metadata { mode: URL_MODE, mtime, ..Metadata::default() },
                content: Content::Downloaded(sum_of(&digest)),
            },
            shape: if unpacks {
                Shape::Archive
            } else {
                Shape::Tree { contents: false, items: Items::default() }
            },
            keeps_times: true,
        });
        Ok(())
    }

    fn check(&self, url: &Word, found: &Digest) -> Result<(), Error> {
        let Some(word) = &self.request.checksum else { return Ok(()) };
        let expected: Digest =
            word.parse().map_err(|error| Diagnostic::new(word.span, format!("{error}")))?;
        if expected.algorithm() != Algorithm::Sha256 {
            return Err(Diagnostic::new(word.span, "a checksum of a kind that is not known here")
                .expected("sha256: and 64 hexadecimal digits")
                .into());
        }
        if expected != *found {
            let message = format!("{}: digest mismatch: it is {found}; expected {expected}", url.text);
            return Err(Failure::new(Class::Integrity, message).into());
        }
        Ok(())
    }

    fn git(&mut self, word: &Word) -> Result<(), Error> {
        let request = self.request;
        let source = GitSource::parse(word).map_err(|problem| Diagnostic::new(word.span, problem))?;
        let mut source =
            source.ok_or_else(|| Diagnostic::new(word.span, "not the name of a git repository"))?;
        if let (Some(one), Some(other)) = (request.keep_git_dir, source.keep_git_dir)
            && one != other
        {
            return Err(Diagnostic::new(word.span, "inconsistent keep-git-dir configuration").into());
        }
        if let (Some(one), Some(other)) = (&request.checksum, &source.checksum)
            && one.text != *other
        {
            return Err(
                Diagnostic::new(one.span, format!("checksum mismatch {:?} != {other:?}", one.text)).into()
            );
        }
        source.keep_git_dir = source.keep_git_dir.or(request.keep_git_dir);
        source.checksum = source.checksum.or_else(|| request.checksum.as_ref().map(|word| word.text.clone()));
        let checkout = Checkout::of_git(&source, self.observer)?;
        let (found, items) = self.of_checkout(checkout.context(), word)?;
        self.parts.push(Part {
            store: Store::Checkout(checkout),
            name: Vec::new(),
            path: found.path,
            node: found.node,
            shape: Shape::Tree { contents: false, items },
            keeps_times: false,
        });
        Ok(())
    }

    fn of_checkout(&self, context: &Context, word: &Word) -> Result<(Match, Items), Error> {
        let root = matches(context, b"/", self.observer).map_err(|failure| placed(failure, word))?.pop();
        let found = root.ok_or_else(|| Failure::new(Class::Failed, "a checkout without a root"))?;
        let selection = Selection { exclude: &self.exclude, include: None };
        let items = select(context, &found.path, selection, self.observer)?;
        Ok((found, items))
    }
}

/// `../name` is `name`, as docker has it, and mostly not there. `../*` would be all that the context has, which nobody means.
///
/// # Errors
/// It is such a pattern.
pub(crate) fn check_stays_inside(word: &Word) -> Result<(), Diagnostic> {
    if !Wildcard::is_in(word.as_bytes()) || !climbs(word.as_bytes()) {
        return Ok(());
    }
    let message = format!("{:?} leads out of the context, where no file can be copied from", word.text);
    Err(Diagnostic::new(word.span, message)
        .expected("a pattern for files of the context")
        .hint("--build-context NAME=DIR gives another directory, for COPY --from=NAME"))
}

/// Does a path go above the directory that it begins in, at any point of it?
fn climbs(path: &[u8]) -> bool {
    let mut depth = 0_usize;
    for part in path.split(|byte| *byte == b'/') {
        match (part, depth) {
            (b"" | b".", _) => {}
            (b"..", 0) => return true,
            (b"..", _) => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// What `--parents` makes of a source: a pattern, and a path that must be there if it has no wildcards.
struct Include {
    patterns: Ignore,
    required: Option<TreePath>,
}

/// Takes a source of `--parents` apart at its `/./`: where the copy begins, and what it takes from there.
fn pivoted(word: &Word) -> Result<(Vec<u8>, Option<Include>), Error> {
    let (start, pattern) = word.split_once("/./").unwrap_or(("", word));
    let start = if start.is_empty() { "/" } else { start };
    let clean = TreePath::of(pattern.as_bytes());
    let is_plain = !Wildcard::is_in(start.as_bytes()) && !Wildcard::is_in(pattern.as_bytes());
    if clean.is_root() {
        return Ok((start.as_bytes().to_vec(), None));
    }
    let patterns = Ignore::of_patterns([clean.as_bytes()]).map_err(|(_, problem)| {
        Diagnostic::new(word.span, format!("{pattern:?} is no pattern: {problem}"))
    })?;
    let required = is_plain.then(|| TreePath::of(format!("{start}/{pattern}").as_bytes()));
    Ok((start.as_bytes().to_vec(), Some(Include { patterns, required })))
}

/// Does a path go through `..` to where its tree ends?
fn leads_above(path: &str) -> bool {
    let mut depth = 0_usize;
    path.split('/').any(|part| match part {
        "" | "." => false,
        ".." if depth == 0 => true,
        ".." => {
            depth -= 1;
            false
        }
        _ => {
            depth += 1;
            false
        }
    })
}

/// What the Dockerfile says wrongly is shown there; what the world does is not.
fn placed(failure: Failure, word: &Word) -> Error {
    match failure.class() {
        Class::NotFound | Class::Usage => {
            let diagnostic = Diagnostic::new(word.span, failure.to_string());
            Error::Dockerfile(match failure.hint() {
                Some(hint) => diagnostic.hint(hint),
                None => diagnostic,
            })
        }
        _ => Error::Failure(failure),
    }
}
