//! A file system that is soon full.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Dir;

/// A file system in memory, in a mount namespace of its own that ends with the value, whatever becomes of the test.
///
/// Others reach it through its owner's entry in `/proc`, so its path holds for every process of this user.
pub struct SmallDisk {
    holder: Child,
    path: PathBuf,
    _point: Dir,
}

/// Mounts `$1` bytes at `$0`, says so, and waits for the end of its standard input.
const HOLD: &str = "mount -t tmpfs -o size=$1,mode=700 ociutils-test \"$0\" && echo mounted && exec cat";

impl SmallDisk {
    /// A disk of that many bytes; `None` where this user may not mount, as root or in a user namespace.
    pub fn new(bytes: u64) -> Option<SmallDisk> {
        [&["--mount"][..], &["--map-root-user", "--mount"]]
            .iter()
            .find_map(|how| SmallDisk::mount(how, bytes))
    }

    fn mount(how: &[&str], bytes: u64) -> Option<SmallDisk> {
        let point = Dir::new();
        let mut command = Command::new("unshare");
        command.args(how).args(["--propagation", "private", "sh", "-c", HOLD]);
        command.arg(point.path()).arg(bytes.to_string());
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut holder = spawned.ok()?;
        let mut line = String::new();
        let read = holder.stdout.as_mut().map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let below = point.path().strip_prefix("/").expect("a temporary directory has an absolute path");
        let path = Path::new("/proc").join(holder.id().to_string()).join("root").join(below);
        let disk = SmallDisk { holder, path, _point: point };
        (read.is_some_and(|read| read.is_ok()) && line == "mounted\n").then_some(disk)
    }

    /// A path on it.
    pub fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path.join(path)
    }

    /// Fills it until about `bytes` are left.
    pub fn leave(&self, bytes: u64) {
        let path = self.join("ballast");
        let mut ballast = File::create(&path).expect("an empty file always fits");
        while ballast.write_all(&[0xaa; 4096]).is_ok() {}
        let length = ballast.metadata().expect("it is open").len();
        ballast.set_len(length.saturating_sub(bytes)).expect("a file can be cut");
    }

    /// Makes room again.
    pub fn make_room(&self) -> io::Result<()> {
        std::fs::remove_file(self.join("ballast"))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
