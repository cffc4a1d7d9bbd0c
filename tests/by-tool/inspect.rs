//! `oci-inspect`.
#![forbid(unsafe_code)]
