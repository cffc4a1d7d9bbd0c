//! `oci-serve`: every endpoint, status and error code over real connections, restarts, names.
#![forbid(unsafe_code)]

#[path = "serve/blobs.rs"]
mod blobs;
#[path = "serve/http.rs"]
mod http;
#[path = "serve/life.rs"]
mod life;
#[path = "serve/manifests.rs"]
mod manifests;
#[path = "serve/names.rs"]
mod names;
#[path = "serve/registry.rs"]
mod registry;
#[path = "serve/tags.rs"]
mod tags;
#[path = "serve/uploads.rs"]
mod uploads;
