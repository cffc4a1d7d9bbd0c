//! Digests, as the specification writes them.

use sha2::{Digest, Sha256, Sha512};

/// The SHA-256 of `bytes` in lower-case hex.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes.as_ref()))
}

/// The SHA-512 of `bytes` in lower-case hex.
pub fn sha512_hex(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha512::digest(bytes.as_ref()))
}

/// `sha256:…` of `bytes`.
pub fn digest_of(bytes: impl AsRef<[u8]>) -> String {
    format!("sha256:{}", sha256_hex(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}
