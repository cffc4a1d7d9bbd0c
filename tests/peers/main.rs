//! Our tools against the other tools of the field: one file per peer or theme, each a module here.
//!
//! They live in a root of their own, which `tests/peers/root up` makes (`just peers`). Without it every test here says
//! `skipped: needs …`; in CI `OCIUTILS_PEERS=required` makes that a failure.
#![forbid(unsafe_code)]

mod archives;
mod builds;
mod commit;
mod compression;
mod context_files;
mod debian;
mod diff;
mod dockerfile_cases;
mod dockerfile_heredocs;
mod dockerfile_meaning;
mod dockerfiles;
mod fixture;
mod layouts;
mod packages;
mod presence;
mod recovery;
mod registries;
mod round_trip;
mod serve;
mod unpack;
mod writers;
