//! Images from Dockerfiles: crate `dockerfile` says what one says, here it is carried out.
//!
//! No root filesystem is unpacked. Instructions that edit the config edit the config; [`copy`] goes from where the files
//! lie straight into a layer. What the stage has so far is a [`Tree`]: its layers, read as one tree only when an
//! instruction looks at it.
#![forbid(unsafe_code)]

pub mod context;
pub mod copy;
mod error;
mod recovery;
mod tree;

pub use context::{Checkout, Context, find_ignore};
pub use error::Error;
pub use recovery::recovered_dockerfile;
pub use tree::Tree;
