//! What a `COPY` found: the key of its layer, and the layer.

use super::files::{Node, Sum};
use super::key::{KeyHasher, known_sum};
use super::owner::Owner;
use super::part::{Part, Shape, Store};
use super::read::read_whole;
use crate::error::Error;
use crate::tree::Tree;
use dockerfile::{Chmod, Span, Word};
use image_format::{Digest, Failure, Observer, in_parallel};
use layer::{Time, TreePath};
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// What decides a layer besides what is copied.
pub(crate) struct Settings<'r, 't> {
    pub(crate) destination: TreePath,
    /// Whether the destination is a directory by how it is written.
    pub(crate) into_directory: bool,
    pub(crate) owner: Option<(Owner, Word)>,
    /// As it is written, and what it means.
    pub(crate) chmod: Option<(String, Chmod)>,
    pub(crate) link: bool,
    pub(crate) epoch: Option<Time>,
    pub(crate) base: &'r Tree<'t>,
    /// Where the destination stands.
    pub(crate) place: Span,
}

/// Everything that a `COPY` or an `ADD` means, found and not read.
///
/// The layer depends on the stage below it too, unless [`Prepared::is_independent`] says that it does not: that is no part of
/// the keys.
pub struct Prepared<'r, 't> {
    pub(crate) settings: Settings<'r, 't>,
    pub(crate) parts: Vec<Part<'r>>,
    /// What each regular file holds, in the order of the parts and their names; `None` where that is not known yet.
    pub(crate) sums: Vec<Option<Sum>>,
}

impl<'r, 't> Prepared<'r, 't> {
    pub(crate) fn new(settings: Settings<'r, 't>, parts: Vec<Part<'r>>) -> Prepared<'r, 't> {
        let mut sums = Vec::new();
        for part in &parts {
            let diff_id = |layer: u32| match &part.store {
                Store::Staged(staged) => *staged.view.layers()[layer as usize].diff_id.digest(),
                _ => Digest::sha256(b""),
            };
            let files = part.nodes().filter(|(_, node)| node.size().is_some());
            sums.extend(files.map(|(_, node)| known_sum(&node.content, diff_id)));
        }
        Prepared { settings, parts, sums }
    }

    /// Whether the layer is the same on top of any stage: `--link`, and no names in `--chown`.
    pub fn is_independent(&self) -> bool {
        self.settings.link && !self.settings.owner.as_ref().is_some_and(|(owner, _)| owner.has_names())
    }

