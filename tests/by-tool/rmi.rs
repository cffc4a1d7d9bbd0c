//! `oci-rmi`.
