//! Every tool and crate is in the documents that list them, and nothing else is.

use crate::holds;
use crate::workspace::{files, packages_in, read};

/// Whether a document names `word` as code: `oci-rmi` does not name `oci-rm`, but `oci-rm NAME` does.
fn names(text: &str, word: &str) -> bool {
    text.split('`').any(|code| code.split(' ').next() == Some(word))
}

/// The tools that `path` does not name. A document that is not there names none.
fn unnamed_tools(path: &str) -> impl Iterator<Item = String> {
    let text = read(path).unwrap_or_default();
    let unnamed = packages_in("bin").filter(move |p| !names(&text, &p.name));
    unnamed.map(move |p| format!("{path}: does not name `{}`", p.name))
}

#[test]
fn every_tool_is_in_the_readme() {
    holds(unnamed_tools("README.md"));
}

#[test]
fn the_readmes_table_lists_only_tools_that_exist() {
    let readme = read("README.md").unwrap_or_default();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `oci")).map(|rest| format!("oci{rest}"));
    let listed = rows.map(|row| row.split([' ', '`']).next().unwrap_or_default().to_owned());
    holds(listed.filter(|name| packages_in("bin").all(|p| p.name != *name)));
}

#[test]
fn every_tool_is_in_the_changelog() {
    holds(unnamed_tools("CHANGELOG.md"));
}

#[test]
fn every_tool_and_crate_is_in_the_architecture() {
    let text = read("ARCHITECTURE.md").unwrap_or_default();
    let unnamed = packages_in("crates").filter(|p| !text.contains(&format!("`{}", p.word())));
    let crates = unnamed.map(|p| format!("ARCHITECTURE.md: does not name `{}`", p.word()));
    holds(crates.chain(unnamed_tools("ARCHITECTURE.md")));
}

/// The words of a text that can be the path of a document: `docs/contract.md`, `CONTRIBUTING.md`.
fn documents_in(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"/._-".contains(letter));
    words.filter(|word| {
        let name = word.strip_suffix(".md").unwrap_or_default();
        let capitals = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
        capitals || word.ends_with(".md") && word.starts_with("docs/") && word.matches('/').count() == 1
    })
}

#[test]
fn a_document_that_is_cited_is_there() {
    let sources = ["crates", "bin", "tests", "fuzz", "docs"].into_iter().flat_map(files);
    let own = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "Cargo.toml", "justfile"];
    let all = sources.chain(own.map(str::to_owned));
    holds(all.flat_map(|path| {
        let text = read(&path).unwrap_or_default();
        let gone = documents_in(&text).filter(|cited| read(cited).is_none());
        gone.map(|cited| format!("{path}: {cited} is not there")).collect::<Vec<_>>()
    }));
}
