//! `WWW-Authenticate` of a registry that means no good.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry::Challenge;

fuzz_target!(|header: &str| {
    let challenges = Challenge::parse(header);
    assert!(challenges.len() <= header.len());
});
