//! Which layers of a stack brought, changed or removed a file.

use super::index::{Indexed, Indexing, Verify, index_all};
use super::model::{Node, NodeKind, Tree};
use super::stream::true_cause;
use super::target::{Mark, mark};
use super::weight::{MAX_HELD, check_held};
use super::{FileKind, Indexes, TreePath};
use crate::entry::{Entry, Kind, Metadata};
use image_format::{Failure, Observer, Stack};
use std::cell::Cell;
use std::collections::BTreeSet;

/// What a layer did to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// There was nothing below.
    Brought,
    /// There was something else below: other content, or other metadata.
    Changed,
    /// There is nothing from there on.
    Removed,
    /// It brought or changed it; which of the two, only the layers below would say.
    Set,
}

/// A layer that did something to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blame {
    /// The layer's number, counted from the bottom.
    pub layer: usize,
    /// What it did.
    pub deed: Deed,
    /// What the name leads to since; `None` where to nothing.
    pub kind: Option<FileKind>,
    /// How many bytes a file has since; 0 for anything else.
    pub size: u64,
}

impl Deed {
    /// In a word: `brought`.
    pub fn name(self) -> &'static str {
        match self {
            Deed::Brought => "brought",
            Deed::Changed => "changed",
            Deed::Removed => "removed",
            Deed::Set => "set",
        }
    }
}

impl Blame {
    /// Every layer that did something to what `path` names, the lowest first. Symlinks that are on its way in the end are
    /// followed as if the root were `/`, one at its end is not.
    ///
    /// # Errors
    /// A layer is not what it claims, or is not there; those of `observer`.
    pub fn all(
        stack: &Stack<'_>,
        indexes: &Indexes,
        path: &TreePath,
        observer: &dyn Observer,
    ) -> Result<Vec<Blame>, Failure> {
        let (blames, resolved) = Blame::of_name(stack, indexes, path, observer)?;
        if resolved == *path {
            return Ok(blames);
        }
        Ok(Blame::of_name(stack, indexes, &resolved, observer)?.0)
    }

    /// And what the name is in the end, without symlinks on its way.
    fn of_name(
        stack: &Stack<'_>,
        indexes: &Indexes,
        path: &TreePath,
        observer: &dyn Observer,
    ) -> Result<(Vec<Blame>, TreePath), Failure> {
        let (mut tree, mut blames, mut before) = (Tree::new(), Vec::new(), None);
        let (source, layers) = (stack.source(), stack.layers());
        let indexing = Indexing { source, layers, indexes, verify: Verify::Now, observer };
        index_all(indexing, |number, index| {
            let digest = layers[number].descriptor.digest;
            tree.apply(number as u32, index.entries)
                .map_err(|error| error.at(format_args!("layer {digest}")))?;
            let after = tree.find(path, false).map(|(_, id)| Seen::of(tree.node(id)));
            let deed = match (&before, &after) {
                (None, Some(_)) => Some(Deed::Brought),
                (Some(_), None) => Some(Deed::Removed),
                (before, after) => (before != after).then_some(Deed::Changed),
            };
            blames.extend(deed.map(|deed| Blame::new(number, deed, after.as_ref())));
            before = after;
            Ok(())
        })?;
        let directory = path.split().and_then(|(parent, name)| Some(tree.find(&parent, true)?.0.join(name)));
        Ok((blames, directory.unwrap_or_else(|| path.clone())))
    }

    /// The last of [`Blame::all`], as far as possible without the layers below it: [`Deed::Set`] where those would have to
    /// be read to say more. `None` where nothing has that name, and never had.
    ///
    /// # Errors
    /// As [`Blame::all`].
    pub fn last(
        stack: &Stack<'_>,
        indexes: &Indexes,
        path: &TreePath,
        observer: &dyn Observer,
    ) -> Result<Option<Blame>, Failure> {
        let (source, layers) = (stack.source(), stack.layers());
        let indexing = Indexing { source, layers, indexes, verify: Verify::Now, observer };
        for (number, layer) in layers.iter().enumerate().rev() {
            observer.advance(0)?;
            let held = Cell::new(0);
            let room = |bytes: usize| {
                held.set(held.get() + bytes);
                check_held(held.get(), MAX_HELD)
            };
            let digest = layer.descriptor.digest;
            let at = |error: Failure| error.at(format_args!("layer {digest}"));
            let index = indexing.index(layer, &room).map_err(|error| at(true_cause(source, layer, error)))?;
            match Sight::of(&index.entries, path).map_err(at)? {
                Sight::Nothing => {}
                Sight::Seen(seen) => return Ok(Some(Blame::new(number, Deed::Set, Some(&seen)))),
                Sight::Unsure => break,
            }
        }
        Ok(Blame::all(stack, indexes, path, observer)?.pop())
    }

