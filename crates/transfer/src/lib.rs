//! One image from one place to another.
//!
//! [`plan`] finds what has to move between any [`Source`](image_format::Source) and any
//! [`Sink`](image_format::Sink); [`Plan::run`] moves it. [`copy`] is that between registries and layouts, and names
//! the image; [`pull`] is a copy that need not ask the registry.
//!
//! # Limitations
//! Referrers (signatures, SBOMs) do not travel yet.
#![forbid(unsafe_code)]

mod convert;
mod copy;
mod graph;
mod observer;
mod places;
mod plan;
mod pull;
mod select;
mod send;
mod target;

pub use copy::{Copy, From, To, copy};
pub use graph::Graph;
pub use observer::{Observer, Silent};
pub use places::Places;
pub use plan::{Options, Plan, Report, plan};
pub use pull::{Policy, Pull, pull};
pub use select::Platforms;
pub use target::Target;
