//! What a tree holds at one moment: every name, what it is and what goes with it, without content.

use super::diff::{Change, Changes};
use super::note::Note;
use super::on_disk::{file_kind, file_xattrs, names_in};
use super::root::Root;
use super::{Privilege, TreePath, View, ViewNode, owner_record};
use crate::entry::{Kind, Metadata, Time};
use image_format::{Failure, Observer};
use rustix::fs::{AtFlags, OFlags, Stat};
use rustix::io::Errno;
use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

/// Everything in a tree, by name.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// In the order of names: two trees are in memory at once, and a map takes half as much again.
    items: Vec<(TreePath, Item)>,
    /// Devices that nobody can make without privileges.
    left_out: BTreeSet<TreePath>,
    /// Attributes that nobody can set without privileges, of those that have any.
    pub(super) privileged: BTreeMap<TreePath, BTreeMap<Vec<u8>, Vec<u8>>>,
}

/// A tree that a directory was made to be, and when: what nothing has touched in it since is as it was made, for whatever
/// changes a file changes its ctime, which nobody can set. inode(7), "Last status change".
#[derive(Clone, Copy, Debug)]
pub struct Untouched<'a> {
    /// The tree.
    pub tree: &'a Snapshot,
    /// When the directory was that, as its file system saw it.
    pub since: Time,
}

/// One name of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is; never a hard link. Of a file the length counts, not the holes.
    pub kind: Kind,
    /// What goes with it.
    pub metadata: Metadata,
    /// Equal for all names of a file, and for nothing else in the same tree.
    pub(crate) inode: (u64, u64),
    /// How many names the file has, in this tree or elsewhere.
    pub(crate) links: u64,
    /// When anything of it last changed, as the file system saw it; `None` in a view.
    pub(crate) touched: Option<Time>,
    /// Of a file of layers: which one its content comes from, and where in its tar that begins.
    pub(crate) place: Option<(u32, u64)>,
    /// Did anything say so? Not, if it is a directory that no entry of a layer describes.
    pub(crate) described: bool,
}

impl Snapshot {
    /// The tree in a directory. Sockets are left out and noted, as no layer can hold them; left out too are the attributes
    /// that overlayfs keeps for itself.
    ///
    /// Without privileges files of one's own, or of whose the directory is, are root's, and those with the attribute
    /// `user.rootlesscontainers` whose it says; but links, devices and pipes cannot have it, and are root's.
    ///
    /// # Errors
    /// Something cannot be read; those of `observer`.
    pub fn of_directory(
        directory: &Path,
        privilege: Privilege,
        observer: &dyn Observer,
    ) -> Result<Snapshot, Failure> {
        Snapshot::of_changed(directory, privilege, None, observer)
    }

    /// As [`Snapshot::of_directory`]; but who has a file that nothing has touched, and what attributes it has, is not asked
    /// of the file system again, which is half of the work.
    ///
    /// # Errors
    /// As there.
    pub fn of_changed(
        directory: &Path,
        privilege: Privilege,
        untouched: Option<Untouched<'_>>,
        observer: &dyn Observer,
    ) -> Result<Snapshot, Failure> {
        let io = |path: &TreePath, error: Errno| {
            let object = directory.join(std::ffi::OsStr::new(&*String::from_utf8_lossy(path.as_bytes())));
            Failure::io(object.display(), error.into())
        };
        let root = Root::open(directory).map_err(|error| io(&TreePath::root(), error))?;
        let top = rustix::fs::fstat(root.fd()).map_err(|error| io(&TreePath::root(), error))?;
        let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let owners = [own, (top.st_uid, top.st_gid)];
        let scan = Scan { privilege, owners, untouched, observer, said: Cell::new(false) };
        let top =
            scan.open_directory(&root, &TreePath::root()).map_err(|error| io(&TreePath::root(), error))?;
        let mut items = vec![(TreePath::root(), top)];
        let mut left = vec![TreePath::root()];
        while let Some(path) = left.pop() {
            observer.advance(0)?;
            let found = scan.directory(&root, &path).map_err(|error| io(&path, error))?;
            left.extend(
                found.iter().filter(|(_, item)| item.kind == Kind::Directory).map(|(path, _)| path.clone()),
            );
            items.extend(found);
        }
        Ok(Snapshot::of_items(items))
    }

