//! Ignore files and wildcards mean the same files of a context to docker's BuildKit and to us.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dockerfile::{Ignore, ParentMatches, Wildcard};
use test_support::{Peers, Scratch, need};

const FILES: [&str; 21] = [
    "a",
    "ab",
    "a.o",
    "b.txt",
    ".hidden",
    "README.md",
    "notes/README.md",
    "notes/a.o",
    "notes/x/y.txt",
    "notes/x/a.o",
    "src/a",
    "src/b/a",
    "src/b/c/a",
    "src/b/c/d.log",
    "keep.log",
    "x.log",
    "a[b]",
    "a*",
    "日本",
    "b/ab/c",
    "b/.d/e",
];

const IGNORES: [&str; 34] = [
    "",
    "a\n",
    "*\n",
    "**\n",
    "*.o\n",
    "**/*.o\n",
    "/a\n",
    "notes\n",
    "notes/\n",
    "notes/*\n",
    "notes/**\n",
    "*/a.o\n",
    "notes\n!notes/README.md\n",
    "*\n!notes\n",
    "*\n!notes/x\n",
    "*\n!**/a\n",
    "**/a\n",
    "src/**/a\n",
    "src/b/../a\n",
    "./a\n",
    "# c\n  a  \n #x\n",
    "!a\n*\n",
    "*\n!a\na\n",
    "*.log\n!keep.log\n",
    "a\\[b\\]\n",
    "a[^x]*\n",
    "?\n",
    "??\n",
    ".*\n",
    "**/.d\n",
    "b/a?\n",
    "**/b\n!**/b/c\n",
    "日*\n",
    "src/b**\n!src/b/c/d.log\n",
];

const WILDCARDS: [&str; 14] = [
    "a*",
    "?",
    "*.o",
    "*.log",
    "a[[]b]",
    "[a]\\*",
    "notes/*.o",
    "src/*/a",
    "*/a",
    "a[a-c]",
    "a[^a]",
    "日?",
    "notes/x/?.*",
    "[.]h*",
];

#[test]
fn buildkit_ignores_the_same_files() {
    let peers = need!("docker");
    let scratch = peers.scratch();
    make_tree(&scratch);
    for (number, rules) in IGNORES.iter().enumerate() {
        fs::write(scratch.join(format!("{number}.Dockerfile")), "FROM scratch\nCOPY . /\n").expect("a file");
        fs::write(scratch.join(format!("{number}.Dockerfile.dockerignore")), rules).expect("a file");
    }
    build_all(&peers, &scratch);
    for (number, rules) in IGNORES.iter().enumerate() {
        let ignore = Ignore::parse(rules.as_bytes()).expect("patterns");
        let ours: BTreeSet<String> =
            FILES.iter().filter(|path| !is_ignored(&ignore, path)).map(|path| (*path).to_owned()).collect();
        assert_eq!(ours, files_in(&scratch.join(format!("{number}.out"))), "{rules:?}");
    }
}

#[test]
fn buildkit_takes_the_same_files_for_a_wildcard() {
    let peers = need!("docker");
    let scratch = peers.scratch();
    make_tree(&scratch);
    for (number, pattern) in WILDCARDS.iter().enumerate() {
        let text = format!("FROM scratch\nCOPY [\"{}\", \"/\"]\n", pattern.replace('\\', "\\\\\\\\"));
        fs::write(scratch.join(format!("{number}.Dockerfile")), text).expect("a file");
    }
    build_all(&peers, &scratch);
    for (number, pattern) in WILDCARDS.iter().enumerate() {
        let wildcard = Wildcard::parse(pattern.as_bytes()).expect("a pattern");
        let ours: BTreeSet<String> = FILES.iter().filter_map(|path| copied(&wildcard, path)).collect();
        let theirs = files_in(&scratch.join(format!("{number}.out")));
        assert!(!ours.is_empty(), "{pattern} means nothing");
        assert_eq!(ours, theirs, "{pattern}");
    }
}

/// Where the file at `path` is copied to: by its name, or, where the wildcard means a directory above it, by its path in
/// that.
fn copied(wildcard: &Wildcard, path: &str) -> Option<String> {
    let name = path.rsplit('/').next().filter(|_| wildcard.matches(path.as_bytes()));
    let above = path.match_indices('/').find(|(at, _)| wildcard.matches(&path.as_bytes()[..*at]));
    name.or(above.map(|(at, _)| &path[at + 1..])).map(str::to_owned)
}

fn make_tree(scratch: &Scratch) {
    for path in FILES {
        let file = scratch.join("context").join(path);
        fs::create_dir_all(file.parent().expect("it is in the context")).expect("a directory");
        fs::write(file, path).expect("a file");
    }
}

/// Builds each `N.Dockerfile` into the directory `N.out`.
fn build_all(peers: &Peers, scratch: &Scratch) {
    let script = format!(
        "cd {} && ls | sed -n 's/[.]Dockerfile$//p' | xargs -P 3 -I N \
         docker build --quiet -f N.Dockerfile --output type=local,dest=N.out context",
        scratch.inside("")
    );
    peers.exec(["sh", "-c", &script]).succeeds();
}

/// Walks down to `path`, as a walk of the context does.
fn is_ignored(ignore: &Ignore, path: &str) -> bool {
    let mut known = ParentMatches::default();
    let mut is_ignored = false;
    for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]) {
        (is_ignored, known) = ignore.ignores_below(&path.as_bytes()[..end], &known);
    }
    is_ignored
}

fn files_in(root: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).expect("docker wrote it") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let relative = path.strip_prefix(root).expect("it is below");
                files.insert(relative.to_string_lossy().into_owned());
            }
        }
    }
    files
}
