//! JSON text laid out anew, token by token: numbers, order and repeated keys stay as they are.

use image_format::is_harmless;

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// On one line.
    Line,
    /// Indented by two.
    Pretty,
}

/// Lays `json` out. What is not JSON comes out as some text or other, never as an error.
pub(crate) fn laid_out(json: &str, shape: Shape) -> String {
    let mut writer = Writer { text: String::with_capacity(json.len() * 2), shape, depth: 0 };
    let mut rest = json.trim();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            _ => rest
                .find(|letter: char| "{}[],:\"".contains(letter) || is_space(letter))
                .unwrap_or(rest.len()),
        };
        let (token, behind) = rest.split_at(length);
        rest = behind.trim_start_matches(is_space);
        writer.token(token, rest.starts_with(['}', ']']));
    }
    writer.text
}

/// The same JSON, harmless for a terminal: in a string, a letter means the same as its escape. Line ends and tabs,
/// which stand between the tokens only, stay.
pub(crate) fn harmless(json: &str) -> std::borrow::Cow<'_, str> {
    let may_stay = |letter: char| is_harmless(letter) || matches!(letter, '\n' | '\t');
    if json.chars().all(may_stay) {
        return json.into();
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        if may_stay(letter) {
            safe.push(letter);
        } else {
            safe.extend(letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    safe.into()
}

/// JSON's own white space.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

/// The length of the string at the beginning, with its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

struct Writer {
    text: String,
    shape: Shape,
    depth: usize,
}

impl Writer {
    /// `closes`: the next token closes an object or a list.
    fn token(&mut self, token: &str, closes: bool) {
        match token {
            "{" | "[" => {
                self.text.push_str(token);
                if !closes {
                    self.depth += 1;
                    self.new_line();
                }
            }
            "}" | "]" => {
                if !self.text.ends_with(['{', '[']) {
                    self.depth = self.depth.saturating_sub(1);
                    self.new_line();
                }
                self.text.push_str(token);
            }
            "," => {
                self.text.push(',');
                self.new_line();
            }
            ":" => self.text.push_str(if self.shape == Shape::Pretty { ": " } else { ":" }),
            _ => self.text.push_str(token),
        }
    }

    fn new_line(&mut self) {
        if self.shape == Shape::Pretty {
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n("  ", self.depth));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ODD: &str = " {\"a\" : 1.10,\n\"b\":[ ], \"a\":{\"x\\\"y, :\":[12345678901234567890123,null]}}\n";

    #[test]
    fn one_line_is_the_same_json_without_its_spaces() {
        assert_eq!(
            laid_out(ODD, Shape::Line),
            r#"{"a":1.10,"b":[],"a":{"x\"y, :":[12345678901234567890123,null]}}"#
        );
    }

    #[test]
    fn a_terminal_gets_it_indented_and_harmless() {
        assert_eq!(
            harmless(&laid_out("{\"a\":[1,{}],\"b\":\"\u{202e}\u{9b}\u{e0041}\"}", Shape::Pretty)),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"\\u202e\\u009b\\udb40\\udc41\"\n}"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_laid_out_and_a_line_stays_as_it_is(text in ".*") {
            let line = laid_out(&text, Shape::Line);
            laid_out(&text, Shape::Pretty);
            prop_assert!(line.len() <= text.len());
        }

        #[test]
        fn what_is_harmless_means_the_same(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let safe = harmless(&json);
            prop_assert!(safe.chars().all(is_harmless));
            prop_assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        }
    }
}
