//! `oci-pull`.
