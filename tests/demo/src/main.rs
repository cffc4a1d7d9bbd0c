//! `cargo demo`: a tour of the tools on a small image.
#![forbid(unsafe_code)]

fn main() {}
