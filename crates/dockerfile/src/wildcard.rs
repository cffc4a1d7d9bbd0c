//! Wildcards of `COPY` and `ADD` sources, by the rules of Go's `filepath.Match`: `*`, `?`, `[a-z]`, `[^a]`, `\`.
//!
//! <https://docs.docker.com/reference/dockerfile/#pattern-matching>

use crate::glob::{Token, class, first, matches};

/// A source with wildcards. The patterns of `--parents` and `--exclude` are those of ignore files instead:
/// [`crate::IgnorePattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wildcard {
    tokens: Vec<Token>,
}

impl Wildcard {
    /// The pattern that `text` is; nothing where a class or an escape is not complete.
    pub fn parse(text: &[u8]) -> Option<Wildcard> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some((byte, behind)) = rest.split_first() {
            let (token, length) = match byte {
                b'*' => (Token::AnyInSegment, 1),
                b'?' => (Token::One, 1),
                b'[' => class(behind).map(|(token, length)| (token, length + 1))?,
                b'\\' => first(behind).map(|(token, length)| (token, length + 1))?,
                _ => first(rest)?,
            };
            tokens.push(token);
            rest = &rest[length..];
        }
        Some(Wildcard { tokens })
    }

    /// Whether the whole of `path` matches; a wildcard stays within its directory.
    pub fn matches(&self, path: &[u8]) -> bool {
        matches(&self.tokens, path)
    }

    /// Whether `source` has wildcards at all: without one it names one file, and a `\` in it is a letter of its name.
    pub fn is_in(source: &[u8]) -> bool {
        let mut bytes = source.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'*' | b'?' | b'[' => return true,
                b'\\' => drop(bytes.next()),
                _ => {}
            }
        }
        false
    }
}

/// The shortest path that means the same, as Go's `filepath.Clean`: no `.`, no empty parts, `..` taken back where
/// it can be; `.` for nothing.
pub fn cleaned(path: &[u8]) -> Vec<u8> {
    let is_absolute = path.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => drop(parts.pop()),
            b".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    let mut clean = parts.join(&b'/');
    if is_absolute {
        clean.insert(0, b'/');
    }
    if clean.is_empty() { b".".to_vec() } else { clean }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn does_match(pattern: &str, path: &str) -> bool {
        Wildcard::parse(pattern.as_bytes()).unwrap().matches(path.as_bytes())
    }

    #[test]
    fn a_wildcard_stays_within_its_directory() {
        let yes = [
            ("abc", "abc"),
            ("*", "abc"),
            ("a*", "a"),
            ("a*/b", "abc/b"),
            ("a*b*c*d*e*/f", "axbxcxdxe/f"),
            ("ab[c]", "abc"),
            ("ab[^e-g]", "abc"),
            ("a\\*b", "a*b"),
            ("a???b", "a☺☺☺b"),
            ("[a-ζ]*", "α"),
            ("[\\]a]", "]"),
            ("a[^a][^a][^a]b", "a☺☺☺b"),
        ];
        for (pattern, path) in yes {
            assert!(does_match(pattern, path), "{pattern} {path}");
        }
        let no = [
            ("a*", "ab/c"),
            ("a*/b", "a/c/b"),
            ("a*b?c*x", "abxbbxdbxebxczzy"),
            ("ab[^b-d]", "abc"),
            ("a?b", "a/b"),
            ("*[a-ζ]", "A"),
            ("a", "ab"),
            ("**", "a/b"),
        ];
        for (pattern, path) in no {
            assert!(!does_match(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn a_class_or_an_escape_that_is_not_complete_is_no_pattern() {
        for pattern in ["[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "\\"] {
            assert_eq!(Wildcard::parse(pattern.as_bytes()), None, "{pattern}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_match_too() {
        assert!(Wildcard::parse(b"a?\xff*").unwrap().matches(b"a\xfe\xff\x80"));
        assert!(!Wildcard::parse(b"a\xff").unwrap().matches(b"a\xfe"));
    }

    #[test]
    fn a_clean_path_has_no_dots_and_no_empty_parts() {
        let cases = [
            ("", "."),
            ("a//b/./c/", "a/b/c"),
            ("/a/../../b", "/b"),
            ("../a/..", ".."),
            ("a/..", "."),
            ("//", "/"),
            ("../../a", "../../a"),
        ];
        for (path, clean) in cases {
            assert_eq!(cleaned(path.as_bytes()), clean.as_bytes(), "{path}");
        }
    }

    #[test]
    fn wildcards_are_told_from_escaped_letters() {
        assert!(Wildcard::is_in(b"a*") && Wildcard::is_in(b"[a]") && Wildcard::is_in(b"\\\\?"));
        assert!(!Wildcard::is_in(b"a\\*b") && !Wildcard::is_in(b"a]"));
    }

    #[test]
    fn many_stars_take_no_longer_than_pattern_times_path() {
        assert!(!does_match(&"*a".repeat(200), &"a".repeat(199)));
        assert!(does_match(&"*a".repeat(100), &"a".repeat(2000)));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(pattern: Vec<u8>, path: Vec<u8>) {
            let _ = Wildcard::parse(&pattern).map(|wildcard| wildcard.matches(&path));
            cleaned(&path);
        }

        #[test]
        fn an_escaped_path_matches_itself_alone(path in "[a-c*?\\[\\]\\\\]{0,12}", other in "[a-c*?]{0,12}") {
            let escaped: String = path.chars().flat_map(|letter| ['\\', letter]).collect();
            prop_assert!(does_match(&escaped, &path));
            prop_assert_eq!(does_match(&escaped, &other), path == other);
        }
    }
}