    fn new(layer: usize, deed: Deed, seen: Option<&Seen>) -> Blame {
        Blame { layer, deed, kind: seen.map(|seen| seen.kind), size: seen.map_or(0, |seen| seen.size) }
    }
}

/// What lies under a name, as far as two of them can be told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    kind: FileKind,
    size: u64,
    /// Where a file's content lies: layer and place.
    content: Option<(u32, u64)>,
    /// A symlink's target, a device's numbers.
    other: Option<Kind>,
    metadata: Metadata,
}

impl Seen {
    fn of(node: &Node) -> Seen {
        let file = match &node.kind {
            NodeKind::File(file) => Some(file),
            _ => None,
        };
        let other = match &node.kind {
            NodeKind::Other(kind) => Some(kind.clone()),
            _ => None,
        };
        Seen {
            kind: other
                .as_ref()
                .map_or(if file.is_some() { FileKind::File } else { FileKind::Directory }, FileKind::of),
            size: file.map_or(0, |file| file.size),
            content: file.map(|file| (file.layer, file.offset)),
            other,
            metadata: node.metadata.clone(),
        }
    }

    /// What an entry puts there, whatever lies below.
    fn alone(indexed: &Indexed) -> Seen {
        let Entry { kind, metadata, .. } = &indexed.entry;
        let size = match kind {
            Kind::File { size, .. } => *size,
            _ => 0,
        };
        let content = matches!(kind, Kind::File { .. }).then_some((0, indexed.offset));
        let other = content.is_none().then(|| kind.clone());
        Seen { kind: FileKind::of(kind), size, content, other, metadata: metadata.clone() }
    }
}

/// What one layer says of a name, without those below it.
enum Sight {
    Nothing,
    Seen(Seen),
    /// It cannot be told: symlinks of lower layers may lead there, or only they say whether there was something to
    /// remove or to change.
    Unsure,
}

impl Sight {
    fn of(entries: &[Indexed], path: &TreePath) -> Result<Sight, Failure> {
        let mut eye = Eye { path, described: BTreeSet::from([TreePath::root()]), sight: Sight::Nothing };
        for indexed in entries {
            eye.look_at(indexed)?;
        }
        Ok(eye.sight)
    }
}

struct Eye<'a> {
    path: &'a TreePath,
    /// Directories that are certainly none of a lower layer's symlinks.
    described: BTreeSet<TreePath>,
    sight: Sight,
}

impl Eye<'_> {
    fn look_at(&mut self, indexed: &Indexed) -> Result<(), Failure> {
        if matches!(self.sight, Sight::Unsure) {
            return Ok(());
        }
        let name = TreePath::of_entry(&indexed.entry.path)?;
        let Some((parent, last)) = name.split() else { return Ok(()) };
        let is_certain = self.described.contains(&parent);
        let aliased = |name: &TreePath| !is_certain && self.may_be(name);
        let hides = match mark(&parent, last)? {
            Mark::Ignored => return Ok(()),
            Mark::None => None,
            Mark::Opaque => Some(is_below(self.path, &parent) || aliased(&parent)),
            Mark::Gone(gone) => {
                let gone = parent.join(gone);
                Some(is_in(self.path, &gone) || aliased(&gone))
            }
        };
        // what the layer itself has there stays
        match hides {
            None => self.look_at_name(&name, is_certain, indexed),
            Some(true) if matches!(self.sight, Sight::Nothing) => self.sight = Sight::Unsure,
            Some(_) => {}
        }
        Ok(())
    }

    fn look_at_name(&mut self, name: &TreePath, is_certain: bool, indexed: &Indexed) {
        let kind = &indexed.entry.kind;
        let is_directory = *kind == Kind::Directory;
        if is_directory && is_certain {
            self.described.insert(name.clone());
        }
        if name == self.path {
            self.sight = match kind {
                // every layer describes the directories on the way to its files; a link is what it leads to
                Kind::Directory | Kind::HardLink { .. } => Sight::Unsure,
                _ => Sight::Seen(Seen::alone(indexed)),
            };
        } else if is_below(self.path, name) && !is_directory
            || is_below(name, self.path)
            || !is_certain && self.may_be(name)
        {
            self.sight = Sight::Unsure;
        }
    }

    /// May that name lead, through symlinks, to the path, or to a directory on its way?
    fn may_be(&self, name: &TreePath) -> bool {
        name.split_bytes().is_some_and(|(_, last)| self.path.parts().any(|part| part == last))
    }
}

/// Does `path` lie below `directory`?
fn is_below(path: &TreePath, directory: &TreePath) -> bool {
    let rest = path.as_bytes().strip_prefix(directory.as_bytes());
    path != directory && rest.is_some_and(|rest| directory.is_root() || rest.starts_with(b"/"))
}

fn is_in(path: &TreePath, other: &TreePath) -> bool {
    path == other || is_below(path, other)
}

#[cfg(test)]
mod tests;
