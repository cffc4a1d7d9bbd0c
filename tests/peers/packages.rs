//! The packages that `oci-diff` finds in databases that rpm itself wrote, in each form that it writes.

use serde_json::Value;
use std::collections::BTreeSet;
use test_support::{Command, need};

use crate::fixture::ours;

/// Builds packages, and installs them in databases below `$1`: some first, others later.
const INSTALL: &str = r#"
set -eu
cd "$1"
package() {
  printf 'Name: %s\nVersion: %s\nRelease: %s\nSummary: s\nLicense: none\nBuildArch: noarch\n%s\n%%description\n%s\n%%files\n' \
    "$1" "$2" "$3" "${4:-}" "$(seq 2000)" >"$1.spec"
  rpmbuild --quiet --define "_topdir $PWD/build-$5" -bb "$1.spec" 2>/dev/null
}
package alpha 1.0 1 "" old && package beta 2.1 3.fc40 "Epoch: 7" old && package gone 1 1 "" old
package alpha 1.1 1 "" new && package fresh 0.1 2 "" new
for form in sqlite ndb; do
  for state in old new; do
    root=$PWD/$form-$state path=var/lib/rpm
    mkdir -p "$root/$path"
    db() { rpm --define "_db_backend $form" --dbpath "$root/$path" "$@"; }
    [ $state = old ] || cp "$PWD/$form-old/$path"/* "$root/$path"
    db -U --justdb --nodeps build-$state/RPMS/noarch/*.rpm 2>/dev/null
    [ $state = old ] || db -e --justdb --nodeps gone
    db -qa --qf '%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{NAME} %{ARCH}\n' | sort >"$form-$state.list"
    tar -C "$root" -cf "$form-$state.tar" .
  done
done
"#;

#[test]
fn rpms_databases_name_the_packages_that_rpm_does() {
    let peers = need!("rpm", "rpmbuild");
    let scratch = peers.scratch();
    peers.exec(["sh", "-c", INSTALL, "sh", &scratch.inside("")]).succeeds();
    for form in ["sqlite", "ndb"] {
        for state in ["old", "new"] {
            let import = ours(&scratch, "oci-import", "work").args(["--name", &format!("{form}:{state}")]);
            import.arg(scratch.join(format!("{form}-{state}.tar"))).succeeds();
        }
        let listed = |state: &str| -> BTreeSet<String> {
            let list = scratch.join(format!("{form}-{state}.list"));
            std::fs::read_to_string(list).expect("rpm said it").lines().map(str::to_owned).collect()
        };
        let diff = ours(&scratch, "oci-diff", "work").args(["--json", "--only", "packages"]);
        let found = diff.args([format!("{form}:old"), format!("{form}:new")]).succeeds().stderr_is("");
        let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
        for line in found.lines() {
            let package: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(package["manager"], "rpm");
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            for (side, set) in [("before", &mut before), ("after", &mut after)] {
                if let Some(state) = package.get(side) {
                    let (version, name) = (text(&state["version"]), text(&package["name"]));
                    set.insert(format!("{version} {name} {}", text(&state["architecture"])));
                }
            }
        }
        let (old, new) = (listed("old"), listed("new"));
        assert_eq!((old.len(), new.len()), (3, 3), "{form}");
        assert_eq!(before, old.difference(&new).cloned().collect(), "{form}");
        assert_eq!(after, new.difference(&old).cloned().collect(), "{form}");
    }
    let berkeley = [&[0; 12][..], &[0x61, 0x15, 0x06, 0], &[0; 4080]].concat();
    std::fs::create_dir_all(scratch.join("b/var/lib/rpm")).expect("a directory");
    std::fs::write(scratch.join("b/var/lib/rpm/Packages"), berkeley).expect("a file");
    Command::new("tar").args(["-C", "b", "-cf", "b.tar", "."]).current_dir(scratch.path()).succeeds();
    let import = ours(&scratch, "oci-import", "work").args(["--name", "berkeley:1"]);
    import.arg(scratch.join("b.tar")).succeeds();
    let diff = ours(&scratch, "oci-diff", "work").args(["--only", "packages", "berkeley:1", "ndb:old"]);
    diff.succeeds().stderr_has(
        "/var/lib/rpm/Packages: its packages are left out: rpm's in the form of Berkeley DB, which is not read",
    );
}
