//! The distribution protocol, client side: an image's manifests and blobs in a registry, as a
//! [`Source`](image_format::Source) and a [`Sink`](image_format::Sink).
//!
//! The interface is synchronous and may be used from many threads at once; one runtime on one thread of this
//! process moves all bytes. A [`Blob`](image_format::Blob) from here is a bounded queue: a reader that is slow
//! slows the socket, one that is dropped closes it.
//!
//! ```no_run
//! use ociutils_registry::{Client, Environment, Settings};
//!
//! let client = Client::new(Settings::new(&Environment::from_env()));
//! let name = &"debian".parse().unwrap();
//! let manifest = client.repository(name).manifest(name)?;
//! println!("{} {}", manifest.descriptor.digest, manifest.descriptor.media_type);
//! # Ok::<(), ociutils_registry::Error>(())
//! ```
//!
//! # Limitations
//! No `certs.d` (per-host CAs and client certificates), no mirrors, no catalogue or search, no deletion; a pushed referrer is not entered into the tag that stands for the referrers API.
#![forbid(unsafe_code)]

mod ahead;
mod auth;
mod body;
mod buffered;
mod challenge;
mod client;
mod content_range;
mod credential;
mod credential_file;
mod credential_helper;
mod download;
mod error;
mod host;
mod lanes;
mod manifests;
mod oci_reference;
mod page;
mod pipe;
mod pipe_reader;
mod piped;
mod reference;
mod repository;
mod request;
mod retry;
mod runtime;
mod settings;
mod sink;
mod source;
mod streaming;
mod tls;
mod transport;
mod upload;
mod web_file;
mod writer;

pub use challenge::Challenge;
pub use client::Client;
pub use credential::{Credential, Credentials, Secret};
pub use error::Error;
pub use oci_reference::reference;
pub use reference::Reference;
pub use repository::{FetchedManifest, Repository};
pub use settings::{Environment, Settings};
pub use web_file::WebFile;
