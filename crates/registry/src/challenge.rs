//! `WWW-Authenticate`: how a registry wants to be spoken to.

/// One way to authenticate that we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A user name and a password in each request.
    Basic,
    /// A token from the server at `realm`.
    Bearer {
        /// The URL of the token server, unchecked.
        realm: String,
        /// Who the token is for.
        service: Option<String>,
        /// What the registry thinks we need.
        scope: Option<String>,
    },
}

impl Challenge {
    /// The challenges of one header that we know; text that is none is passed over. Takes linear time.
    ///
    /// Spec: RFC 9110 §11.6.1; distribution's token specification.
    pub fn parse(header: &str) -> Vec<Challenge> {
        let mut parser = Parser { text: header, at: 0 };
        let mut challenges = Vec::new();
        while let Some((scheme, parameters)) = parser.challenge() {
            challenges.extend(Challenge::known(scheme, parameters));
        }
        challenges
    }

    fn known(scheme: &str, parameters: Vec<(&str, String)>) -> Option<Challenge> {
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        for (name, value) in parameters {
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
        }
        Some(Challenge::Bearer { realm: realm?, service, scope })
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, letters: &[u8]) {
        while self.peek().is_some_and(|byte| letters.contains(&byte)) {
            self.at += 1;
        }
    }

    /// RFC 9110 §5.6.2; empty where there is none.
    fn token(&mut self) -> &'a str {
        let start = self.at;
        let of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&byte);
        while self.peek().is_some_and(of_token) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn challenge(&mut self) -> Option<(&'a str, Vec<(&'a str, String)>)> {
        self.skip(b", \t");
        let scheme = self.token();
        if scheme.is_empty() {
            return None;
        }
        let mut parameters = Vec::new();
        loop {
            let before = self.at;
            self.skip(b", \t");
            let name = self.token();
            self.skip(b" \t");
            if name.is_empty() || self.peek() != Some(b'=') {
                self.at = if name.is_empty() { self.at } else { before };
                return Some((scheme, parameters));
            }
            self.skip(b"="); // several: the padding of a token68
            self.skip(b" \t");
            parameters.push((name, self.value()?));
        }
    }

    /// `None` where a quote does not end.
    fn value(&mut self) -> Option<String> {
        if self.peek() != Some(b'"') {
            return Some(self.token().to_owned());
        }
        let mut value = String::new();
        let mut letters = self.text[self.at + 1..].char_indices();
        while let Some((place, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at += place + 2;
                    return Some(value);
                }
                '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
                letter => value.push(letter),
            }
        }
        self.at = self.text.len();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn the_challenges_of_real_registries() {
        for (header, expected) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/debian:pull""#,
                vec![bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:library/debian:pull"),
                )],
            ),
            (r#"Basic realm="Registry Realm""#, vec![Challenge::Basic]),
            (
                r#"Negotiate, Basic realm="a, b", bearer realm = "x\"y""#,
                vec![Challenge::Basic, bearer("x\"y", None, None)],
            ),
            ("Negotiate YWJj==, BASIC", vec![Challenge::Basic]),
            ("Bearer realm=https://a/b?c", vec![bearer("https", None, None)]),
        ] {
            assert_eq!(Challenge::parse(header), expected, "{header}");
        }
    }

    #[test]
    fn what_is_no_challenge_is_passed_over() {
        for header in
            ["", ",,,", "Bearer realm=\"http://x", "Bearer ,,,=,=", "\u{1}\u{2}", "Bearer service=x", "é"]
        {
            assert_eq!(Challenge::parse(header), [], "{header}");
        }
        let quotes = format!("Bearer realm=\"{}\"", "\\\"".repeat(25_000));
        assert_eq!(Challenge::parse(&quotes), [bearer(&"\"".repeat(25_000), None, None)]);
    }
}