    /// The tree that [`super::apply()`] makes of a view's layers: without what it leaves out.
    pub fn of_view(view: &View<'_>, privilege: Privilege) -> Snapshot {
        let (mut items, mut left_out) = (Vec::new(), BTreeSet::new());
        let mut privileged = BTreeMap::new();
        let mut left = vec![(TreePath::root(), view.root())];
        while let Some((path, node)) = left.pop() {
            left.extend(node.children().map(|(name, child)| (path.join(name), child)));
            let item = Item::of_node(node, privilege);
            let is_device = matches!(item.kind, Kind::CharacterDevice(_) | Kind::BlockDevice(_));
            if is_device && privilege == Privilege::Rootless {
                left_out.insert(path);
            } else {
                if privilege == Privilege::Rootless {
                    let mut lost = node.metadata().xattrs.clone();
                    lost.retain(|name, _| {
                        !name.starts_with(b"user.") && !super::attributes::is_of_the_machine(name)
                    });
                    if !lost.is_empty() {
                        privileged.insert(path.clone(), lost);
                    }
                }
                items.push((path, item));
            }
        }
        Snapshot { left_out, privileged, ..Snapshot::of_items(items) }
    }

    /// Gives what `changes` say is modified the attributes again that `lower` has and a tree without privileges cannot: to
    /// all but files of another content, which lose them under root, too, when they are written to. The first that loses
    /// one is noted.
    pub fn keep_privileged(
        &mut self,
        lower: &Snapshot,
        changes: &Changes,
        differing: &BTreeSet<TreePath>,
        observer: &dyn Observer,
    ) {
        let mut lost = None;
        for (path, xattrs) in &lower.privileged {
            let is_modified =
                changes.0.get(path).is_some_and(|all| all.iter().any(|change| *change != Change::Removed));
            let at = self.items.binary_search_by(|(other, _)| other.cmp(path));
            let (true, Ok(at), Some(old)) = (is_modified, at, lower.get(path)) else { continue };
            let item = &mut self.items[at].1;
            let is_file = matches!(item.kind, Kind::File { .. });
            let is_written =
                is_file && (item.metadata.mtime != old.metadata.mtime || differing.contains(path));
            if old.kind == item.kind && !is_written {
                item.metadata.xattrs.extend(xattrs.clone());
            } else if is_file && lost.is_none() {
                lost = xattrs.keys().next().map(|name| (path.clone(), name));
            }
        }
        if let Some((path, name)) = lost {
            observer.note(&Note::XattrLost(path, String::from_utf8_lossy(name).into_owned()));
        }
    }

    /// Forgets the empty files that `umoci unpack --rootless` makes where `lower` has devices.
    pub fn forget_stand_ins(&mut self, lower: &Snapshot) {
        self.items.retain(|(path, item)| {
            !matches!(item.kind, Kind::File { size: 0, .. }) || !lower.left_out.contains(path)
        });
    }

    /// Forgets what `changes`, of which this is the outcome, do not name: their layer is written without it.
    pub fn keep_changed(&mut self, changes: &Changes) {
        self.items.retain(|(path, _)| changes.0.contains_key(path));
        self.items.shrink_to_fit();
    }

    fn of_items(mut items: Vec<(TreePath, Item)>) -> Snapshot {
        items.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        // a directory that changes while it is listed may say a name twice
        items.dedup_by(|(one, _), (other, _)| one == other);
        Snapshot { items, ..Snapshot::default() }
    }

    /// What has this name; no symlink is followed.
    pub fn get(&self, path: &TreePath) -> Option<&Item> {
        let at = self.items.binary_search_by(|(other, _)| other.cmp(path)).ok()?;
        Some(&self.items[at].1)
    }

    /// All names in their order, directories before what is in them.
    pub fn iter(&self) -> impl Iterator<Item = (&TreePath, &Item)> {
        self.items.iter().map(|(path, item)| (path, item))
    }

    /// All names that are here or in `other`, in their order, with what has them here and there.
    pub(super) fn beside<'a>(
        &'a self,
        other: &'a Snapshot,
    ) -> impl Iterator<Item = (&'a TreePath, Option<&'a Item>, Option<&'a Item>)> {
        let (mut here, mut there) = (self.iter().peekable(), other.iter().peekable());
        std::iter::from_fn(move || {
            let order = match (here.peek(), there.peek()) {
                (Some((here, _)), Some((there, _))) => here.cmp(there),
                (Some(_), None) => Ordering::Less,
                (None, _) => Ordering::Greater,
            };
            let one = if order.is_le() { here.next() } else { None };
            let other = if order.is_ge() { there.next() } else { None };
            let (path, _) = one.or(other)?;
            Some((path, one.map(|(_, item)| item), other.map(|(_, item)| item)))
        })
    }
}

fn mtime(stat: &Stat) -> Time {
    Time { seconds: stat.st_mtime, nanoseconds: stat.st_mtime_nsec as u32 }
}

fn ctime(stat: &Stat) -> Time {
    Time { seconds: stat.st_ctime, nanoseconds: stat.st_ctime_nsec as u32 }
}

