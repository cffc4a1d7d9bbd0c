//! A tree that files are copied from: a directory, or the layers of a stage.

use dockerfile::Ignore;
use image_format::Failure;
use layer::{Kind, Metadata, Time, TreePath};

/// As many symlinks as the kernel follows in one name.
const MAX_LINKS: usize = 40;

/// What has a name in such a tree.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What it is; never a hard link.
    pub(crate) kind: Kind,
    /// What goes with it, as its tree has it.
    pub(crate) metadata: Metadata,
    /// Where a regular file's content is.
    pub(crate) content: Content,
}

/// Where the content of a regular file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// It is no regular file, or empty by nature.
    Nothing,
    /// In a file on disk.
    OnDisk {
        /// Which, as it was when it was looked at.
        stamp: Stamp,
        /// Whether it has other names.
        linked: bool,
        /// What it holds, where that is known.
        digest: Option<Box<Sum>>,
    },
    /// In a layer of a stage or an image.
    InLayer {
        /// Its place in the view ([`layer::ViewNode::place`]).
        place: (u32, u64),
        /// Equal for all names of the file.
        number: u64,
        /// Whether it has other names.
        linked: bool,
    },
    /// In a file of the stage itself that another name is given to.
    OfStage {
        /// That file's name.
        path: TreePath,
        /// Equal for all names of the file.
        number: u64,
    },
    /// Stored aside by us, from this place on.
    Stored {
        /// Where it begins, in bytes.
        at: u64,
        /// Equal for all names of the file, where it has several.
        number: Option<u64>,
    },
    /// In a file of its own that was fetched, and holds this.
    Downloaded(Sum),
    /// Here.
    Held(Vec<u8>),
}

/// A SHA-256.
pub(crate) type Sum = [u8; 32];

/// A file as the system sees it: where none of this has changed, its content has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified: Time,
    pub(crate) changed: Time,
}

impl Stamp {
    /// Which file it is.
    pub(crate) fn file(&self) -> (u64, u64) {
        (self.device, self.inode)
    }
}

/// A tree that files are copied from.
pub(crate) trait Files: Sync {
    /// What has this name; no symlink is followed.
    fn node(&self, path: &TreePath) -> Result<Option<Node>, Failure>;

    /// What lies in the directory `path`, which has no symlinks on its way, by name in order.
    fn children(&self, path: &TreePath) -> Result<Vec<(Vec<u8>, Node)>, Failure>;

    /// What is not to be seen.
    fn ignore(&self) -> &Ignore;

    /// What messages call it.
    fn name(&self) -> &str;
}

impl Node {
    /// A directory that nobody has described.
    pub(crate) fn directory(metadata: Metadata) -> Node {
        Node { kind: Kind::Directory, metadata, content: Content::Nothing }
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// The length of a regular file in bytes.
    pub(crate) fn size(&self) -> Option<u64> {
        match self.kind {
            Kind::File { size, .. } => Some(size),
            _ => None,
        }
    }
}

impl Content {
    /// Equal for all names of a file that has several; `None` for one that has but one.
    pub(crate) fn link_group(&self) -> Option<(u64, u64)> {
        match self {
            Content::OnDisk { stamp, linked: true, .. } => Some((stamp.device, stamp.inode)),
            Content::InLayer { number, linked: true, .. } | Content::Stored { number: Some(number), .. } => {
                Some((0, *number))
            }
            Content::OfStage { number, .. } => Some((1, *number)),
            _ => None,
        }
    }
}

/// Where `path` leads, symlinks followed as if the tree's root were `/`, one at its end only where `follows_last`; `None`
/// where that is nowhere, or is ignored.
pub(crate) fn real_path(
    files: &dyn Files,
    path: &TreePath,
    follows_last: bool,
) -> Result<Option<(TreePath, Node)>, Failure> {
    let mut left: Vec<Vec<u8>> = path.parts().map(<[u8]>::to_vec).collect();
    left.reverse();
    let mut here = TreePath::root();
    let mut links = 0;
    let Some(mut node) = files.node(&here)? else { return Ok(None) };
    while let Some(part) = left.pop() {
        if !node.is_directory() {
            return Ok(None);
        }
        if part == b".." {
            here = here.split().map_or_else(TreePath::root, |(parent, _)| parent);
            node = Node::directory(Metadata::default());
            continue;
        }
        let path = here.join(&part);
        let Some(found) = files.node(&path)? else { return Ok(None) };
        if files.ignore().ignores(path.as_bytes())
            && !(found.is_directory() && files.ignore().has_exceptions())
        {
            return Ok(None);
        }
        match &found.kind {
            Kind::Symlink { target } if follows_last || !left.is_empty() => {
                links += 1;
                if links > MAX_LINKS {
                    return Ok(None);
                }
                if target.starts_with(b"/") {
                    here = TreePath::root();
                }
                let parts = target.split(|byte| *byte == b'/').rev();
                left.extend(parts.filter(|part| !matches!(*part, b"" | b".")).map(<[u8]>::to_vec));
                node = Node::directory(Metadata::default());
            }
            _ => {
                here = path;
                node = found;
            }
        }
    }
    // of a directory that was reached by a link or by `..` nothing is known yet
    let node = if node.is_directory() { files.node(&here)? } else { Some(node) };
    Ok(node.map(|node| (here, node)))
}
