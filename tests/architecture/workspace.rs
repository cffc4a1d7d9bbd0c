//! What `cargo metadata` says about the workspace, and the files in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use test_support::workspace as root;

/// A package of ours.
pub(crate) struct Package {
    pub(crate) name: String,
    /// its directory below the root: `crates/layout`, `bin/pull`, `tests/support`
    pub(crate) dir: String,
    pub(crate) publishable: bool,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

pub(crate) struct Dependency {
    pub(crate) name: String,
    /// the directory below the root, where it is a package of ours
    pub(crate) ours: Option<String>,
    pub(crate) dev: bool,
}

pub(crate) struct Target {
    pub(crate) name: String,
    /// `lib`, `bin`, `test`, …
    pub(crate) kind: String,
    /// below the root
    pub(crate) source: String,
    pub(crate) tested: bool,
    pub(crate) doctested: bool,
}

impl Package {
    /// `crates`, `bin` or `tests`.
    pub(crate) fn place(&self) -> &str {
        self.dir.split('/').next().unwrap_or_default()
    }

    /// The noun or verb: its directory's own name.
    pub(crate) fn word(&self) -> &str {
        self.dir.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn target(&self, kind: &str) -> Option<&Target> {
        self.targets.iter().find(|t| t.kind == kind)
    }

    /// The root of its library, else of its program, else of its tests.
    pub(crate) fn root_source(&self) -> &str {
        ["lib", "bin", "test"].iter().find_map(|kind| self.target(kind)).map_or("", |t| &t.source)
    }
}

/// All packages of the workspace.
pub(crate) fn packages() -> &'static [Package] {
    static PACKAGES: OnceLock<Vec<Package>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let args = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
        let output = Command::new(cargo).args(args).current_dir(root()).output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
        array(&metadata["packages"]).iter().map(package).collect()
    })
}

/// The packages of `crates`, `bin` or `tests`.
pub(crate) fn packages_in(place: &str) -> impl Iterator<Item = &'static Package> {
    packages().iter().filter(move |p| p.place() == place)
}

/// A file below the root as text; none where it is not there.
pub(crate) fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(root().join(path)).ok()
}

/// All files below a directory of the workspace, as paths below the root; build output and hidden files aside.
pub(crate) fn files(dir: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(dir)];
    while let Some(dir) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for path in entries.map(|e| e.expect("a directory can be read").path()) {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with('.') || name == "target" {
                continue;
            }
            if path.is_dir() { open.push(path) } else { found.push(below_root(&path)) }
        }
    }
    found.sort();
    found
}

fn package(value: &Value) -> Package {
    let manifest = PathBuf::from(text(&value["manifest_path"]));
    Package {
        name: text(&value["name"]),
        dir: below_root(manifest.parent().expect("a manifest lies in a directory")),
        publishable: value["publish"].is_null(),
        dependencies: array(&value["dependencies"]).iter().map(dependency).collect(),
        targets: array(&value["targets"]).iter().map(target).collect(),
    }
}

fn dependency(value: &Value) -> Dependency {
    Dependency {
        name: text(&value["name"]),
        ours: value["path"].as_str().map(|path| below_root(Path::new(path))),
        dev: value["kind"] == "dev",
    }
}

fn target(value: &Value) -> Target {
    Target {
        name: text(&value["name"]),
        kind: text(&value["kind"][0]),
        source: below_root(Path::new(&text(&value["src_path"]))),
        tested: value["test"] == true,
        doctested: value["doctest"] == true,
    }
}

fn below_root(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
