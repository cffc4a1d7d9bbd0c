//! The four forms of a pinned reference, each accepted back.

use crate::fixture;
use test_support::{Dir, tool};

/// What `oci-images -q` prints.
fn lines(dir: &Dir, args: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    let mut command = dir.command(tool("oci-images")).arg("-q").args(args);
    for (name, value) in variables {
        command = command.env(name, value);
    }
    command.succeeds().stderr_is("").lines().iter().map(ToString::to_string).collect()
}

#[test]
fn the_form_says_how_the_layout_was_named() {
    let dir = Dir::new();
    let digest = fixture::image("1")
        .write_layout(dir.join("home/.local/share/oci"), Some("docker.io/library/app:1"))
        .digest;
    let nameless = fixture::image("2").write_layout(dir.join("home/.local/share/oci"), None).digest;
    std::os::unix::fs::symlink("home/.local/share/oci", dir.join("work")).expect("a link");
    let absolute = dir.join("work").display().to_string();
    for (args, variables, prefix) in [
        (&[][..], &[][..], ""),
        (&["-L", "./work"], &[], "oci:./work"),
        (&["--layout=work/"], &[], "oci:work/"),
        (&["-L", &absolute], &[], &format!("oci:{absolute}")),
        (&[], &[("OCI_LAYOUT", "work")], "oci:work"),
    ] {
        let colon = if prefix.is_empty() { "" } else { ":" };
        let named = format!("{prefix}{colon}docker.io/library/app:1@{digest}");
        let mut printed = lines(&dir, args, variables);
        printed.sort();
        let mut expected = [format!("{prefix}@{nameless}"), named];
        expected.sort();
        assert_eq!(printed, expected);
        for line in printed {
            let outcome = dir.command(tool("oci-inspect")).arg(&line).succeeds().stderr_is("");
            assert!(outcome.line().starts_with(&format!("{{\"ref\":\"{line}\"")), "{line}: {outcome}");
            dir.command(tool("oci-inspect")).stdin(&line).succeeds();
        }
    }
}
