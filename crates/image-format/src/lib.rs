//! The OCI image model: names, digests, descriptors, manifests, indexes, configs, platforms, the graph between
//! them, and how to edit an image. It does no I/O of its own, but for advice to the system about files that others
//! write ([`WriteBack`]); where bytes live is said by the traits [`Source`] and [`Sink`].
//!
//! ```
//! use ociutils_image_format::ImageName;
//!
//! let name: ImageName = "debian".parse().unwrap();
//! assert_eq!(name.to_string(), "docker.io/library/debian:latest");
//! ```
//!
//! # Limitations
//! Manifests are read up to [`MAX_MANIFEST_BYTES`], configs up to [`MAX_CONFIG_BYTES`]; docker schema 1 is
//! refused.

pub mod annotation;
mod base;
mod blob;
mod change;
mod claim;
mod config;
mod config_difference;
mod descriptor;
mod digest;
mod document;
mod duration;
pub mod edit;
mod escape;
mod failure;
pub mod hub;
mod identity;
mod index;
mod layer;
mod manifest;
mod media_type;
mod members;
mod memory;
mod name;
mod node;
mod observer;
mod parallel;
mod platform;
mod raw;
mod selection;
mod stack;
mod step;
mod stream;
mod sys;
mod unaccounted;
mod verifier;
mod walk;
mod write_back;

pub use base::{Base, Boundary};
pub use blob::{Blob, BlobWriter, Expected, FileRange, Origin, Sink, Source};
pub use change::{Change, ChangeError};
pub use claim::{Claim, Rank};
pub use config::{ExecConfig, Healthcheck, History, ImageConfig, RootFs};
pub use config_difference::{ConfigDifference, ConfigValue};
pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, DigestError, DigestHasher};
pub use document::{MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, read_verified, store};
pub use duration::{GO_UNITS, duration};
pub use escape::{escaped, is_harmless, spelled_out};
pub use failure::{Class, Failure};
pub use identity::{ChainId, DiffId};
pub use index::{Index, PlatformsError};
pub use layer::Layer;
pub use manifest::Manifest;
pub use media_type::MediaType;
pub use members::{Members, MembersError};
pub use memory::MemoryStore;
pub use name::{ImageName, NameError, Repository, Tag};
pub use node::{Node, read_node};
pub use observer::{Observer, Silent};
pub use parallel::in_parallel;
pub use platform::{Platform, PlatformError};
pub use raw::{Raw, RawError};
pub use selection::{check_platforms, image_for, images_for, platforms_of};
pub use stack::Stack;
pub use step::{Step, steps};
pub use stream::{Offer, Root, Stream};
pub use unaccounted::Unaccounted;
pub use verifier::{Mismatch, Verifier};
pub use walk::{MAX_INDEX_DEPTH, Place, Visitor, Walk, parts, walk};
pub use write_back::{WriteBack, write_back_soon};
