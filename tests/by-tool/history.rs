//! `oci-history`.
#![forbid(unsafe_code)]
