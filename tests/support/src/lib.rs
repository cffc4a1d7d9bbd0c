//! What the tests of every tool share.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stderr,
    reason = "this is a test harness: what it says is for the person who runs the tests"
)]

mod tool;

pub use tool::{tool, workspace};
