//! What every package has.

use crate::holds;
use crate::workspace::{packages, packages_in, read};

#[test]
fn packages_are_named_by_their_place() {
    holds(packages().iter().filter_map(|package| {
        let word = package.word();
        let expected = match package.place() {
            "crates" => format!("ociutils-{word}"),
            "bin" if word == "oci" => word.to_owned(),
            "bin" => format!("oci-{word}"),
            _ => return None,
        };
        (package.name != expected)
            .then(|| format!("{} is called {}, not {expected}", package.dir, package.name))
    }));
}

#[test]
fn crates_and_tools_can_be_published_and_tests_cannot() {
    let wrong = packages().iter().filter(|p| p.publishable == (p.place() == "tests"));
    holds(wrong.map(|p| format!("{}: publishable is {}", p.dir, p.publishable)));
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    let manifest = |dir: &str| read(&format!("{dir}/Cargo.toml")).unwrap_or_default();
    let without = packages().iter().filter(|p| !manifest(&p.dir).contains("[lints]\nworkspace = true"));
    holds(without.map(|p| format!("{}: no `[lints] workspace = true`", p.dir)));
}

#[test]
fn every_crate_has_a_readme() {
    let without = packages_in("crates").filter(|p| read(&format!("{}/README.md", p.dir)).is_none());
    holds(without.map(|p| format!("{}: no README.md", p.dir)));
}

#[test]
fn every_package_opens_with_what_it_is_for() {
    let opens = |path: &str| read(path).is_some_and(|text| text.starts_with("//! "));
    let without = packages().iter().filter(|p| !opens(p.root_source()));
    holds(without.map(|p| format!("{}: does not begin with a doc comment", p.root_source())));
}
