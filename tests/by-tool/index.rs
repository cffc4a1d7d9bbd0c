//! `oci-index`.
#![forbid(unsafe_code)]
