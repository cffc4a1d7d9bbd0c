//! What `oci-diff` tells apart: the files that GNU diff does, and the packages that dpkg does.

use serde_json::Value;
use std::collections::BTreeSet;
use test_support::{Command, Scratch, need, skip};

use crate::debian::debian;
use crate::fixture::ours;

/// Changes a Debian at `$1` as its users do, and then some.
const CHANGE: &str = r#"
set -eu
chroot "$1" dpkg --purge --force-depends tzdata mount
cd "$1"
echo changed >>etc/issue
mv etc/debian_version etc/renamed
ln -sfn elsewhere etc/os-release
rm -r usr/share/doc/tar
mkdir -p opt/new/deep && echo new >opt/new/deep/file
rm etc/motd && mkdir etc/motd
chmod 700 srv
"#;

/// `diff -rq` of two trees as a mark and a name a line: what only one has as one, whatever is in it.
fn gnu_diff(scratch: &Scratch) -> BTreeSet<String> {
    let diff = Command::new("diff").args(["-rq", "--no-dereference", "old", "new"]).env("LC_ALL", "C");
    let outcome = diff.current_dir(scratch.path()).run();
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    let line = |line: &str| {
        if let Some(only) = line.strip_prefix("Only in ") {
            let (directory, name) = only.split_once(": ").expect("a directory and a name");
            let (mark, below) = match directory.strip_prefix("old") {
                Some(below) => ("-", below),
                None => ("+", directory.strip_prefix("new").expect("one of both trees")),
            };
            return format!("{mark} {below}/{name}");
        }
        let rest = ["Files ", "Symbolic links ", "File "].iter().find_map(|begin| line.strip_prefix(begin));
        let path = rest.and_then(|rest| rest.split_once(' ')).map(|(path, _)| path);
        format!("~ {}", path.and_then(|path| path.strip_prefix("old")).unwrap_or_else(|| panic!("{line}")))
    };
    // it never takes one device for another, however alike they are
    let devices = |line: &&str| line.matches("is a character special file").count() < 2;
    outcome.lines().into_iter().filter(devices).map(line).collect()
}

/// The same of `oci-diff --json`.
fn our_diff(objects: &[Value]) -> BTreeSet<String> {
    let mut folded: Option<String> = None;
    let mut lines = BTreeSet::new();
    for file in objects.iter().filter(|object| object["kind"] == "file") {
        let path = file["path"].as_str().expect("a path");
        if folded.as_ref().is_some_and(|folded| path.starts_with(folded)) {
            continue;
        }
        folded = None;
        let mark = match file["change"].as_str() {
            Some("added") => "+",
            Some("removed") => "-",
            _ => "~",
        };
        // GNU diff looks at what files hold, and at nothing else
        let what = file["what"].as_array().cloned().unwrap_or_default();
        let told =
            mark != "~" || what.iter().any(|what| ["content", "target", "type"].iter().any(|w| what == w));
        if mark != "~" || what.iter().any(|what| what == "type") {
            folded = Some(format!("{path}/"));
        }
        if told {
            lines.insert(format!("{mark} {path}"));
        }
    }
    lines
}

#[test]
fn two_debians_differ_as_gnu_diff_and_dpkg_say() {
    let peers = need!("dpkg-query");
    let tar = match debian(&peers) {
        Ok(tar) => tar,
        Err(missing) => return skip(&missing),
    };
    let scratch = peers.scratch();
    for tree in ["old", "new"] {
        std::fs::create_dir(scratch.join(tree)).expect("a directory");
        let unpack = Command::new("tar").args(["--numeric-owner", "-xpf"]).arg(&tar).arg("-C");
        unpack.arg(scratch.join(tree)).succeeds();
    }
    Command::new("/bin/sh").args(["-c", CHANGE, "sh"]).arg(scratch.join("new")).succeeds();
    for tree in ["old", "new"] {
        let packed = scratch.join(format!("{tree}.tar"));
        let pack = Command::new("tar").args(["--numeric-owner", "-C"]).arg(scratch.join(tree)).arg("-cf");
        pack.arg(&packed).arg(".").succeeds();
        let import = ours(&scratch, "oci-import", "work").args(["--compression", "gzip:2"]);
        import.args(["--name", &format!("{tree}:1")]).stdin_file(packed).succeeds();
    }
    let found = ours(&scratch, "oci-diff", "work").args(["--json", "old:1", "new:1"]).succeeds();
    let objects: Vec<Value> =
        found.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let expected = gnu_diff(&scratch);
    assert!(expected.len() > 15, "{expected:?}");
    assert_eq!(our_diff(&objects), expected);
    let srv = objects.iter().find(|object| object["path"] == "/srv").expect("it has another mode");
    assert_eq!(srv["what"], serde_json::json!(["mode"]));

    let installed = |tree: &str| -> BTreeSet<String> {
        let database = scratch.inside(&format!("{tree}/var/lib/dpkg"));
        let form = "${db:Status-Status} ${Package} ${Version}\\n";
        let outcome = peers.exec(["dpkg-query", "--admindir", &database, "-W", "-f", form]).succeeds();
        outcome
            .lines()
            .iter()
            .filter(|line| line.starts_with("installed "))
            .map(|line| (*line).to_owned())
            .collect()
    };
    let (old, new) = (installed("old"), installed("new"));
    let gone: BTreeSet<_> = old.difference(&new).cloned().collect();
    let removed = objects.iter().filter(|object| object["kind"] == "package");
    let removed: BTreeSet<String> = removed
        .map(|package| {
            assert_eq!(package["change"], "removed");
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            format!("installed {} {}", text(&package["name"]), text(&package["before"]["version"]))
        })
        .collect();
    assert_eq!((removed, gone.len()), (gone, 2));
    let other = ours(&scratch, "oci-diff", "work").args(["--json", "--only", "packages", "new:1", "old:1"]);
    assert_eq!(other.succeeds().lines().len(), 2);
}
