//! One image from one place to another.
//!
//! [`plan`] finds what has to move between any [`Source`](image_format::Source) and any
//! [`Sink`](image_format::Sink); [`Plan::run`] moves it, and [`export`] does so into an archive. [`copy`] is that from an [`ImageSource`] to an
//! [`ImageDestination`], layouts and registries, and names the image there; [`pull`] is a copy that need not ask the registry.
//!
//! # Limitations
//! Referrers (signatures, SBOMs) do not travel yet.
#![forbid(unsafe_code)]

mod archives;
mod convert;
mod copy;
mod elsewhere;
mod graph;
mod image_destination;
mod image_source;
mod plan;
mod platforms;
mod pull;
mod registries;
mod send;
mod tally;
mod target_layout;

pub use archives::{Arrival, Naming, Rename, export, hold, receive};
pub use copy::{ImageCopy, copy};
pub use elsewhere::Elsewhere;
pub use graph::Graph;
pub use image_destination::ImageDestination;
pub use image_source::ImageSource;
pub use plan::{Missing, Options, Plan, Report, plan};
pub use platforms::Platforms;
pub use pull::{Policy, Pull, pull};
pub use registries::Registries;
pub use target_layout::TargetLayout;
