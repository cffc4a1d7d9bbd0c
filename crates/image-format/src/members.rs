//! A JSON object whose members are kept byte for byte: order, spelling of numbers and unknown fields survive an
//! edit of one of them.

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

/// Why bytes are not a JSON object, or a value cannot become a member.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON object: {0}")]
pub struct MembersError(#[from] serde_json::Error);

/// The members of a JSON object, in their order, each value verbatim.
#[derive(Clone, Debug, Default)]
pub struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// The members of the object in `json`.
    ///
    /// # Errors
    /// Not JSON, not an object, or a key that stands twice.
    pub fn parse(json: &[u8]) -> Result<Members, MembersError> {
        Ok(serde_json::from_slice(json)?)
    }

    /// The value of `key`, verbatim.
    pub fn get(&self, key: &str) -> Option<&RawValue> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| &**value)
    }

    /// Sets `key` where it stands, or appends it.
    ///
    /// # Errors
    /// The value cannot be written as JSON.
    pub fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), MembersError> {
        let value = serde_json::value::to_raw_value(value)?;
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
        Ok(())
    }

    /// Takes `key` out, if it is there.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// The keys and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), &**value))
    }

    /// The object as compact JSON; the values are as they were.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("raw values are valid JSON")
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
        let mut keys = HashSet::new();
        while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
            if !keys.insert(key.clone()) {
                return Err(serde::de::Error::custom(format_args!("the key {key:?} stands twice")));
            }
            members.push((key, value));
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_refused_among_very_many() {
        let object = |keys: &mut dyn Iterator<Item = u32>| {
            let members: Vec<String> = keys.map(|key| format!("\"{key}\":0")).collect();
            Members::parse(format!("{{{}}}", members.join(",")).as_bytes())
        };
        object(&mut (0..300_000)).unwrap();
        assert!(object(&mut (0..300_000).chain([7])).is_err());
    }

    #[test]
    fn an_edit_leaves_order_numbers_and_unknown_members_alone() {
        let mut members =
            Members::parse(br#"{"z": 12345678901234567890123, "a":1.10, "x": {"k" : null}}"#).unwrap();
        members.set("a", &2).unwrap();
        members.set("new", "n").unwrap();
        members.remove("missing");
        let text = String::from_utf8(members.to_json()).unwrap();
        assert_eq!(text, r#"{"z":12345678901234567890123,"a":2,"x":{"k" : null},"new":"n"}"#);
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error() {
        let error = Members::parse(br#"{"a":1,"a":2}"#).unwrap_err();
        assert!(error.to_string().contains("\"a\" stands twice"), "{error}");
    }
}
