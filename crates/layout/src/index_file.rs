//! `index.json` as bytes: its rows and its other members stay as they are, byte for byte, unless they are edited.

use memchr::memmem::Finder;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::ops::Range;

/// The places of `index.json`'s members and rows in its text.
#[derive(Clone, Debug, Default)]
pub(crate) struct IndexFile {
    text: String,
    /// All members but `manifests`, as written, before and behind it.
    members: [Vec<(String, Range<usize>)>; 2],
    rows: Vec<Range<usize>>,
}

impl IndexFile {
    /// An index without rows.
    pub(crate) fn empty() -> IndexFile {
        let text =
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
        IndexFile::parse(text.to_owned()).unwrap_or_default()
    }

    /// Finds the rows in `text`; each is valid JSON, whatever it says.
    pub(crate) fn parse(text: String) -> Result<IndexFile, String> {
        let mut parser = serde_json::Deserializer::from_str(&text);
        let found = parser.deserialize_map(TopLevel).map_err(|error| error.to_string())?;
        parser.end().map_err(|error| error.to_string())?;
        let manifests = found.manifests.ok_or("there is no member called manifests")?;
        if found.version.is_some_and(|version| version.get() != "2") {
            return Err("its schemaVersion is not 2".to_owned());
        }
        let place = |value: &RawValue| {
            let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
            start..start + value.get().len()
        };
        let members = found
            .members
            .map(|list| list.into_iter().map(|(key, value)| (key, place(value))).collect::<Vec<_>>());
        let rows = manifests.into_iter().map(place).collect();
        Ok(IndexFile { text, members, rows })
    }

    /// The JSON of a row.
    pub(crate) fn row(&self, position: usize) -> &str {
        &self.text[self.rows[position].clone()]
    }

    /// All rows' JSON, in order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|range| &self.text[range.clone()])
    }

    /// The rows whose text may hold `needle`, in order: those that do, and those with an escape, which may spell
    /// anything. The text is searched as one, which is many times faster than row by row.
    pub(crate) fn rows_with(&self, needle: &str) -> Vec<usize> {
        let mut found = self.rows_around(&Finder::new(needle));
        found.extend(self.rows_around(&Finder::new("\\")));
        found.sort_unstable();
        found.dedup();
        found
    }

    fn rows_around(&self, finder: &Finder<'_>) -> Vec<usize> {
        let (mut found, mut from) = (Vec::new(), 0);
        while let Some(at) = finder.find(&self.text.as_bytes()[from..]) {
            let position = self.rows.partition_point(|row| row.end <= from + at);
            let Some(row) = self.rows.get(position) else { break };
            if row.start <= from + at {
                found.push(position);
                from = row.end;
            } else {
                from = row.start;
            }
        }
        found
    }

    /// The file with these rows in place of its own.
    pub(crate) fn with_rows<'a>(&self, rows: impl Iterator<Item = &'a str>) -> Vec<u8> {
        let mut json = Vec::with_capacity(self.text.len() + 1024);
        json.push(b'{');
        self.write_members(&mut json, 0);
        json.extend_from_slice(b"\"manifests\":[");
        for (position, row) in rows.enumerate() {
            if position > 0 {
                json.push(b',');
            }
            json.extend_from_slice(row.as_bytes());
        }
        json.push(b']');
        if !self.members[1].is_empty() {
            json.push(b',');
            self.write_members(&mut json, 1);
            json.pop();
        }
        json.push(b'}');
        json
    }

    fn write_members(&self, json: &mut Vec<u8>, side: usize) {
        for (key, value) in &self.members[side] {
            json.extend_from_slice(serde_json::Value::from(key.as_str()).to_string().as_bytes());
            json.push(b':');
            json.extend_from_slice(self.text[value.clone()].as_bytes());
            json.push(b',');
        }
    }
}

