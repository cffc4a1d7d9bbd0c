//! Images from Dockerfiles: crate `dockerfile` says what one says, here it is carried out.
//!
//! No root filesystem is unpacked. Instructions that edit the config edit the config; [`copy`] goes from where the files
//! lie straight into a layer. What the stage has so far is a [`Tree`]: its layers, read as one tree only when an
//! instruction looks at it. A [`Build`] carries out the stages that its target needs; a [`BuildCache`] knows layers by what
//! they were made of. Images come from [`Bases`], which the caller has.
//!
//! # Limitations
//! `RUN` needs containers, which come with `oci-run`. Linux images only.
#![forbid(unsafe_code)]

mod base;
mod build;
mod build_cache;
pub mod context;
pub mod copy;
mod created_by;
mod draft;
mod error;
mod files;
mod image;
mod layer_limit;
mod listener;
mod metadata;
mod options;
mod plan;
mod recovery;
mod schedule;
mod stages;
mod tree;
mod verification;
mod work;
mod workdir;

pub use base::{Base, Bases};
pub use build::Build;
pub use build_cache::BuildCache;
pub use context::{Checkout, Context, find_ignore};
pub use copy::{Fetched, Offline, Remote};
pub use error::Error;
pub use listener::{Listener, Outcome, StepName};
pub use options::{NamedContext, Options};
pub use recovery::recovered_dockerfile;
pub use tree::Tree;
pub use verification::first_difference;
