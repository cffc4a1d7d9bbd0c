//! `oci-config`.
#![forbid(unsafe_code)]
