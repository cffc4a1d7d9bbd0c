//! Writes what a `COPY` found as the tar of a layer.

use super::files::{Content, Node, Sum};
use super::part::{Part, Shape, Store};
use super::place::{Fitting, Placement, place};
use super::prepared::{Prepared, Settings, key_of};
use super::read::{Reading, changed, read_whole};
use super::target::{Origin, Placed, Target};
use super::unpack::{Spool, Unpacking};
use crate::context::shown;
use crate::error::Error;
use crate::listener::Listener;
use dockerfile::Diagnostic;
use image_format::{Class, Digest, Failure, Observer};
use layer::{Entry, Kind, TarWriter, TreePath, View, ViewReader};
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader, Read, Seek as _, Write};

/// Bytes of a layer's or an archive's file read at a time.
const BUFFER: usize = 128 << 10;

impl Prepared<'_, '_> {
    /// Writes the tar of the layer to `sink`, entries by name in order, and gives its key: each file is read once, whether
    /// the key was known or not.
    ///
    /// Files of the context and of repositories, and directories made on the way, are as old as `epoch`, or of 1970: what a
    /// checkout makes of times is nobody's content. Files of stages, images, archives and URLs keep theirs, but are no younger
    /// than `epoch`.
    ///
    /// `listener` is asked whether to go on and hears of no bytes: the sink has them all. It is warned of an owner that the
    /// stage does not know, and of files that take each other's place.
    ///
    /// # Errors
    /// A file changes meanwhile ([`Class::Conflict`]); one would have to take the place of a directory, or a directory its
    /// place ([`Error::Dockerfile`]); an archive is broken; the sink cannot be written; those of `listener`.
    pub fn write(self, sink: &mut dyn Write, listener: &dyn Listener) -> Result<Digest, Error> {
        let observer = &Asked(listener);
        let key = self.key();
        let outline = self.outline();
        let stage = self.settings.base;
        let names;
        let base = if self.settings.link || stage.layers().is_empty() {
            None
        } else if self.has_archive() {
            // whose links may lead to files of the stage
            Some(stage.view()?)
        } else {
            names = stage.names()?;
            Some(&*names)
        };
        let owner = self.owner(listener)?;
        let Prepared { settings, parts, mut sums } = self;
        let fitting = Fitting {
            owner,
            chmod: settings.chmod.as_ref().map(|(text, chmod)| (text.as_str(), chmod)),
            now: settings.epoch.unwrap_or_default(),
            epoch: settings.epoch,
        };
        let mut target = Target::new(base);
        let mut spool = None;
        let mut placements = Vec::with_capacity(parts.len());
        let (mut file, mut files_there) = (0, 0);
        for (number, part) in parts.into_iter().enumerate() {
            let is_file = !part.node.is_directory() && !matches!(part.shape, Shape::Archive);
            let ids = (number as u32, file);
            file += part.nodes().filter(|(_, node)| node.size().is_some()).count() as u32;
            let destination = (&settings.destination, settings.into_directory);
            let placed = match part.shape {
                Shape::Archive => {
                    let spool = match &mut spool {
                        Some(spool) => spool,
                        none => none.insert(Spool::new()?),
                    };
                    let sum = &mut sums[ids.1 as usize];
                    unpack(&mut target, part, (ids.0, sum), destination.0, &fitting, spool, observer)
                }
                Shape::Tree { .. } => place(&mut target, part, ids, destination, &fitting),
            };
            let placed = placed.map_err(|failure| at_destination(failure, &settings))?;
            files_there += usize::from(is_file && placed.at == settings.destination);
            placements.push(placed);
        }
        if files_there > 1 {
            listener.warns(&only_the_last_stays(&settings));
        }
        let mut output = Output {
            tar: TarWriter::new(sink),
            placements: &placements,
            readers: placements.iter().map(|placement| placement.store.reader()).collect(),
            base: base.map(|view| (view, ViewReader::new(view))),
            spool,
            sums,
            first_names: HashMap::new(),
            buffer: Vec::new(),
            observer,
        };
        let replaced = target.take_replaced();
        for (path, placed) in target.finish() {
            output.entry(&path, *placed).map_err(|failure| named(failure, &path))?;
        }
        for (path, placed) in replaced {
            output.learn_replaced(&path, &placed)?;
        }
        let Output { tar, sums, .. } = output;
        tar.finish().map_err(Failure::from)?;
        Ok(match key {
            Some(key) => key,
            None => key_of(&outline, sums.iter().map(|sum| sum.as_ref().unwrap_or(&UNREAD))),
        })
    }
}

