//! `oci-tag`.
#![forbid(unsafe_code)]
