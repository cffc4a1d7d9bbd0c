//! Text from an image or a registry, made harmless for a terminal or a log.

use std::borrow::Cow;

/// May this letter reach a terminal? Control characters and those that change the direction of text may not.
pub fn is_harmless(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every harmful letter in the form `\n`, `\u{1b}`; for one line on a terminal.
pub fn escaped(text: &str) -> Cow<'_, str> {
    spelled_out(text, is_harmless)
}

/// The text with every letter that may not stay in the form `\n`, `\u{1b}`.
pub fn spelled_out(text: &str, may_stay: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&may_stay) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if may_stay(letter) {
            safe.push(letter);
        } else {
            safe.extend(letter.escape_default());
        }
    }
    safe.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_marks_of_direction_are_spelled_out() {
        assert_eq!(escaped("plain äöü 日本"), "plain äöü 日本");
        assert_eq!(escaped("a\x1b[2Jb\n\u{202e}c\u{9b}d"), r"a\u{1b}[2Jb\n\u{202e}c\u{9b}d");
    }
}
