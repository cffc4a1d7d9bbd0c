//! Contexts that are made for a build and go with it: what a tar on a pipe holds, or a commit of a git repository.

use super::Context;
use crate::copy::{Selection, real_path, select};
use dockerfile::{GitSource, Ignore};
use image_format::{Class, Failure, Observer};
use layer::TreePath;
use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Ways to a repository that lead to nobody's programs or files here.
const PROTOCOLS: &str = "http:https:ssh:git";
/// Letters of what git says that are shown.
const SAID: usize = 2000;

/// A context in a directory of its own, which goes when this is dropped.
#[derive(Debug)]
pub struct Checkout {
    context: Context,
    /// Behind the context: dropped after it.
    _directory: TempDir,
    /// The commit, of a repository.
    commit: Option<String>,
}

impl Checkout {
    /// The files of a tar, compressed or not, that comes from `tar`: read to its end, in bounded memory.
    ///
    /// # Errors
    /// It is no tar, or broken; the temporary directory cannot be written; those of `observer`.
    pub fn of_tar(tar: impl Read + Send + 'static, observer: &dyn Observer) -> Result<Checkout, Failure> {
        let directory = temporary()?;
        layer::unpack(tar, directory.path(), observer).map_err(|error| error.at("the build context"))?;
        let context = Context::open(directory.path(), Ignore::default(), None)?;
        Ok(Checkout { context, _directory: directory, commit: None })
    }

    /// The files of a commit, fetched by the program `git`, without `.git` unless it is kept.
    ///
    /// # Errors
    /// There is no git; the repository or the commit is not there, or not the one that `source` says.
    pub fn of_git(source: &GitSource, observer: &dyn Observer) -> Result<Checkout, Failure> {
        Checkout::by(PROTOCOLS, source, observer)
    }

    fn by(protocols: &str, source: &GitSource, observer: &dyn Observer) -> Result<Checkout, Failure> {
        observer.advance(0)?;
        let directory = temporary()?;
        let git = Git { protocols, directory: directory.path() };
        let commit = git.check_out(source).map_err(|error| error.at(&source.remote))?;
        let root = Context::open(directory.path(), Ignore::default(), None)?;
        if source.keep_git_dir != Some(true) {
            remove_repositories(&root, directory.path(), observer)?;
        }
        let below = directory_below(&root, &source.directory).map_err(|error| error.at(&source.remote))?;
        let path = directory.path().join(OsStr::from_bytes(below.as_bytes()));
        let context =
            Context::open(path, Ignore::default(), None)?.called(format!("{} of {commit}", source.remote));
        Ok(Checkout { context, _directory: directory, commit: Some(commit) })
    }

    /// The same without what `ignore` says.
    #[must_use]
    pub fn without(mut self, ignore: Ignore) -> Checkout {
        self.context.ignore = ignore;
        self
    }

    /// Its files.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Where they are until this is dropped.
    pub fn directory(&self) -> &Path {
        self.context.directory()
    }

    /// Which commit it is; `None` of a tar.
    pub fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }
}

/// Takes away what git keeps beside the files, of submodules too: no commit may hold such a name.
fn remove_repositories(root: &Context, directory: &Path, observer: &dyn Observer) -> Result<(), Failure> {
    let all = Selection { exclude: &Ignore::default(), include: None };
    for item in select(root, &TreePath::ROOT, all, observer)?.iter() {
        let is_of_git = item.path.split().is_some_and(|(_, name)| name == b".git");
        let path = directory.join(OsStr::from_bytes(item.path.as_bytes()));
        let removed = match &item.node {
            _ if !is_of_git => Ok(()),
            node if node.is_directory() => fs::remove_dir_all(&path),
            _ => fs::remove_file(&path),
        };
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Failure::io(path.display(), error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The directory of a checkout that `path` leads to, which lies in it whatever links say.
fn directory_below(root: &Context, path: &str) -> Result<TreePath, Failure> {
    let found = real_path(root, &TreePath::of(path.as_bytes()), true)?;
    let directory = found.filter(|(_, node)| node.is_directory()).map(|(path, _)| path);
    directory.ok_or_else(|| Failure::new(Class::NotFound, format_args!("{path}: no directory in it")))
}

fn temporary() -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("oci-build-").tempdir();
    made.map_err(|error| Failure::io(std::env::temp_dir().display(), error))
}

/// Runs git in a directory.
struct Git<'a> {
    protocols: &'a str,
    directory: &'a Path,
}

impl Git<'_> {
    /// Fetches what `source` says, and no more of its history than it takes; gives the commit.
    fn check_out(&self, source: &GitSource) -> Result<String, Failure> {
        for word in [&source.remote, &source.reference] {
            // git would take it for an option
            if word.starts_with('-') {
                return Err(Failure::new(Class::Usage, format_args!("{word:?} begins with a dash")));
            }
        }
        self.run(&["init", "--quiet", "--template=", "."])?;
        let checksum = source.checksum.as_deref().unwrap_or_default();
        let by_commit = source.fetch_by_commit && is_commit(checksum);
        let wanted = match source.reference.as_str() {
            _ if by_commit => checksum,
            "" => "HEAD",
            reference => reference,
        };
        let commit = self.fetch(&source.remote, wanted)?;
        if !commit.starts_with(&checksum.to_ascii_lowercase()) {
            let message = format!("{wanted} is the commit {commit}; expected {checksum}");
            return Err(Failure::new(Class::Integrity, message));
        }
        self.run(&["checkout", "--quiet", "--detach", &commit])?;
        if source.submodules != Some(false) {
            self.run(&["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"])?;
        }
        Ok(commit)
    }

    fn fetch(&self, remote: &str, wanted: &str) -> Result<String, Failure> {
        let one = self.run(&["fetch", "--quiet", "--depth=1", "--no-tags", "--", remote, wanted]);
        let is_short = wanted.len() >= 7 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
        match one {
            Ok(_) => self.commit("FETCH_HEAD"),
            // a server may give branches and tags alone
            Err(_) if is_short => {
                let all = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
                self.run(&[&["fetch", "--quiet", "--update-head-ok", "--", remote][..], &all[..]].concat())?;
                self.commit(wanted)
            }
            Err(failure) => Err(failure),
        }
    }

    fn commit(&self, name: &str) -> Result<String, Failure> {
        Ok(self.run(&["rev-parse", "--verify", &format!("{name}^{{commit}}")])?.trim().to_owned())
    }

    fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut git = Command::new("sh");
        // whoever's umask it is: the same modes
        git.args(["-c", "umask 022 && exec git \"$@\"", "git"]);
        git.args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "advice.detachedHead=false",
            "-c",
            "core.fsmonitor=false",
        ]);
        git.args(arguments).current_dir(self.directory).stdin(Stdio::null());
        for (name, value) in [
            ("GIT_ALLOW_PROTOCOL", self.protocols),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_LFS_SKIP_SMUDGE", "1"),
            ("LC_ALL", "C"),
        ] {
            git.env(name, value);
        }
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_EXEC_PATH"] {
            git.env_remove(name);
        }
        let output = git.output().map_err(|error| Failure::io("sh", error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let said: String = match said.as_slice() {
            [] => "failed".to_owned(),
            lines => lines.join("; ").chars().take(SAID).collect(),
        };
        if output.status.code() == Some(127) {
            return Err(Failure::new(Class::Failed, "there is no git").with_hint("install git"));
        }
        Err(Failure::new(Class::NotFound, format_args!("git {}: {said}", arguments[0])))
    }
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
