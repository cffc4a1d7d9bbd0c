//! `WORKDIR`: a directory that is made where there is none.

use crate::copy::owner::Owner;
use crate::copy::target::{check_length, check_link};
use crate::error::Error;
use crate::listener::Listener;
use crate::tree::Tree;
use crate::work::Work;
use dockerfile::Word;
use image_format::{Class, Digest, Failure, Observer};
use layer::{Entry, Kind, Metadata, TarWriter, Time, TreePath, View};
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;

/// As many symlinks are followed as Linux follows.
const MAX_LINKS: usize = 40;

/// The directories that lead to a path, those that are missing.
pub(crate) struct Directories<'r, 't> {
    /// From the root on.
    pub(crate) path: TreePath,
    /// `USER`, who owns what is made.
    pub(crate) user: Word,
    /// When they were made, in seconds since 1970.
    pub(crate) time: i64,
    /// What is there already.
    pub(crate) below: &'r Tree<'t>,
}

impl Work for Directories<'_, '_> {
    fn outline(&self) -> Digest {
        let mut key =
            format!("directories and those above at {} of {:?}\n", self.time, self.user.text).into_bytes();
        key.extend_from_slice(self.path.as_bytes());
        Digest::sha256(&key)
    }

    fn key(&self) -> Option<Digest> {
        Some(self.outline())
    }

    fn read_key(&mut self, _: &dyn Observer) -> Result<Digest, Error> {
        Ok(self.outline())
    }

    fn sees_below(&self) -> bool {
        true
    }

    fn write(self: Box<Self>, tar: &mut dyn Write, _: &dyn Listener) -> Result<Digest, Error> {
        let names = self.below.names()?;
        let missing = missing(&names, &self.path)?;
        let (uid, gid) = match missing.is_empty() {
            true => (0, 0),
            false => {
                let owner = Owner::parse(&self.user).resolve(&self.user, self.below)?;
                (owner.uid, owner.gid)
            }
        };
        let mtime = Time::from_seconds(self.time);
        let made = Metadata { mode: 0o755, uid, gid, mtime, ..Metadata::default() };
        let mut tar = TarWriter::new(tar);
        for (path, metadata) in with_those_above(&names, &missing, &made) {
            let path = path.as_bytes().to_vec();
            tar.append(&Entry { path, kind: Kind::Directory, metadata }, &mut &b""[..])?;
        }
        tar.finish()?;
        Ok(self.outline())
    }
}

/// The directories that are to be made, and those above them as they are: a tool that unpacks layers one beside the other
/// would make new ones.
fn with_those_above(view: &View<'_>, missing: &[TreePath], made: &Metadata) -> BTreeMap<TreePath, Metadata> {
    let mut all: BTreeMap<TreePath, Metadata> =
        missing.iter().map(|path| (path.clone(), made.clone())).collect();
    for path in missing {
        let mut above = path.split().map(|(parent, _)| parent);
        while let Some(path) = above.filter(|path| !path.is_root()) {
            above = path.split().map(|(parent, _)| parent);
            if let Some((_, node)) = view.find(&path) {
                all.entry(path).or_insert_with(|| node.metadata().clone());
            }
        }
    }
    all
}

/// The directories that `path` needs and `view` lacks, outermost first. Symlinks on the way are followed, even one that leads
/// to where nothing is yet.
fn missing(view: &View<'_>, path: &TreePath) -> Result<Vec<TreePath>, Failure> {
    let mut left: VecDeque<Vec<u8>> = path.parts().map(<[u8]>::to_vec).collect();
    let (mut at, mut missing, mut links) = (TreePath::root(), Vec::new(), 0);
    while let Some(part) = left.pop_front() {
        match part.as_slice() {
            b"" | b"." => continue,
            b".." => {
                at = at.split().map_or_else(TreePath::root, |(parent, _)| parent);
                continue;
            }
            _ => {}
        }
        let next = at.join(&part);
        check_length(&next)?;
        match view.find(&next).map(|(_, node)| node.kind()) {
            None => missing.push(next.clone()),
            Some(Kind::Directory) => {}
            Some(Kind::Symlink { target }) => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Failure::new(
                        Class::Failed,
                        format_args!("{path}: too many symlinks on the way"),
                    ));
                }
                check_link(&next, &target)?;
                if target.starts_with(b"/") {
                    at = TreePath::root();
                }
                for part in target.rsplit(|byte| *byte == b'/') {
                    left.push_front(part.to_vec());
                }
                continue;
            }
            Some(_) => {
                let message = format!("{next}: is there and no directory; expected a directory, or nothing");
                return Err(Failure::new(Class::Failed, message));
            }
        }
        at = next;
    }
    Ok(missing)
}

#[cfg(test)]
mod tests;
