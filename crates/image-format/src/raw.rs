//! A parsed value beside the exact bytes it came from: digests are of bytes, never of a value written anew.

use crate::{Descriptor, Digest, MediaType};
use serde::{Serialize, de::DeserializeOwned};
use std::ops::Deref;

/// Why bytes are not what they should be.
#[derive(Debug, thiserror::Error)]
#[error("not a valid {what}: {error}")]
pub struct RawError {
    what: &'static str,
    error: serde_json::Error,
}

impl RawError {
    pub(crate) fn ambiguous() -> RawError {
        let error = serde::de::Error::custom("it has both manifests and layers; expected one of them");
        RawError { what: "manifest or index", error }
    }
}

/// A value and its exact bytes. Changing the value means making a new `Raw`.
#[derive(Clone, Debug)]
pub struct Raw<T> {
    value: T,
    bytes: Vec<u8>,
}

impl<T> Raw<T> {
    /// The bytes as received.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The parsed value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Gives the bytes away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A SHA-256 descriptor of the bytes.
    pub fn descriptor(&self, media_type: MediaType) -> Descriptor {
        Descriptor::new(media_type, Digest::sha256(&self.bytes), self.bytes.len() as u64)
    }
}

impl<T: DeserializeOwned> Raw<T> {
    /// Parses `bytes`; `what` names them in the error ("image manifest").
    ///
    /// # Errors
    /// The bytes are not JSON of this form, nest deeper than 128, or have a known key twice.
    pub fn parse(what: &'static str, bytes: Vec<u8>) -> Result<Raw<T>, RawError> {
        let value = serde_json::from_slice(&bytes).map_err(|error| RawError { what, error })?;
        Ok(Raw { value, bytes })
    }
}

impl<T: Serialize> Raw<T> {
    /// Writes `value` as compact JSON.
    pub fn write(value: T) -> Raw<T> {
        let bytes = serde_json::to_vec(&value).expect("the model's types are always JSON");
        Raw { value, bytes }
    }
}

impl<T> Deref for Raw<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
