//! Where the files of a `COPY` go, and what becomes of what is there: BuildKit's rules (tonistiigi/fsutil, copy.go).

use super::files::Node;
use super::items::Items;
use super::part::{Part, Shape};
use super::target::{Existing, Origin, Placed, Target};
use dockerfile::Chmod;
use image_format::{Class, Failure};
use layer::{Kind, Metadata, Time, TreePath};

/// A directory that is made on the way.
const MADE: u32 = 0o755;
/// docker's umask, which what it makes on the way is subject to.
const UMASK: u32 = 0o022;

/// What becomes of everything on its way into the layer.
pub(crate) struct Fitting<'s> {
    pub(crate) owner: Option<(u32, u32)>,
    /// As it is written, and what it means.
    pub(crate) chmod: Option<(&'s str, &'s Chmod)>,
    /// The time of what has none of its own.
    pub(crate) now: Time,
    /// The time that nothing is younger than.
    pub(crate) epoch: Option<Time>,
}

impl Fitting<'_> {
    /// Directories on the way to the destination: an octal mode is theirs too.
    pub(crate) fn made(&self) -> Metadata {
        let octal = self.chmod.filter(|(text, _)| text.starts_with(|first: char| first.is_ascii_digit()));
        let mode = octal.map_or(MADE, |(_, chmod)| chmod.apply(0, true) & 0o777 & !UMASK);
        self.unmodified(mode)
    }

    /// The directory that an archive is unpacked into.
    pub(crate) fn made_for_archive(&self) -> Metadata {
        self.unmodified(MADE)
    }

    fn unmodified(&self, mode: u32) -> Metadata {
        let (uid, gid) = self.owner.unwrap_or_default();
        Metadata { mode, uid, gid, mtime: self.now, ..Metadata::default() }
    }

    fn fitted(&self, mut node: Node, keeps_times: bool) -> Node {
        if let Some((uid, gid)) = self.owner {
            (node.metadata.uid, node.metadata.gid) = (uid, gid);
        }
        match (&node.kind, self.chmod) {
            // whatever a tree says, Linux gives a symlink all permissions
            (Kind::Symlink { .. }, _) => node.metadata.mode = 0o777,
            (kind, Some((_, chmod))) => {
                node.metadata.mode = chmod.apply(node.metadata.mode, *kind == Kind::Directory);
            }
            _ => {}
        }
        let own = node.metadata.mtime;
        node.metadata.mtime =
            if keeps_times { self.epoch.map_or(own, |epoch| own.min(epoch)) } else { self.now };
        node
    }
}

/// Puts a file, or a directory with all that was chosen of it, to `destination`, which is a directory for sure if
/// `into_directory`. `file` is the number of the part's first file.
///
/// # Errors
/// A directory would have to be replaced by something else, or something else by a directory.
pub(crate) fn place<'r>(
    target: &mut Target<'_>,
    part: Part<'r>,
    (number, file): (u32, u32),
    (destination, into_directory): (&TreePath, bool),
    fitting: &Fitting<'_>,
) -> Result<Placement<'r>, Failure> {
    let parent = |path: &TreePath| path.split().map_or_else(TreePath::root, |(parent, _)| parent);
    let on_the_way = if into_directory { destination.clone() } else { parent(destination) };
    let on_the_way = target.resolve(&TreePath::ROOT, &on_the_way)?;
    target.make_directories(&on_the_way, &fitting.made())?;
    let mut at = target.resolve(&TreePath::ROOT, destination)?;
    let (contents, items) = match part.shape {
        Shape::Tree { contents, items } => (contents, items),
        Shape::Archive => (false, Items::default()),
    };
    let is_there = at.is_root() || target.get(&at).is_some();
    let is_directory = part.node.is_directory();
    let goes_into = if is_directory { !contents && is_there } else { target.is_directory(&at) };
    if goes_into && !part.name.is_empty() {
        at = at.join(&part.name);
    }
    let above = if contents && is_directory && !is_there { at.clone() } else { parent(&at) };
    target.make_directories(&above, &fitting.made())?;
    if is_directory && !into_directory && target.placed(&at).is_some_and(|there| !there.node.is_directory()) {
        return Err(no_directory_yet(&at));
    }
    let mut placing = Placing { target, number, file, fitting, keeps_times: part.keeps_times };
    placing.put(at.clone(), part.node, false)?;
    for item in items {
        let path = super::select::joined(&at, &item.path);
        placing.put(path, item.node, true)?;
    }
    Ok(Placement { at, path: part.path, store: part.store })
}

/// Where a part was put, for finding its files again.
pub(crate) struct Placement<'r> {
    /// Its place in the stage.
    pub(crate) at: TreePath,
    /// Its place in its tree.
    pub(crate) path: TreePath,
    pub(crate) store: super::part::Store<'r>,
}

impl Placement<'_> {
    /// Where in its own tree that is which is now at `path` in the stage.
    pub(crate) fn source_of(&self, path: &TreePath) -> TreePath {
        let below = &path.as_bytes()[self.at.as_bytes().len()..];
        super::select::joined(&self.path, &TreePath::of(below))
    }
}

struct Placing<'p, 'v, 's> {
    target: &'p mut Target<'v>,
    number: u32,
    file: u32,
    fitting: &'p Fitting<'s>,
    keeps_times: bool,
}

impl Placing<'_, '_, '_> {
    /// Puts one thing; a directory that is there gets what goes with the new one only if it `overwrites`.
    fn put(&mut self, path: TreePath, node: Node, overwrites: bool) -> Result<(), Failure> {
        let origin = node.size().map(|_| {
            self.file += 1;
            Origin { part: self.number, file: self.file - 1 }
        });
        let mut node = self.fitting.fitted(node, self.keeps_times);
        if path.is_root() {
            return if node.is_directory() { Ok(()) } else { Err(no_file_there(&path)) };
        }
        match (self.target.get(&path), node.is_directory()) {
            (Some(Existing::Directory(_)), true) if !overwrites => return Ok(()),
            (Some(Existing::Directory(there)), true) => {
                // attributes come on top of those that are there
                let ours = std::mem::take(&mut node.metadata.xattrs);
                node.metadata.xattrs = there.xattrs.clone();
                node.metadata.xattrs.extend(ours);
            }
            (Some(Existing::Directory(_)), false) => return Err(no_file_there(&path)),
            (Some(_), true) => {
                let message = format!("{path}: no directory, so a directory cannot be copied there");
                return Err(Failure::new(Class::Failed, message));
            }
            _ => {}
        }
        self.target.put(path, Placed { node, origin })
    }
}

/// A source before has been copied to the destination itself.
fn no_directory_yet(path: &TreePath) -> Failure {
    let message = format!("{path}: a file by now, copied there from a source before this directory");
    Failure::new(Class::Failed, message)
        .with_hint(format_args!("several sources go into a directory: {path}/ says that it is one"))
}

fn no_file_there(path: &TreePath) -> Failure {
    let message = format!("{path}: a directory, so a file cannot be copied there");
    Failure::new(Class::Failed, message)
}
