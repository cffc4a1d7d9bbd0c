//! `oci-push`.