    /// Is an archive unpacked?
    pub(crate) fn has_archive(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.shape, Shape::Archive))
    }

    /// How many bytes of files would have to be read to know the key.
    pub fn unknown_bytes(&self) -> u64 {
        let nodes = self.parts.iter().flat_map(Part::nodes).filter_map(|(_, node)| node.size());
        nodes.zip(&self.sums).filter(|(_, sum)| sum.is_none()).map(|(size, _)| size).sum()
    }

    /// A digest over all that decides the layer but the bytes of the files: names, kinds, sizes, modes, owners, attributes.
    /// A step whose outline no cache has ever seen is in no cache, so its files need not be read for the key before they are
    /// written.
    pub fn outline(&self) -> Digest {
        let mut hasher = KeyHasher::new();
        let settings = &self.settings;
        hasher.bytes(settings.destination.as_bytes());
        hasher.flag(settings.into_directory);
        hasher.flag(settings.link);
        hasher.option(settings.owner.as_ref().map(|(_, word)| word.as_bytes()));
        hasher.option(settings.chmod.as_ref().map(|(text, _)| text.as_bytes()));
        hasher
            .option(settings.epoch.map(|epoch| epoch.seconds.to_le_bytes()).as_ref().map(|bytes| &bytes[..]));
        hasher.number(self.parts.len() as u64);
        self.parts.iter().for_each(|part| self.outline_part(part, &mut hasher));
        hasher.finish()
    }

    fn outline_part(&self, part: &Part<'_>, hasher: &mut KeyHasher) {
        let (shape, contents, count) = match &part.shape {
            Shape::Tree { contents, items } => (0, *contents, items.len()),
            Shape::Archive => (1, false, 0),
        };
        hasher.number(shape);
        hasher.flag(contents);
        hasher.flag(part.keeps_times);
        hasher.number(count as u64);
        // of a directory whose content is copied neither its name nor what goes with it plays a part
        let skip = usize::from(contents && part.node.is_directory());
        hasher.flag(skip == 1);
        if skip == 0 {
            hasher.bytes(&part.name);
        }
        let mut groups = HashMap::new();
        for (path, node) in part.nodes().skip(skip) {
            hasher.bytes(path.as_bytes());
            hasher.node(node);
            if part.keeps_times {
                let time = self.clamped(node.metadata.mtime);
                hasher.number(time.seconds as u64);
                hasher.number(time.nanoseconds.into());
            }
            let next = groups.len() as u64 + 1;
            let group = node.content.link_group().map_or(0, |group| *groups.entry(group).or_insert(next));
            hasher.number(group);
        }
    }

    /// A digest of what the instruction says, whatever its sources lead to: two builds of it make layers that are much alike.
    pub fn place(&self) -> Digest {
        let mut hasher = KeyHasher::new();
        hasher.bytes(self.settings.destination.as_bytes());
        for part in &self.parts {
            let directory = match &part.store {
                Store::Context(context) => context.directory().as_os_str().as_bytes(),
                _ => b"",
            };
            hasher.bytes(directory);
            hasher.bytes(part.path.as_bytes());
        }
        hasher.finish()
    }

    /// The key of the layer, where it is known without reading a file.
    pub fn key(&self) -> Option<Digest> {
        let sums: Option<Vec<&Sum>> = self.sums.iter().map(Option::as_ref).collect();
        sums.map(|sums| key_of(&self.outline(), sums.into_iter()))
    }

    /// The key of the layer; reads the files whose content is not known, several at a time.
    ///
    /// # Errors
    /// A file cannot be read, or changes meanwhile; those of `observer`.
    pub fn read_key(&mut self, observer: &dyn Observer) -> Result<Digest, Error> {
        let unknown = self.unknown();
        if !unknown.is_empty() {
            let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
            let learned = Mutex::new(Vec::with_capacity(unknown.len()));
            in_parallel(&unknown, threads, |(file, part, path, node)| {
                let sum = read_whole(&self.parts[*part].store, path, node, observer)?;
                learned.lock().unwrap_or_else(PoisonError::into_inner).push((*file, sum));
                Ok(())
            })?;
            drop(unknown);
            for (file, sum) in learned.into_inner().unwrap_or_else(PoisonError::into_inner) {
                self.sums[file] = Some(sum);
            }
        }
        let known = self.key();
        known.ok_or_else(|| Failure::new(image_format::Class::Failed, "a file has no digest").into())
    }

    /// The files whose content is not known: their number, their part, where they are in its tree.
    pub(crate) fn unknown(&self) -> Vec<(usize, usize, TreePath, &Node)> {
        let mut unknown = Vec::new();
        let mut file = 0;
        for (number, part) in self.parts.iter().enumerate() {
            for (path, node) in part.nodes().filter(|(_, node)| node.size().is_some()) {
                if self.sums[file].is_none() {
                    unknown.push((file, number, super::select::joined(&part.path, path), node));
                }
                file += 1;
            }
        }
        unknown
    }

    pub(crate) fn clamped(&self, time: Time) -> Time {
        self.settings.epoch.map_or(time, |epoch| time.min(epoch))
    }
}

/// The key of what has this outline and these files.
pub(crate) fn key_of<'s>(outline: &Digest, sums: impl Iterator<Item = &'s Sum>) -> Digest {
    let mut hasher = KeyHasher::new();
    hasher.bytes(outline.as_bytes());
    sums.for_each(|sum| hasher.sum(sum));
    hasher.finish()
}
