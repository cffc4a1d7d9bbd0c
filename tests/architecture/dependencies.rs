//! Who may depend on whom. Dev-dependencies and the packages in `tests/` are free.

use crate::holds;
use crate::workspace::{Package, packages, packages_in, read};

/// Each noun and the nouns that it may use.
const MAY_USE: [(&str, &[&str]); 12] = [
    ("image-format", &[]),
    ("dockerfile", &[]),
    ("cache", &[]),
    ("layout", &["image-format"]),
    ("registry", &["image-format"]),
    ("layer", &["image-format", "cache"]),
    ("archive", &["image-format", "layer"]),
    ("server", &["image-format", "layout"]),
    ("transfer", &["image-format", "layout", "registry", "archive"]),
    ("container", &["image-format", "layer", "cache"]),
    ("build", &["dockerfile", "image-format", "layout", "layer", "container", "cache"]),
    ("cli", &["image-format", "layout", "transfer"]),
];

/// The one tool that links the others.
const ALL_IN_ONE: &str = "bin/oci";

/// The crates that may be asynchronous inside.
const ASYNC: [&str; 2] = ["crates/registry", "crates/server"];

/// What the package uses of ours when it is built, as directories.
fn uses(package: &Package) -> impl Iterator<Item = &str> {
    package.dependencies.iter().filter(|d| !d.dev).filter_map(|d| d.ours.as_deref())
}

#[test]
fn a_crate_uses_only_the_crates_that_the_table_allows() {
    holds(packages_in("crates").flat_map(|package| {
        let allowed = MAY_USE.iter().find(|(noun, _)| *noun == package.word()).map(|(_, allowed)| *allowed);
        let unknown = allowed.is_none().then(|| format!("{} is not in the table", package.dir));
        let allowed = allowed.unwrap_or_default();
        let may = move |dir: &str| dir.strip_prefix("crates/").is_some_and(|noun| allowed.contains(&noun));
        let broken = uses(package).filter(move |dir| !may(dir));
        broken.map(|dir| format!("{} may not use {dir}", package.dir)).chain(unknown)
    }));
}

#[test]
fn a_tool_uses_crates_and_never_another_tool() {
    holds(packages_in("bin").flat_map(|package| {
        let may =
            |dir: &str| dir.starts_with("crates/") || package.dir == ALL_IN_ONE && dir.starts_with("bin/");
        uses(package).filter(move |dir| !may(dir)).map(|dir| format!("{} may not use {dir}", package.dir))
    }));
}

#[test]
fn only_registry_and_server_name_tokio() {
    let outside = packages().iter().filter(|p| p.place() != "tests" && !ASYNC.contains(&p.dir.as_str()));
    let named = |p: &&Package| p.dependencies.iter().any(|d| d.name == "tokio" && !d.dev);
    holds(outside.filter(named).map(|p| format!("{} depends on tokio", p.dir)));
}

#[test]
fn every_dependency_comes_from_the_crate_registry() {
    let lock = read("Cargo.lock").expect("Cargo.lock is committed");
    let sources = lock.lines().filter(|line| line.starts_with("source = "));
    let foreign = sources.filter(|line| !line.contains("\"registry+"));
    holds(foreign.map(|line| format!("Cargo.lock: {line}")));
}