impl Prepared<'_, '_> {
    /// Who the files belong to, where it is said. A name that the stage does not know is root's, as docker has it.
    fn owner(&self, listener: &dyn Listener) -> Result<Option<(u32, u32)>, Error> {
        let Some((owner, word)) = &self.settings.owner else { return Ok(None) };
        let owner = owner.resolve(word, self.settings.base)?;
        if !owner.unknown.is_empty() {
            let unknown = owner.unknown.join(" and no ");
            let message = format!("the stage has no {unknown}: taken for root, as docker does");
            listener.warns(&Diagnostic::new(word.span, message));
        }
        Ok(Some((owner.uid, owner.gid)))
    }
}

/// Several files have come to the destination itself, one after the other.
fn only_the_last_stays(settings: &Settings<'_, '_>) -> Diagnostic {
    let path = &settings.destination;
    let message = format!(
        "{path} is no directory, so of several files only the last stays, as docker has it; {path}/ would hold all"
    );
    Diagnostic::new(settings.place, message)
}

/// An observer that hears of no bytes.
struct Asked<'a>(&'a dyn Observer);

impl Observer for Asked<'_> {
    fn advance(&self, _: u64) -> Result<(), Failure> {
        self.0.advance(0)
    }

    fn note(&self, note: &dyn fmt::Display) {
        self.0.note(note);
    }
}

/// Stands for what nobody reads: a hard link to nothing.
const UNREAD: Sum = [0; 32];

/// What is wrong with the place that the Dockerfile names is shown there.
fn at_destination(failure: Failure, settings: &Settings<'_, '_>) -> Error {
    match (failure.class(), failure.hint()) {
        (Class::Failed, Some(hint)) => Diagnostic::new(settings.place, failure.to_string()).hint(hint).into(),
        (Class::Failed, None) => Diagnostic::new(settings.place, failure.to_string()).into(),
        _ => failure.into(),
    }
}

/// A failure that says of which file it is.
fn named(failure: Failure, path: &TreePath) -> Failure {
    match failure.class() {
        Class::Conflict | Class::Interrupted | Class::BrokenPipe | Class::NoSpace => failure,
        _ => failure.at(path),
    }
}

/// Unpacks the archive that `part` is into the directory `destination`.
fn unpack<'r>(
    target: &mut Target<'_>,
    part: Part<'r>,
    (number, sum): (u32, &mut Option<Sum>),
    destination: &TreePath,
    fitting: &Fitting<'_>,
    spool: &mut Spool,
    observer: &dyn Observer,
) -> Result<Placement<'r>, Failure> {
    let root = target.resolve(&TreePath::ROOT, destination)?;
    target.make_directories(&root, &fitting.made_for_archive())?;
    let archive = match &part.store {
        Store::Downloaded(file) => file.try_clone()?,
        store => {
            let context = store.context().ok_or_else(|| changed(&part.path))?;
            let (file, found) = context.open_file(&part.path)?;
            if !matches!(&part.node.content, Content::OnDisk { stamp, .. } if *stamp == found) {
                return Err(changed(&part.path));
            }
            if sum.is_none() {
                *sum = Some(read_whole(store, &part.path, &part.node, observer)?);
            }
            file
        }
    };
    let (owner, epoch) = (fitting.owner, fitting.epoch);
    let mut unpacking = Unpacking { target, root: root.clone(), owner, epoch, spool, part: number };
    unpacking.unpack(archive).map_err(|failure| failure.at(shown(&part.path)))?;
    Ok(Placement { at: root, path: part.path, store: part.store })
}

/// Writes entries, each with its content from where that is.
struct Output<'o, 'r, W> {
    tar: TarWriter<W>,
    placements: &'o [Placement<'r>],
    /// By part: of those whose files are in layers.
    readers: Vec<Option<ViewReader<'o>>>,
    /// The stage itself: a hard link of an archive may lead to what it has.
    base: Option<(&'o View<'o>, ViewReader<'o>)>,
    spool: Option<Spool>,
    sums: Vec<Option<Sum>>,
    /// By part and file: the name that other names of the file link to, and the number of its content.
    first_names: HashMap<(u32, (u64, u64)), (TreePath, u32)>,
    buffer: Vec<u8>,
    observer: &'o dyn Observer,
}

