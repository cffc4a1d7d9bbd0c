//! What a path or a pattern of a `COPY` leads to.

use super::files::{Files, Node, real_path};
use crate::context::shown;
use dockerfile::{Wildcard, nearest};
use image_format::{Class, Failure, Observer};
use layer::{Kind, TreePath};

/// Of shorter names nobody can say what they were meant to be.
const SHORTEST_GUESSED: usize = 3;

/// What a source leads to.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    /// Its own name, as it was written or matched: what it is called in a directory. Empty for the root of a tree.
    pub(crate) name: Vec<u8>,
    /// Where it is, without symlinks.
    pub(crate) path: TreePath,
    pub(crate) node: Node,
}

/// What `source` leads to in `files`: one place, or with wildcards any number of them, by name in order.
///
/// Symlinks are followed, in the middle and at the end, as if the tree's root were `/`; `..` goes no higher than that.
///
/// # Errors
/// A path, or what a pattern matches, leads nowhere; the pattern is none.
pub(crate) fn matches(
    files: &dyn Files,
    source: &[u8],
    observer: &dyn Observer,
) -> Result<Vec<Match>, Failure> {
    let (plain, pattern) = split(source);
    if pattern.is_empty() {
        return Ok(vec![followed(files, &plain)?]);
    }
    let wildcard = Wildcard::parse(&pattern).ok_or_else(|| {
        let text = String::from_utf8_lossy(source);
        Failure::new(Class::Usage, format_args!("{text}: a class or an escape in it is not complete"))
    })?;
    let base = followed(files, &plain)?;
    let mut found = Vec::new();
    if base.node.is_directory() {
        let mut search = Search { files, wildcard, depth: depth(&pattern), observer, found: &mut found };
        search.below(&base.path, &TreePath::root())?;
    }
    found.iter().map(|path| followed(files, path)).collect()
}

/// The part of a source before its first part with a wildcard, and the rest.
fn split(source: &[u8]) -> (TreePath, Vec<u8>) {
    let clean = TreePath::of(source);
    let parts: Vec<&[u8]> = clean.parts().collect();
    let plain = parts.iter().position(|part| Wildcard::is_in(part)).unwrap_or(parts.len());
    (TreePath::of(&parts[..plain].join(&b'/')), parts[plain..].join(&b'/'))
}

/// So many slashes may a match have at most: a class may match one too.
fn depth(pattern: &[u8]) -> usize {
    pattern.iter().filter(|byte| matches!(byte, b'/' | b'[')).count()
}

fn followed(files: &dyn Files, path: &TreePath) -> Result<Match, Failure> {
    let name = path.split().map_or_else(Vec::new, |(_, name)| name.to_vec());
    match real_path(files, path, true)? {
        Some((path, node)) => Ok(Match { name, path, node }),
        None => Err(not_found(files, path)),
    }
}

/// A path that leads nowhere.
pub(crate) fn not_found(files: &dyn Files, path: &TreePath) -> Failure {
    let failure =
        Failure::new(Class::NotFound, format_args!("{}: not found in {}", shown(path), files.name()));
    if files.ignore().ignores(path.as_bytes()) {
        return failure.with_hint("a pattern of the .dockerignore file takes it out of the context");
    }
    if let Ok(Some(Node { kind: Kind::Symlink { target }, .. })) = files.node(path) {
        let target = String::from_utf8_lossy(&target).into_owned();
        return failure.with_hint(format_args!(
            "it is a symlink to {target}, which is not there: nothing outside of {} can be copied",
            files.name()
        ));
    }
    match alike(files, path) {
        Some(other) => failure.with_hint(format_args!("did you mean {other}?")),
        None => failure,
    }
}

/// The name beside `path` that is most like its own, among those with the same first letter.
fn alike(files: &dyn Files, path: &TreePath) -> Option<String> {
    let (parent, name) = path.split()?;
    let (parent, node) = real_path(files, &parent, true).ok()??;
    if !node.is_directory() || name.len() < SHORTEST_GUESSED {
        return None;
    }
    let is_likely = |other: &Vec<u8>| {
        other.first() == name.first() && !files.ignore().ignores(parent.join(other).as_bytes())
    };
    let names = files.children(&parent).ok()?.into_iter().map(|(name, _)| name).filter(is_likely);
    let names: Vec<String> = names.filter_map(|name| String::from_utf8(name).ok()).collect();
    let guess = nearest(std::str::from_utf8(name).ok()?, names.iter().map(String::as_str))?;
    Some(shown(&parent.join(guess.as_bytes())))
}

struct Search<'a> {
    files: &'a dyn Files,
    wildcard: Wildcard,
    depth: usize,
    observer: &'a dyn Observer,
    found: &'a mut Vec<TreePath>,
}

impl Search<'_> {
    /// Looks below `directory`, which is called `path` in the pattern's words.
    fn below(&mut self, directory: &TreePath, path: &TreePath) -> Result<(), Failure> {
        self.observer.advance(0)?;
        for (name, node) in self.files.children(directory)? {
            let (in_tree, path) = (directory.join(&name), path.join(&name));
            let ignore = self.files.ignore();
            if ignore.ignores(in_tree.as_bytes())
                && !(node.is_directory() && ignore.may_bring_back_below(in_tree.as_bytes()))
            {
                continue;
            }
            if self.wildcard.matches(path.as_bytes()) {
                self.found.push(in_tree);
            } else if node.is_directory() && path.parts().count() <= self.depth {
                self.below(&in_tree, &path)?;
            }
        }
        Ok(())
    }
}
