//! `oci-import`.
#![forbid(unsafe_code)]
