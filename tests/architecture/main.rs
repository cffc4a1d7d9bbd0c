//! The rules of this workspace, as tests: each test is one rule, named as a sentence.
//!
//! A rule that fails names every place that breaks it. Where a rule is wrong, change it here, in a commit that says why.
#![forbid(unsafe_code)]

mod dependencies;
mod documents;
mod packages;
mod sources;
mod tools;
mod workspace;

/// Fails with the list of what breaks a rule.
#[track_caller]
fn holds(broken: impl IntoIterator<Item = String>) {
    let broken: Vec<_> = broken.into_iter().collect();
    assert!(broken.is_empty(), "{} broken:\n  {}", broken.len(), broken.join("\n  "));
}
