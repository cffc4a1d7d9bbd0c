//! Text for a log.

use image_format::spelled_out;
use std::borrow::Cow;

/// The text without line ends and other control characters, so that none forges a line of a log.
pub(crate) fn on_one_line(text: &str) -> Cow<'_, str> {
    spelled_out(text, |letter| !letter.is_control() && !matches!(letter, '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_forges_a_line() {
        assert_eq!(on_one_line("a\x1b[2Jb\r\nforged\u{202e}"), "a\\u{1b}[2Jb\\r\\nforged\u{202e}");
    }
}
