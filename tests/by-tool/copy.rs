//! `oci-copy`.