impl Item {
    fn of_node(node: ViewNode<'_>, privilege: Privilege) -> Item {
        let kind = match node.kind() {
            Kind::File { size, .. } => Kind::File { size, pieces: None },
            other => other,
        };
        let mut metadata = node.metadata().clone();
        let is_privileged = |name: &[u8]| !name.starts_with(b"user.");
        let lost = |name: &[u8]| {
            privilege == Privilege::Rootless && (is_privileged(name) || name == owner_record::NAME)
        };
        metadata.xattrs.retain(|name, _| !super::attributes::is_of_the_machine(name) && !lost(name));
        if privilege == Privilege::Rootless && !can_have_a_record(&kind) {
            (metadata.uid, metadata.gid) = (0, 0);
        }
        if matches!(kind, Kind::Symlink { .. }) {
            // whatever a tar says, Linux gives a symlink all permissions
            metadata.mode = 0o777;
        }
        Item {
            kind,
            metadata,
            inode: (0, node.number()),
            links: node.links().into(),
            touched: None,
            place: node.place().map(|(layer, offset)| (layer as u32, offset)),
            described: node.is_described(),
        }
    }
}

/// Linux gives attributes that anybody may set to files and directories alone.
fn can_have_a_record(kind: &Kind) -> bool {
    matches!(kind, Kind::File { .. } | Kind::Directory)
}

struct Scan<'a> {
    privilege: Privilege,
    /// Who is taken for root without privileges: we, and whoever has the tree.
    owners: [(u32, u32); 2],
    untouched: Option<Untouched<'a>>,
    observer: &'a dyn Observer,
    /// Has a socket been named?
    said: Cell<bool>,
}

impl Scan<'_> {
    fn open_directory(&self, root: &Root, path: &TreePath) -> Result<Item, Errno> {
        let fd = root.open_plain(path, OFlags::RDONLY)?;
        let stat = rustix::fs::fstat(&fd)?;
        self.asked(&stat, Kind::Directory, &format!("/proc/self/fd/{}", fd.as_raw_fd()).into_bytes())
    }

    fn directory(&self, root: &Root, path: &TreePath) -> Result<Vec<(TreePath, Item)>, Errno> {
        let fd = root.open_plain(path, OFlags::RDONLY)?;
        let mut found = Vec::new();
        for name in names_in(fd.as_fd())? {
            let stat = match rustix::fs::statat(&fd, &name[..], AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                other => other?,
            };
            let Some(kind) = file_kind(fd.as_fd(), &name, &stat)? else {
                if !self.said.replace(true) {
                    self.observer.note(&Note::Socket(path.join(&name)));
                }
                continue;
            };
            let path = path.join(&name);
            let item = match self.made(&path, &stat, &kind) {
                Some(made) => item(&stat, kind, made.metadata.clone()),
                None => {
                    let handle = [format!("/proc/self/fd/{}/", fd.as_raw_fd()).as_bytes(), &name].concat();
                    self.asked(&stat, kind, &handle)?
                }
            };
            found.push((path, item));
        }
        Ok(found)
    }

    /// What `path` was made to be, if nothing has touched it since.
    fn made(&self, path: &TreePath, stat: &Stat, kind: &Kind) -> Option<&Item> {
        let untouched = self.untouched.as_ref().filter(|untouched| ctime(stat) < untouched.since)?;
        let made = untouched.tree.get(path).filter(|made| made.described && made.kind == *kind)?;
        let Metadata { mode, uid, gid, mtime: time, .. } = made.metadata;
        // without privileges whose it is stands in an attribute
        let is_owned = self.privilege == Privilege::Rootless || (uid, gid) == (stat.st_uid, stat.st_gid);
        (is_owned && mode == stat.st_mode & 0o7777 && time == mtime(stat)).then_some(made)
    }

    fn asked(&self, stat: &Stat, kind: Kind, handle: &[u8]) -> Result<Item, Errno> {
        let mut xattrs = file_xattrs(handle)?;
        let (mut uid, mut gid) = (stat.st_uid, stat.st_gid);
        if self.privilege == Privilege::Rootless {
            // root may have them even so; a view without privileges has not
            xattrs.retain(|name, _| name.starts_with(b"user."));
            (uid, gid) = match xattrs.remove(owner_record::NAME).as_deref().and_then(owner_record::read) {
                Some(owner) => owner,
                None => (
                    if self.owners.iter().any(|(own, _)| *own == uid) { 0 } else { uid },
                    if self.owners.iter().any(|(_, own)| *own == gid) { 0 } else { gid },
                ),
            };
        }
        let mode = stat.st_mode & 0o7777;
        Ok(item(stat, kind, Metadata { mode, uid, gid, mtime: mtime(stat), xattrs }))
    }
}

fn item(stat: &Stat, kind: Kind, metadata: Metadata) -> Item {
    Item {
        kind,
        metadata,
        inode: (stat.st_dev, stat.st_ino),
        links: stat.st_nlink,
        touched: Some(ctime(stat)),
        place: None,
        described: true,
    }
}
