//! Saying that a test did not run, so that everybody sees it.

use std::fmt;
use std::io::Write;

/// Whether a missing peer is a failure: `OCIUTILS_PEERS=required`, as in CI.
pub fn peers_required() -> bool {
    std::env::var_os("OCIUTILS_PEERS").is_some_and(|v| v == "required")
}

/// Says `skipped: needs WHAT` under the test's name, or fails the test where peers are required.
///
/// # Panics
/// When `OCIUTILS_PEERS=required`.
#[track_caller]
pub fn skip(what: &str) {
    assert!(!peers_required(), "needs {what}, and OCIUTILS_PEERS=required");
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    say(format_args!("{name}: skipped: needs {what}"));
}

/// Writes to the descriptor itself: the harness keeps what `eprintln!` says of a test that passes to itself.
pub(crate) fn say(text: fmt::Arguments<'_>) {
    drop(std::io::stderr().lock().write_all(format!("{text}\n").as_bytes()));
}
