//! The shape of a tool: a library of one page, a `main.rs` of three lines, a file of tests.

use crate::holds;
use crate::workspace::{files, packages_in, read};

/// Doc comment, arguments and one `run` fit on this, in one file or several; what does not belongs into a crate.
const LIBRARY_LINES: usize = 150;
/// Tools that have nouns of their own yet, and how many lines. They only ever become less.
const LARGER: [(&str, usize); 5] =
    [("build", 1045), ("commit", 300), ("diff", 610), ("export", 230), ("import", 257)];
const MAIN_LINES: usize = 3;

#[test]
fn a_tools_library_fits_on_a_page() {
    holds(packages_in("bin").filter_map(|package| {
        if package.target("lib").is_none() {
            return Some(format!("{}: no library", package.dir));
        }
        let library = files(&format!("{}/src", package.dir));
        let library = library.into_iter().filter(|path| !path.ends_with("/main.rs"));
        let lines: usize = library.map(|path| read(&path).unwrap_or_default().lines().count()).sum();
        let larger = LARGER.iter().find(|(tool, _)| *tool == package.word());
        let allowed = larger.map_or(LIBRARY_LINES, |(_, lines)| *lines);
        (lines > allowed).then(|| format!("{}: {lines} lines; {allowed} are allowed", package.dir))
    }));
}

#[test]
fn a_tools_program_has_three_lines() {
    let code = |line: &&str| !(line.is_empty() || line.starts_with("//") || line.starts_with("#!["));
    holds(packages_in("bin").filter_map(|package| {
        let Some(bin) = package.target("bin") else { return Some(format!("{}: no program", package.dir)) };
        let lines = read(&bin.source).unwrap_or_default().lines().map(str::trim).filter(code).count();
        (lines > MAIN_LINES).then(|| format!("{}: {lines} lines of code", bin.source))
    }));
}

/// So that whoever has read one tool finds his way in all of them.
#[test]
fn tools_are_written_alike() {
    holds(packages_in("bin").flat_map(|package| {
        let text =
            |kind: &str| package.target(kind).and_then(|target| read(&target.source)).unwrap_or_default();
        let (lib, main) = (text("lib"), text("bin"));
        let call = format!("    {}::main(std::env::args_os())", package.name.replace('-', "_"));
        let body = ["#![forbid(unsafe_code)]", "", "fn main() -> std::process::ExitCode {", &call, "}"];
        let before = |one: &str, other: &str| lib.find(one) < lib.find(other) && lib.contains(one);
        [
            (lib.starts_with(&format!("//! `{}`: ", package.name)), "lib.rs does not begin with its name"),
            (
                before("\nconst EXAMPLES: &str = \"\\\nExamples:\n", "\nstruct Args"),
                "EXAMPLES do not stand above Args",
            ),
            (
                package.word() == "oci" || lib.contains("\ncli::tool!(Args, run);\n"),
                "lib.rs lacks cli::tool!(Args, run);",
            ),
            (main.lines().skip(1).eq(body), "main.rs is not as the others'"),
            (
                main.lines().next().is_some_and(|line| line.ends_with(": see the library.")),
                "main.rs does not say what it is",
            ),
        ]
        .into_iter()
        .filter(|(right, _)| !right)
        .map(move |(_, wrong)| format!("{}: {wrong}", package.dir))
    }));
}

#[test]
fn oci_links_every_other_tool() {
    let linked: Vec<&str> = packages_in("bin")
        .filter(|package| package.word() == "oci")
        .flat_map(|package| package.dependencies.iter().map(|dependency| dependency.name.as_str()))
        .collect();
    let others = packages_in("bin").filter(|package| package.word() != "oci");
    holds(others.filter(|p| !linked.contains(&p.name.as_str())).map(|p| format!("bin/oci lacks {}", p.name)));
}

#[test]
fn a_tools_program_has_the_name_of_its_package() {
    holds(packages_in("bin").flat_map(|package| {
        let others = package.targets.iter().filter(|t| t.kind == "bin" && t.name != package.name);
        others.map(|t| format!("{}: makes {}", package.dir, t.name))
    }));
}

/// Each unit-test program of a tool would cost a link and test nothing.
#[test]
fn a_tool_is_linked_once_and_tested_from_outside() {
    holds(packages_in("bin").flat_map(|package| {
        let linked = package.targets.iter().filter(|t| match t.kind.as_str() {
            "lib" => t.tested || t.doctested,
            "bin" => t.tested,
            _ => false,
        });
        linked.map(|t| format!("{}: {} lacks `test = false` (and `doctest = false`)", package.dir, t.kind))
    }));
}

#[test]
fn every_tool_has_its_file_of_tests() {
    holds(packages_in("bin").filter_map(|package| {
        let file = format!("tests/by-tool/{}.rs", package.word());
        let attached = package.targets.iter().any(|t| t.kind == "test" && below(&t.source) == file);
        let there = read(&file).is_some();
        (!attached || !there).then(|| format!("{}: no [[test]] with path ../../{file}", package.dir))
    }));
}

#[test]
fn every_file_of_tests_has_its_tool() {
    let has_tool = |path: &str| {
        let verb = path.trim_start_matches("tests/by-tool/").trim_end_matches(".rs");
        packages_in("bin").any(|p| p.word() == verb)
    };
    // a directory beside a file holds that file's modules
    let tests = files("tests/by-tool").into_iter().filter(|path| path.matches('/').count() == 2);
    holds(tests.filter(|path| path.ends_with(".rs") && !has_tool(path)));
}

/// `bin/pull/../../tests/by-tool/pull.rs` is `tests/by-tool/pull.rs`.
fn below(path: &str) -> &str {
    path.rsplit("../").next().unwrap_or(path)
}
