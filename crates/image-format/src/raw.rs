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

/// How deep a document may nest: what serde_json allows where it builds values.
const MAX_DEPTH: usize = 128;

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
        let value = parse_shallow(&bytes).map_err(|error| RawError { what, error })?;
        Ok(Raw { value, bytes })
    }
}

/// A member that is not known here is passed over however deep it is, but other readers may not survive it.
fn parse_shallow<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    if depth(bytes) > MAX_DEPTH {
        return Err(serde::de::Error::custom(format_args!("nested deeper than {MAX_DEPTH}")));
    }
    serde_json::from_slice(bytes)
}

/// How many brackets are open at once at most; of what is no JSON, anything.
fn depth(json: &[u8]) -> usize {
    let (mut open, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn brackets_in_texts_open_nothing() {
        for (json, expected) in
            [("1", 0), ("[]", 1), (r#"{"a":[{}],"b":[]}"#, 3), (r#"["[[[\"[[", "\\"]"#, 1), ("]]][", 1)]
        {
            assert_eq!(depth(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn a_document_that_nests_too_deep_is_refused_wherever_it_does() {
        #[derive(Debug, serde::Deserialize)]
        struct Nothing {}
        let nested = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(Raw::<Nothing>::parse("test", nested(MAX_DEPTH).into_bytes()).is_ok());
        let error = Raw::<Nothing>::parse("test", nested(MAX_DEPTH + 1).into_bytes()).unwrap_err();
        assert!(error.to_string().contains("nested deeper than 128"), "{error}");
        assert!(Raw::<Value>::parse("test", nested(100_000).into_bytes()).is_err());
    }
}
