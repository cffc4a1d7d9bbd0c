//! Images on standard input.

use crate::fixture::{pull, registry};
use test_support::{Dir, FakeRegistry, check_layout};

#[test]
fn pinned_lines_are_taken_for_granted_and_what_comes_before_an_unpinned_one_stands() {
    let (registry, built) = registry();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    let pinned = format!("{name}@{}", built.digest);
    let line = format!("oci:work:{pinned}\n");
    pull(&dir).stdin(format!("{pinned}\n")).succeeds().stdout_is(&line).stderr_is("");
    let outcome = pull(&dir).stdin(format!("{pinned}\n{name}\n{pinned}\n")).fails_with(2).stdout_is(&line);
    outcome.stderr_is(format!(
        "oci-pull: standard input, line 2: \"{name}\": not pinned; expected NAME@DIGEST, or write -\n\
         hint: to read names from standard input: oci-pull -\n"
    ));
    pull(&dir).arg("-").stdin(format!("# mine\n\n{name}\n")).succeeds().stdout_is(&line).stderr_is("");
}

#[test]
fn no_line_is_not_found_unless_that_is_allowed() {
    let dir = Dir::new();
    let says = "oci-pull: no image on standard input; did the command before the pipe fail?\n";
    pull(&dir).stdin("").fails_with(3).stdout_is("").stderr_is(says);
    pull(&dir).arg("-").stdin("\n# nothing\n").fails_with(3).stdout_is("").stderr_is(says);
    pull(&dir).arg("--if-any").stdin("").succeeds().no_output();
    pull(&dir).fails_with(2).stdout_is("").stderr_has("oci-pull: no image; expected");
}

#[test]
fn all_operands_are_tried_and_the_first_failure_is_the_status() {
    let (registry, built) = registry();
    let gone =
        FakeRegistry::with(|asked| asked.path().contains("secret").then(|| test_support::Answer::new(403)));
    let dir = Dir::new();
    let names = [gone.name("a:1"), registry.name("app:1"), gone.name("secret:1")];
    let outcome = pull(&dir).args(&names).fails_with(3);
    let outcome = outcome.stdout_is(format!("oci:work:{}@{}\n", names[1], built.digest));
    assert_eq!(outcome.stderr().matches("oci-pull: ").count(), 2, "{outcome}");
    let outcome = pull(&dir).args([&names[2], &names[0]]).fails_with(4);
    outcome.stdout_is("").stderr_has("access refused").stderr_has("not found in the registry");
    assert_eq!(check_layout(dir.join("work")).names(), [names[1].as_str()]);
}

#[test]
fn what_is_no_name_of_a_registry_is_a_usage_error() {
    let dir = Dir::new();
    for operand in ["UPPER", "a:b:c", "oci:work:app:1", "@sha256:12"] {
        let outcome = pull(&dir).arg(operand).fails_with(2).stdout_is("");
        assert!(outcome.stderr().starts_with("oci-pull: "), "{outcome}");
    }
}

#[test]
fn a_reference_with_its_scheme_is_the_same() {
    let (registry, built) = registry();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    let outcome = pull(&dir).arg(format!("docker://{name}")).succeeds().stderr_is("");
    outcome.stdout_is(format!("oci:work:{name}@{}\n", built.digest));
}