impl<W: Write> Output<'_, '_, W> {
    fn entry(&mut self, path: &TreePath, placed: Placed) -> Result<(), Failure> {
        self.observer.advance(0)?;
        let Placed { node: Node { kind, metadata, content }, origin } = placed;
        let (part, file) = origin.map_or((u32::MAX, u32::MAX), |origin| (origin.part, origin.file));
        if let Some(group) = content.link_group() {
            if let Some((first, its_file)) = self.first_names.get(&(part, group)) {
                let kind = Kind::HardLink { target: first.as_bytes().to_vec() };
                if let Some(sum) = self.sums.get(*its_file as usize).copied()
                    && let Some(place) = self.sums.get_mut(file as usize)
                {
                    *place = sum;
                }
                let entry = Entry { path: path.as_bytes().to_vec(), kind, metadata };
                return Ok(self.tar.append(&entry, &mut &b""[..])?);
            }
            self.first_names.insert((part, group), (path.clone(), file));
        }
        let size = match kind {
            Kind::File { size, .. } => Some(size),
            _ => None,
        };
        let entry = Entry { path: path.as_bytes().to_vec(), kind, metadata };
        match size {
            Some(size) => self.file(path, &entry, size, &content, (part, file)),
            None => Ok(self.tar.append(&entry, &mut &b""[..])?),
        }
    }

    fn file(
        &mut self,
        path: &TreePath,
        entry: &Entry,
        size: u64,
        content: &Content,
        (part, file): (u32, u32),
    ) -> Result<(), Failure> {
        let placement = self.placements.get(part as usize);
        match content {
            Content::Nothing => Ok(self.tar.append(entry, &mut &b""[..])?),
            Content::Held(bytes) => Ok(self.tar.append(entry, &mut &bytes[..])?),
            Content::OnDisk { stamp, .. } => {
                let placement = placement.ok_or_else(|| changed(path))?;
                let context = placement.store.context().ok_or_else(|| changed(path))?;
                let source = placement.source_of(path);
                let is_unknown = self.sums.get(file as usize).is_some_and(Option::is_none);
                let hashed = is_unknown.then_some(&entry.metadata);
                let buffer = std::mem::take(&mut self.buffer);
                let mut reading = Reading::open(context, &source, *stamp, hashed, buffer, self.observer)?;
                self.tar.append(entry, &mut reading).map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => changed(&source),
                    _ => Failure::from(error),
                })?;
                let (sum, buffer) = reading.finish()?;
                self.buffer = buffer;
                if let (Some(sum), Some(place)) = (sum, self.sums.get_mut(file as usize)) {
                    *place = Some(sum);
                }
                Ok(())
            }
            Content::InLayer { .. } => {
                let placement = placement.ok_or_else(|| changed(path))?;
                let source = placement.source_of(path);
                let node = placement.store.view().and_then(|view| view.find(&source));
                let (Some((_, node)), Some(Some(reader))) = (node, self.readers.get_mut(part as usize))
                else {
                    return Err(changed(&source));
                };
                let content = Heard { content: reader.file(&node)?, observer: self.observer };
                Ok(self.tar.append(entry, &mut BufReader::with_capacity(BUFFER, content))?)
            }
            Content::OfStage { path: source, .. } => {
                let (view, reader) = self.base.as_mut().ok_or_else(|| changed(source))?;
                let (_, node) = view.find(source).ok_or_else(|| changed(source))?;
                let content = Heard { content: reader.file(&node)?, observer: self.observer };
                Ok(self.tar.append(entry, &mut BufReader::with_capacity(BUFFER, content))?)
            }
            Content::Stored { at, .. } => {
                let spool = self.spool.as_mut().ok_or_else(|| changed(path))?;
                let content = Heard { content: spool.read_from(*at)?.take(size), observer: self.observer };
                Ok(self.tar.append(entry, &mut BufReader::with_capacity(BUFFER, content))?)
            }
            Content::Downloaded(_) => {
                let Some(Store::Downloaded(download)) = placement.map(|placement| &placement.store) else {
                    return Err(changed(path));
                };
                let mut download = download;
                download.rewind()?;
                let content = Heard { content: download, observer: self.observer };
                Ok(self.tar.append(entry, &mut BufReader::with_capacity(BUFFER, content))?)
            }
        }
    }

    /// Finds out what a file held that another one has taken the place of, for the key.
    fn learn_replaced(&mut self, path: &TreePath, placed: &Placed) -> Result<(), Failure> {
        let Some(Origin { part, file }) = placed.origin else { return Ok(()) };
        let (Some(placement), Some(None)) =
            (self.placements.get(part as usize), self.sums.get(file as usize))
        else {
            return Ok(());
        };
        let source = placement.source_of(path);
        self.sums[file as usize] = Some(read_whole(&placement.store, &source, &placed.node, self.observer)?);
        Ok(())
    }
}

/// A content whose observer hears of each piece.
struct Heard<'a, R> {
    content: R,
    observer: &'a dyn Observer,
}

impl<R: Read> Read for Heard<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.observer.advance(count as u64)?;
        Ok(count)
    }
}