#[derive(Default)]
struct Found<'a> {
    members: [Vec<(String, &'a RawValue)>; 2],
    manifests: Option<Vec<&'a RawValue>>,
    version: Option<&'a RawValue>,
}

struct TopLevel;

impl<'de> Visitor<'de> for TopLevel {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an image index")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        let mut found = Found::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "manifests" {
                if found.manifests.is_some() {
                    return Err(serde::de::Error::custom("the key \"manifests\" stands twice"));
                }
                // umoci once wrote null
                found.manifests = Some(map.next_value::<Option<Vec<&RawValue>>>()?.unwrap_or_default());
                continue;
            }
            let value: &RawValue = map.next_value()?;
            if key == "schemaVersion" {
                found.version = Some(value);
            }
            found.members[usize::from(found.manifests.is_some())].push((key, value));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// JSON as others write it: spaced, nested, with escapes and with numbers that no type holds.
    fn any_json() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "null",
            "true",
            "0",
            "-0",
            "1.10",
            "1e400",
            "12345678901234567890123",
            r#""""#,
            r#""a\u0062""#,
            r#""\ud800""#,
            r#""[{,}]""#,
            r#""\\\"""#,
            "\"é\"",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(3, 12, 4, |inner| {
            let space = prop::sample::select(vec!["", " ", "\n\t"]);
            prop_oneof![
                (prop::collection::vec(inner.clone(), 0..4), space.clone())
                    .prop_map(|(list, space)| format!("[{space}{}{space}]", list.join(&format!("{space},")))),
                (prop::collection::vec(("[a-z\"]?", inner), 0..4), space).prop_map(|(members, space)| {
                    let member = |(key, value)| format!("{}{space}:{value}", Value::from(key));
                    format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_read_and_written_again_says_the_same_to_the_byte(
            rows in prop::collection::vec(any_json(), 0..5),
            members in prop::collection::vec(("x-[a-z]{1,3}", any_json()), 0..4),
            at in 0_usize..5,
        ) {
            let spelled = |colon: &str, comma: &str, open: &str, close: &str| {
                let mut list: Vec<String> =
                    members.iter().map(|(key, value)| format!("\"{key}\"{colon}{value}")).collect();
                let rows = rows.join(comma);
                list.insert(at.min(list.len()), format!("\"manifests\"{colon}{open}{rows}{close}"));
                format!("{{{}}}", list.join(comma))
            };
            let index = IndexFile::parse(spelled(" : ", " , ", "[ ", " ]")).unwrap();
            prop_assert_eq!(index.rows().collect::<Vec<_>>(), rows.iter().map(String::as_str).collect::<Vec<_>>());
            let written = String::from_utf8(index.with_rows(index.rows())).unwrap();
            prop_assert_eq!(written, spelled(":", ",", "[", "]"));
        }

        #[test]
        fn no_text_makes_it_panic_and_only_json_gets_through(text in r#"[\[\]{}:,"a0 \\]*"#) {
            let whole = format!(r#"{{"manifests":{text}}}"#);
            if IndexFile::parse(whole.clone()).is_ok() {
                prop_assert!(serde_json::from_str::<&RawValue>(&whole).is_ok());
            }
        }
    }

    #[test]
    fn rows_are_found_by_what_they_hold_or_may_spell() {
        let text =
            r#"{"x":"one","manifests":["one",["one","one"],"two","\u006fne",{"tw":"o"}],"y":"one two"}"#;
        let index = IndexFile::parse(text.to_owned()).unwrap();
        assert_eq!(index.rows_with("one"), [0, 1, 3]);
        assert_eq!(index.rows_with("two"), [2, 3]);
        assert_eq!(index.rows_with("three"), [3]);
        assert_eq!(IndexFile::empty().rows_with("a"), [0_usize; 0]);
    }

    #[test]
    fn an_untouched_row_and_unknown_members_stay_byte_for_byte() {
        let text = r#"{ "schemaVersion" : 2, "x-first": 1.10, "manifests": [ {"a" : 1}, {"b":12345678901234567890123} ],
            "annotations": {"k": "v"} }"#;
        let index = IndexFile::parse(text.to_owned()).unwrap();
        let written = String::from_utf8(index.with_rows(index.rows())).unwrap();
        assert_eq!(
            written,
            r#"{"schemaVersion":2,"x-first":1.10,"manifests":[{"a" : 1},{"b":12345678901234567890123}],"annotations":{"k": "v"}}"#
        );
        let again = IndexFile::parse(written.clone()).unwrap();
        assert_eq!(String::from_utf8(again.with_rows(again.rows())).unwrap(), written);
    }

    #[test]
    fn what_is_no_index_says_why() {
        for (text, why) in [
            ("", "EOF"),
            ("[]", "expected an image index"),
            ("{}", "no member called manifests"),
            (r#"{"manifests":{}}"#, "invalid type: map"),
            (r#"{"manifests":[],"manifests":[]}"#, "stands twice"),
            (r#"{"schemaVersion":1,"manifests":[]}"#, "schemaVersion is not 2"),
            (r#"{"manifests":[{}]"#, "EOF"),
            (r#"{"manifests":[]} x"#, "trailing"),
        ] {
            let error = IndexFile::parse(text.to_owned()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert_eq!(IndexFile::parse(r#"{"manifests":null}"#.to_owned()).unwrap().rows().count(), 0);
        assert_eq!(IndexFile::empty().rows().count(), 0);
    }
}
