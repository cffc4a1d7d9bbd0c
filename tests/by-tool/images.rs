//! `oci-images`.
#![forbid(unsafe_code)]
