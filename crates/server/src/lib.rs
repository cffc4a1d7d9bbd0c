//! The OCI distribution protocol over an image layout.
//!
//! ```
//! # fn main() -> Result<(), image_format::Failure> {
//! use ociutils_server::{Server, Settings};
//! # let directory = std::env::temp_dir().join(format!("server-doc-{}", std::process::id()));
//! let layout = layout::Layout::create(&directory, layout::Options::default())?;
//! let server = Server::bind(layout, Settings::new(([127, 0, 0, 1], 0).into()))?;
//! println!("{}", server.address());
//! server.run(&|| true)?;
//! # std::fs::remove_dir_all(&directory).unwrap();
//! # Ok(()) }
//! ```
//!
//! # Limitations
//! HTTP/1.1 without TLS or authentication. The catalog and referrers are not served yet.
#![forbid(unsafe_code)]

mod answer;
mod arriving;
mod blobs;
mod body;
mod catalog;
mod documents;
mod error;
mod handler;
mod leases;
mod manifests;
mod name;
mod patience;
mod query;
mod range;
mod route;
mod serve;
mod served;
mod service;
mod sessions;
mod tags;
mod uploads;

pub use serve::{Log, Server, Settings};
