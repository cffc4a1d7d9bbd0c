//! `oci-fsck`.
