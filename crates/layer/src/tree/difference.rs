//! A file that is not the same in two trees.

use super::TreePath;
use super::contents::Contents;
use super::model::{Node, NodeKind};
use crate::entry::{Device, Kind, Time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image_format::Digest;
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// A name that does not lead to the same in two trees. It serializes as the members of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDifference {
    /// The name.
    pub path: TreePath,
    /// What the first tree has there; `None` where it has nothing.
    pub before: Option<FileState>,
    /// What the second tree has there.
    pub after: Option<FileState>,
    /// In what they differ; empty where one of them has nothing.
    pub what: Vec<Aspect>,
}

/// In what two files can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Aspect {
    /// One is a directory, say, the other a link. Nothing else is then compared.
    Type,
    /// What they hold.
    Content,
    /// Where they point.
    Target,
    /// Which devices they are.
    Device,
    /// Permissions.
    Mode,
    /// Owner or group.
    Owner,
    /// Extended attributes.
    Xattrs,
    /// When they last changed.
    Time,
}

/// What lies under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// What it is.
    pub kind: FileKind,
    /// The length of a file, in bytes.
    pub size: u64,
    /// The SHA-256 of a file's content, where it has any; `None` for one with very large holes too.
    pub digest: Option<Digest>,
    /// Where a symlink points.
    pub target: Option<Vec<u8>>,
    /// A device's numbers.
    pub device: Option<Device>,
    /// Permissions: 12 bits.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// When its content last changed; `None` for a directory that no layer describes.
    pub mtime: Option<Time>,
    /// Extended attributes.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Was it seen under another name before?
    pub again: bool,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

impl FileKind {
    /// In a word: `character-device`.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::File => "file",
            FileKind::Directory => "directory",
            FileKind::Symlink => "symlink",
            FileKind::CharacterDevice => "character-device",
            FileKind::BlockDevice => "block-device",
            FileKind::Fifo => "fifo",
        }
    }

    /// What an entry makes; a hard link counts as the file that it names.
    pub(super) fn of(kind: &Kind) -> FileKind {
        match kind {
            Kind::Directory => FileKind::Directory,
            Kind::Symlink { .. } => FileKind::Symlink,
            Kind::CharacterDevice(_) => FileKind::CharacterDevice,
            Kind::BlockDevice(_) => FileKind::BlockDevice,
            Kind::Fifo => FileKind::Fifo,
            Kind::File { .. } | Kind::HardLink { .. } => FileKind::File,
        }
    }
}

impl FileState {
    /// What a node of a tree is; `None` for none.
    pub(super) fn of(contents: &Contents, node: &Node, again: bool) -> Option<FileState> {
        let (mut size, mut digest, mut target, mut device) = (0, None, None, None);
        let mut mtime = Some(node.metadata.mtime);
        let kind = match &node.kind {
            NodeKind::Directory { implicit, .. } => {
                mtime = mtime.filter(|_| !implicit);
                FileKind::Directory
            }
            NodeKind::File(file) => {
                size = file.size;
                digest = contents.held(file).and_then(|held| held.content());
                FileKind::File
            }
            NodeKind::Other(Kind::Symlink { target: to }) => {
                target = Some(to.clone());
                FileKind::Symlink
            }
            NodeKind::Other(Kind::CharacterDevice(numbers)) => {
                device = Some(*numbers);
                FileKind::CharacterDevice
            }
            NodeKind::Other(Kind::BlockDevice(numbers)) => {
                device = Some(*numbers);
                FileKind::BlockDevice
            }
            NodeKind::Other(Kind::Fifo) => FileKind::Fifo,
            NodeKind::Other(_) | NodeKind::Free => return None,
        };
        let of = node.metadata.clone();
        let (mode, uid, gid, xattrs) = (of.mode, of.uid, of.gid, of.xattrs);
        Some(FileState { kind, size, digest, target, device, mode, uid, gid, mtime, xattrs, again })
    }

    /// How many bytes it takes: none where that has been counted under another name.
    pub fn bytes(&self) -> u64 {
        if self.again { 0 } else { self.size }
    }
}

impl Serialize for FileDifference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let path = [b"/", self.path.as_bytes()].concat();
        map.serialize_entry("path", &String::from_utf8_lossy(&path))?;
        if std::str::from_utf8(&path).is_err() {
            map.serialize_entry("path_base64", &STANDARD.encode(&path))?;
        }
        if !self.what.is_empty() {
            map.serialize_entry("what", &self.what)?;
        }
        for (key, state) in [("before", &self.before), ("after", &self.after)] {
            if let Some(state) = state {
                map.serialize_entry(key, state)?;
            }
        }
        map.end()
    }
}

impl Serialize for FileState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("FileState", 10)?;
        map.serialize_field("type", &self.kind)?;
        if self.kind == FileKind::File {
            map.serialize_field("size", &self.size)?;
        }
        if let Some(digest) = &self.digest {
            map.serialize_field("digest", digest)?;
        }
        if let Some(target) = &self.target {
            map.serialize_field("target", &String::from_utf8_lossy(target))?;
        }
        if let Some(Device { major, minor }) = self.device {
            map.serialize_field("device", &format!("{major}:{minor}"))?;
        }
        map.serialize_field("mode", &format!("{:04o}", self.mode))?;
        map.serialize_field("uid", &self.uid)?;
        map.serialize_field("gid", &self.gid)?;
        if let Some(mtime) = self.mtime {
            map.serialize_field("mtime", &mtime.to_pax())?;
        }
        if !self.xattrs.is_empty() {
            let text = |(name, value): (&Vec<u8>, &Vec<u8>)| {
                (String::from_utf8_lossy(name).into_owned(), STANDARD.encode(value))
            };
            map.serialize_field("xattrs", &self.xattrs.iter().map(text).collect::<BTreeMap<_, _>>())?;
        }
        map.end()
    }
}
