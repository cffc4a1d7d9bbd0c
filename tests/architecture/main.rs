//! The rules of this workspace, as tests: each test is one rule, named as a sentence.
#![forbid(unsafe_code)]

use test_support::workspace;

#[test]
fn the_workspace_root_holds_the_manifest() {
    assert!(workspace().join("Cargo.toml").is_file());
}
