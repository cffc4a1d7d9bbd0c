//! `oci-pull`: options, platforms, standard input, credentials, and every way a registry can fail.
#![forbid(unsafe_code)]

#[path = "pull/credentials.rs"]
mod credentials;
#[path = "pull/faults.rs"]
mod faults;
#[path = "pull/fixture.rs"]
mod fixture;
#[path = "pull/lines.rs"]
mod lines;
#[path = "pull/options.rs"]
mod options;
#[path = "pull/platforms.rs"]
mod platforms;
#[path = "pull/terminal.rs"]
mod terminal;
