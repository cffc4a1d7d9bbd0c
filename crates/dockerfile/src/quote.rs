//! Text in quotes as Go's `%q` writes it: in messages of the linter, and in the history of `CMD`, `ENTRYPOINT` and
//! `SHELL`.

/// `text` between double quotes, what does not print spelled out.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            letter if prints(letter) => quoted.push(letter),
            letter => quoted.push_str(&match letter as u32 {
                code @ ..0x80 => format!("\\x{code:02x}"),
                code @ ..0x10000 => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    quoted.push('"');
    quoted
}

/// A list of texts as `%q` writes it: `["a" "b"]`.
pub fn quoted_list<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", texts.join(" "))
}

/// Letters, marks, digits, punctuation, symbols and the blank; neither controls nor other white space nor what is for
/// private use or only forms a line.
fn prints(letter: char) -> bool {
    let forms = matches!(
        letter,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{e0001}'..='\u{10ffff}'
    );
    letter == ' ' || !(letter.is_control() || letter.is_whitespace() || forms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_prints_stays_and_all_else_is_spelled_out() {
        assert_eq!(quoted("a b\"\\é日👽"), r#""a b\"\\é日👽""#);
        assert_eq!(quoted("\x07\x08\x0c\n\r\t\x0b\x1b\x7f"), r#""\a\b\f\n\r\t\v\x1b\x7f""#);
        assert_eq!(
            quoted("\u{85}\u{a0}\u{200b}\u{202e}\u{feff}\u{10ffff}"),
            r#""\u0085\u00a0\u200b\u202e\ufeff\U0010ffff""#
        );
    }

    #[test]
    fn a_list_has_blanks_between_its_texts() {
        assert_eq!(quoted_list(&["/bin/sh", "-c", "a \"b\""]), r#"["/bin/sh" "-c" "a \"b\""]"#);
        assert_eq!(quoted_list::<&str>(&[]), "[]");
    }
}
