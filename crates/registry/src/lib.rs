//! The distribution protocol, client side: the blobs and manifests of a repository as a [`Source`] and a [`Sink`].
//!
//! The API is synchronous and may be called from many threads; everything asynchronous runs on one thread of its own,
//! which starts with the first request. http alone never reads a root certificate.
//!
//! ```no_run
//! use ociutils_registry::{Client, Environment, Settings};
//! use image_format::read_node;
//!
//! # fn main() -> Result<(), image_format::Failure> {
//! let client = Client::new(Settings::new(&Environment::from_env()));
//! let name = "debian:bookworm".parse().expect("a name");
//! let repository = client.repository(&name);
//! let node = read_node(&repository, &repository.resolve(&name)?)?;
//! # Ok(()) }
//! ```
//!
//! [`Source`]: image_format::Source
//! [`Sink`]: image_format::Sink
//!
//! # Limitations
//! No referrers, catalogue or tag lists yet; no mirrors and no client certificates.
#![forbid(unsafe_code)]

mod auth;
mod body;
mod challenge;
mod client;
mod content_range;
mod credential;
mod credential_file;
mod credential_helper;
mod download;
mod error;
mod host;
mod mounts;
mod oci_reference;
mod pipe;
mod pushed;
mod repository;
mod request;
mod retry;
mod runtime;
mod settings;
mod sink;
mod tls;
mod transport;
mod upload;

pub use challenge::Challenge;
pub use client::Client;
pub use credential::{Credential, Credentials, Secret};
pub use error::Error;
pub use oci_reference::reference;
pub use repository::Repository;
pub use settings::{Environment, Settings};
