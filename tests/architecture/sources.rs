//! What the source files hold, and how they are called.

use crate::holds;
use crate::workspace::{Package, files, packages, read};

/// Names that say nothing: a file is named by what it holds.
const SAY_NOTHING: [&str; 8] = ["utils", "util", "common", "misc", "helpers", "helper", "shared", "stuff"];

#[test]
fn a_package_without_sys_forbids_unsafe_code() {
    let missing = packages().iter().filter(|p| sys(p).is_none()).filter(|p| {
        let root = read(p.root_source()).unwrap_or_default();
        !root.lines().any(|line| line == "#![forbid(unsafe_code)]")
    });
    holds(missing.map(|p| format!("{}: no #![forbid(unsafe_code)]", p.root_source())));
}

#[test]
fn unsafe_code_is_expected_in_sys_alone_and_once() {
    holds(packages().iter().flat_map(|package| {
        let sys = sys(package);
        let wrong = sources(package).into_iter().filter(move |path| {
            let allowed = usize::from(Some(path) == sys.as_ref());
            let text = read(path).unwrap_or_default();
            let named = text.matches(concat!("(unsafe", "_code")).count()
                - text.matches("forbid(unsafe_code").count();
            named > allowed
        });
        wrong.map(|path| format!("{path}: unsafe code is let in"))
    }));
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    let all = ["crates", "bin", "tests", "fuzz"].into_iter().flat_map(files);
    let says_nothing = |path: &String| {
        let parts = path.split('/').map(|part| part.trim_end_matches(".rs"));
        parts.into_iter().any(|part| SAY_NOTHING.contains(&part))
    };
    holds(all.filter(says_nothing));
}

/// The root of the package's module `sys`, where it has one.
fn sys(package: &Package) -> Option<String> {
    let paths = ["src/sys.rs", "src/sys/mod.rs"].map(|path| format!("{}/{path}", package.dir));
    paths.into_iter().find(|path| read(path).is_some())
}

fn sources(package: &Package) -> Vec<String> {
    files(&package.dir).into_iter().filter(|path| path.ends_with(".rs")).collect()
}
