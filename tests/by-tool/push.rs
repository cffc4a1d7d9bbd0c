//! `oci-push`: where to, what is sent and what is not, and registries that want it otherwise.
#![forbid(unsafe_code)]

#[path = "push/destinations.rs"]
mod destinations;
#[path = "push/fixture.rs"]
mod fixture;
#[path = "push/registries.rs"]
mod registries;
#[path = "push/sending.rs"]
mod sending;
