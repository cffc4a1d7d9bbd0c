//! A tree of files as lines, to the last attribute: two trees are the same if their lines are.

use std::collections::BTreeMap;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::sha256_hex;

/// One line for each file below `root` and `root` itself (`.`), sorted by name: name, kind, permissions, owner, time to
/// the nanosecond, then the device, the target, or length and hash; the first name of a hard link; attributes.
///
/// No symlink is followed. A name that is no text is shown as Rust's `{:?}` shows it.
pub fn tree_lines(root: impl AsRef<Path>) -> Vec<String> {
    let root = root.as_ref();
    let mut first_names = BTreeMap::new();
    let mut lines = Vec::new();
    for path in paths(root) {
        let full = root.join(&path);
        let meta = full.symlink_metadata().unwrap_or_else(|e| panic!("{}: {e}", full.display()));
        let kind = meta.file_type();
        let what = if kind.is_dir() {
            "dir".to_owned()
        } else if kind.is_symlink() {
            format!("symlink {:?}", full.read_link().unwrap())
        } else if kind.is_fifo() || kind.is_socket() {
            if kind.is_fifo() { "fifo" } else { "socket" }.to_owned()
        } else if kind.is_char_device() || kind.is_block_device() {
            let letter = if kind.is_char_device() { "char" } else { "block" };
            format!("{letter} {}:{}", rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev()))
        } else {
            format!("file {} {}", meta.len(), &sha256_hex(std::fs::read(&full).unwrap())[..12])
        };
        let link = match kind.is_dir() || meta.nlink() == 1 {
            true => String::new(),
            false => format!(" ={:?}", first_names.entry((meta.dev(), meta.ino())).or_insert(path.clone())),
        };
        let name = if path.as_os_str().is_empty() { Path::new(".") } else { &path };
        let (mode, uid, gid) = (meta.mode() & 0o7777, meta.uid(), meta.gid());
        let (seconds, nanoseconds) = (meta.mtime(), meta.mtime_nsec());
        let xattrs = xattrs(&full);
        lines
            .push(format!("{name:?} {mode:04o} {uid}:{gid} {seconds}.{nanoseconds:09} {what}{link}{xattrs}"));
    }
    lines
}

/// All names below `root`, relative to it, with that of `root` itself.
fn paths(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    let mut at = 0;
    while at < found.len() {
        let directory = root.join(&found[at]);
        if directory.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            let entries =
                std::fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
            let below: Vec<_> = entries.map(|entry| found[at].join(entry.unwrap().file_name())).collect();
            found.extend(below);
        }
        at += 1;
    }
    found.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    found
}

fn xattrs(path: &Path) -> String {
    let mut names = vec![0; 64 << 10];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let mut all = Vec::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 64 << 10];
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
        let name = std::ffi::OsString::from_vec(name.to_vec());
        all.push(format!(" {}={:?}", name.display(), value[..length].escape_ascii().to_string()));
    }
    all.sort();
    all.concat()
}
