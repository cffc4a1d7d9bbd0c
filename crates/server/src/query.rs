//! The parameters behind a URL's `?`, and percent-encoding.

/// Parameters by name; the first of a name counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Parses `a=1&b=2`. What is no valid encoding is taken as it stands: whoever reads it checks it.
    pub(crate) fn parse(text: &str) -> Query {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text: &str| decode(text).unwrap_or_else(|| text.to_owned());
            (decoded(name), decoded(value))
        });
        Query(pairs.collect())
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// Undoes percent-encoding; `None` where it is none, or not UTF-8. A `+` stays one: media types have it.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_the_first_counts() {
        let query = Query::parse("digest=sha256%3Aab&n=1&n=2&artifactType=a/b+json&flag&&x=%zz");
        assert_eq!(query.get("digest"), Some("sha256:ab"));
        assert_eq!(query.get("n"), Some("1"));
        assert_eq!(query.get("artifactType"), Some("a/b+json"));
        assert_eq!(query.get("flag"), Some(""));
        assert_eq!(query.get("x"), Some("%zz"));
        assert_eq!(query.get("y"), None);
    }

    #[test]
    fn what_is_no_encoding_is_none() {
        for (text, decoded) in [
            ("", Some("")),
            ("a%2Fb", Some("a/b")),
            ("%C3%A9", Some("é")),
            ("%", None),
            ("%2", None),
            ("%+1", None),
            ("%ff", None),
        ] {
            assert_eq!(decode(text).as_deref(), decoded, "{text}");
        }
    }
}
