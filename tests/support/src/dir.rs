//! A temporary directory that a test lives in.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Command, tool};

/// A fresh directory, gone when the value is dropped. Commands that it makes work in it and have their home in it.
///
/// `KEEP_TEST_DIRS=1` keeps it and prints where it is.
pub struct Dir {
    temp: TempDir,
}

impl Default for Dir {
    fn default() -> Dir {
        Dir::new()
    }
}

impl Dir {
    /// A new directory under `TMPDIR`.
    pub fn new() -> Dir {
        let mut temp = tempfile::Builder::new().prefix("ociutils-").tempdir().expect("a temporary directory");
        if std::env::var_os("KEEP_TEST_DIRS").is_some() {
            temp.disable_cleanup(true);
            crate::skip::say(format_args!("kept: {}", temp.path().display()));
        }
        Dir { temp }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        self.temp.path()
    }

    /// A path in it, which need not exist.
    pub fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path().join(path)
    }

    /// Writes a file, with the directories above it, and returns its path.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a directory")).unwrap();
        std::fs::write(&path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }

    /// Makes a directory, with those above it, and returns its path.
    pub fn make_dir(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = self.join(path);
        std::fs::create_dir_all(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }

    /// The bytes of a file in it.
    pub fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let path = self.join(path);
        std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// A file in it, as text.
    pub fn read_text(&self, path: impl AsRef<Path>) -> String {
        String::from_utf8(self.read(path)).expect("the file holds text")
    }

    /// The names in a directory of it, sorted; none when it is not there.
    pub fn list(&self, path: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.join(path)) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// A command that works in this directory, with `home` in it as its home.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        Command::in_dir(program, self.path())
    }

    /// A line for `sh -c`, with all our tools on its PATH. In a pipeline the status is the last command's, as in `sh`.
    pub fn sh(&self, script: &str) -> Command {
        let tools = tool::directory_of_tools();
        let path = std::env::var("PATH").unwrap_or_default();
        self.command("/bin/sh").args(["-c", script]).env("PATH", format!("{}:{path}", tools.display()))
    }
}
