//! Our tools on what was made to break such tools: the corpus and the registry in `../shared/attack`, beside the
//! workspace. Without it, or without Python, every test here says `skipped: needs …`; in CI that is a failure.
#![forbid(unsafe_code)]

mod attack;
mod corpus;
mod registry;
