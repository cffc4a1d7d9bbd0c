//! `oci-gc`.
