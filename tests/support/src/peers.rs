//! The other tools of the field, in the root that `tests/peers/root up` makes.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::{Command, workspace};

/// The peers' root, which is up. Get it with [`need!`](crate::need) or [`Peers::get`].
#[derive(Clone, Copy)]
pub struct Peers {
    root: &'static Path,
}

/// Skips the test, visibly, unless all these peers are there: `let peers = need!("docker", "skopeo");`
///
/// With `OCIUTILS_PEERS=required` the test fails instead.
#[macro_export]
macro_rules! need {
    ($($peer:expr),+ $(,)?) => {
        match $crate::Peers::with(&[$($peer),+]) {
            Ok(peers) => peers,
            Err(missing) => return $crate::skip(&missing),
        }
    };
}

impl Peers {
    /// The peers' root, where it is up.
    pub fn get() -> Option<Peers> {
        static ROOT: OnceLock<Option<PathBuf>> = OnceLock::new();
        let root = ROOT.get_or_init(|| {
            let root =
                std::env::var_os("OCIUTILS_PEERS_ROOT").unwrap_or_else(|| "/var/tmp/ociutils-peers".into());
            let peers = script(Path::new(&root)).arg("is-up").run();
            (peers.code() == Some(0)).then(|| root.into())
        });
        root.as_deref().map(|root| Peers { root })
    }

    /// The peers' root, where it is up and has all these programs.
    ///
    /// # Errors
    /// The name of the first program that is missing.
    pub fn with(names: &[&str]) -> Result<Peers, String> {
        let first = names.first().copied().unwrap_or("the peers");
        let peers = Peers::get().ok_or_else(|| format!("{first} (run `just peers`)"))?;
        match names.iter().find(|name| !peers.has(name)) {
            Some(missing) => Err((*missing).to_owned()),
            None => Ok(peers),
        }
    }

    /// A command that runs in the root: paths in its arguments are those inside, see [`Scratch`].
    /// `DOCKER_HOST` names the root's own daemon.
    pub fn exec<A: AsRef<std::ffi::OsStr>>(&self, words: impl IntoIterator<Item = A>) -> Command {
        script(self.root).arg("exec").args(words)
    }

    /// A fresh directory that both sides see.
    pub fn scratch(&self) -> Scratch {
        let work = self.root.join("work");
        let temp = tempfile::Builder::new().prefix("test-").tempdir_in(work).expect("the root has a /work");
        Scratch { temp }
    }

    fn has(self, name: &str) -> bool {
        ["usr/bin", "usr/sbin", "bin", "sbin"].iter().any(|dir| self.root.join(dir).join(name).exists())
    }
}

fn script(root: &Path) -> Command {
    Command::new(workspace().join("tests/peers/root")).env("OCIUTILS_PEERS_ROOT", root)
}

/// A directory that our tools and the peers see under different paths; gone when the value is dropped.
pub struct Scratch {
    temp: TempDir,
}

impl Scratch {
    /// Its path for our side.
    pub fn path(&self) -> &Path {
        self.temp.path()
    }

    /// A path in it, for our side.
    pub fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path().join(path)
    }

    /// A path in it, for a command of [`Peers::exec`].
    pub fn inside(&self, path: &str) -> String {
        let name = self.path().file_name().expect("a temporary directory has a name").to_string_lossy();
        format!("/work/{name}/{path}")
    }
}
