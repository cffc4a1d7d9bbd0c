//! Is a layout what it claims to be? Independent of the crate `layout`: a second reading of the specification.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;

use crate::digest::{sha256_hex, sha512_hex};
use crate::layout_walk::Walk;

/// Checks everything about the layout at `path`: see [`LayoutCheck`].
///
/// # Panics
/// With the list of all that is wrong.
#[track_caller]
pub fn check_layout(path: impl AsRef<Path>) -> Report {
    LayoutCheck::new(path).run()
}

/// A check of a layout: every file under `blobs/` is finished and its content has the digest that its name says; every row
/// of `index.json` leads, through indexes and manifests, to configs and layers of the stated size and type; every layer
/// unpacks to the DiffID that the config states.
pub struct LayoutCheck {
    path: PathBuf,
    sparse: bool,
    wrong_diff_ids: bool,
}

/// What a layout holds.
#[derive(Debug, Default)]
pub struct Report {
    /// The rows of `index.json` in their order.
    pub rows: Vec<Row>,
    /// Each blob's digest and size.
    pub blobs: BTreeMap<String, u64>,
    /// Blobs that no row reaches.
    pub unreachable: BTreeSet<String>,
    /// Children that an index names and the layout lacks: always empty but with [`LayoutCheck::allow_sparse`].
    pub missing: BTreeSet<String>,
    /// What lies in `.ociutils/`, as relative paths: nothing after a tool that ended well.
    pub unfinished: Vec<String>,
    /// What else lies beside `index.json`, `oci-layout` and `blobs`.
    pub others: Vec<String>,
    pub(crate) wrong: Vec<String>,
}

/// A row of `index.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `io.containerd.image.name`, else `org.opencontainers.image.ref.name`.
    pub name: Option<String>,
    /// The digest it leads to.
    pub digest: String,
}

impl Report {
    /// The names of the rows, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.rows.iter().filter_map(|row| row.name.as_deref()).collect();
        names.sort_unstable();
        names
    }

    /// The digest that a name leads to.
    pub fn digest_of(&self, name: &str) -> Option<&str> {
        self.rows.iter().find(|row| row.name.as_deref() == Some(name)).map(|row| row.digest.as_str())
    }

    /// The sum of all blobs in bytes.
    pub fn bytes(&self) -> u64 {
        self.blobs.values().sum()
    }

    pub(crate) fn wrong(&mut self, text: fmt::Arguments<'_>) {
        self.wrong.push(text.to_string());
    }
}

impl LayoutCheck {
    /// A check of the layout at `path`.
    pub fn new(path: impl AsRef<Path>) -> LayoutCheck {
        LayoutCheck { path: path.as_ref().to_owned(), sparse: false, wrong_diff_ids: false }
    }

    /// Children of an index may be missing, as after importing a sparse one.
    pub fn allow_sparse(mut self) -> LayoutCheck {
        self.sparse = true;
        self
    }

    /// Layers need not be what the config says, as in a fixture of nonsense.
    pub fn allow_wrong_diff_ids(mut self) -> LayoutCheck {
        self.wrong_diff_ids = true;
        self
    }

    /// Checks.
    ///
    /// # Panics
    /// With the list of all that is wrong.
    #[track_caller]
    pub fn run(self) -> Report {
        let path = self.path.display().to_string();
        let report = self.report();
        assert!(report.wrong.is_empty(), "{path} is not a sound layout:\n  {}", report.wrong.join("\n  "));
        report
    }

    fn report(self) -> Report {
        let mut report = Report::default();
        self.check_version(&mut report);
        self.check_blobs(&mut report);
        self.list_others(&mut report);
        Walk::new(&self.path, self.wrong_diff_ids, &mut report).index();
        if !self.sparse {
            for digest in std::mem::take(&mut report.missing) {
                report.wrong(format_args!("{digest}: an index names it and it is not there"));
            }
        }
        report
    }

    fn check_version(&self, report: &mut Report) {
        let version = std::fs::read(self.path.join("oci-layout"))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .and_then(|value| value["imageLayoutVersion"].as_str().map(str::to_owned));
        if version.as_deref() != Some("1.0.0") {
            report.wrong(format_args!("oci-layout: version {version:?} is not 1.0.0"));
        }
    }

    /// Hashes every blob, side by side on all cores.
    fn check_blobs(&self, report: &mut Report) {
        let files = Mutex::new(self.blob_files(report));
        let done = Mutex::new(report);
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((digest, path)) = next(&files) {
                        let bytes = std::fs::read(&path);
                        let verdict = bytes.map_err(|e| e.to_string()).and_then(|b| verify(&digest, &b));
                        let mut report = done.lock().unwrap();
                        match verdict {
                            Ok(size) => drop(report.blobs.insert(digest, size)),
                            Err(why) => report.wrong(format_args!("blobs/{digest}: {why}")),
                        }
                    }
                });
            }
        });
    }

    fn blob_files(&self, report: &mut Report) -> Vec<(String, PathBuf)> {
        let mut files = Vec::new();
        for (algorithm, dir) in list(&self.path.join("blobs")) {
            let length = match algorithm.as_str() {
                "sha256" => 64,
                "sha512" => 128,
                _ => {
                    report.wrong(format_args!("blobs/{algorithm}: not an algorithm of ours"));
                    continue;
                }
            };
            for (name, path) in list(&dir) {
                let hex =
                    name.len() == length && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                // not path.is_file(): a symbolic link is not a finished blob
                if hex && path.symlink_metadata().is_ok_and(|m| m.is_file()) {
                    files.push((format!("{algorithm}:{name}"), path));
                } else {
                    report.wrong(format_args!("blobs/{algorithm}/{name}: not a finished blob"));
                }
            }
        }
        files
    }

    fn list_others(&self, report: &mut Report) {
        let expected = ["blobs", "index.json", "oci-layout", "index.json.lock", ".ociutils"];
        let others = list(&self.path).into_iter().map(|(name, _)| name);
        report.others = others.filter(|name| !expected.contains(&name.as_str())).collect();
        for (dir, path) in list(&self.path.join(".ociutils")) {
            report.unfinished.extend(list(&path).into_iter().map(|(name, _)| format!("{dir}/{name}")));
        }
    }
}

fn next(files: &Mutex<Vec<(String, PathBuf)>>) -> Option<(String, PathBuf)> {
    files.lock().unwrap().pop()
}

/// The names in a directory with their paths, sorted; nothing where there is none.
fn list(dir: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let entries = entries.map(|e| e.expect("a directory can be read"));
    let mut names: Vec<_> =
        entries.map(|e| (e.file_name().to_string_lossy().into_owned(), e.path())).collect();
    names.sort();
    names
}

fn verify(digest: &str, bytes: &[u8]) -> Result<u64, String> {
    let (algorithm, expected) = digest.split_once(':').expect("a digest has an algorithm");
    let found = if algorithm == "sha512" { sha512_hex(bytes) } else { sha256_hex(bytes) };
    if found == expected {
        Ok(bytes.len() as u64)
    } else {
        Err(format!("its content is {algorithm}:{found}"))
    }
}

#[cfg(test)]
mod tests;
