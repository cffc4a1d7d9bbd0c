//! `oci-serve`, the program: every endpoint over real connections.
#![forbid(unsafe_code)]
