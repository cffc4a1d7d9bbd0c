//! Lists as Go's `%q` prints them, `["a" "b"]`, and as JSON has them.

use std::str::Chars;

/// The words of the list, where `text` is one.
pub(super) fn list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    if let Ok(words) = serde_json::from_str(text) {
        return Some(words);
    }
    words(text.strip_prefix('[')?.strip_suffix(']')?)
}

/// Words in quotes, with blanks between them.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut letters = text.chars();
    let mut words = Vec::new();
    loop {
        match letters.next() {
            None => return Some(words),
            Some(' ') => {}
            Some('"') => words.push(word(&mut letters)?),
            Some(_) => return None,
        }
    }
}

/// As far as the closing quote.
fn word(letters: &mut Chars<'_>) -> Option<String> {
    let mut word = String::new();
    loop {
        match letters.next()? {
            '"' => return Some(word),
            '\\' => word.push(escaped(letters)?),
            letter => word.push(letter),
        }
    }
}

fn escaped(letters: &mut Chars<'_>) -> Option<char> {
    Some(match letters.next()? {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' => coded(letters, 2)?,
        'u' => coded(letters, 4)?,
        'U' => coded(letters, 8)?,
        letter => letter,
    })
}

fn coded(letters: &mut Chars<'_>, digits: usize) -> Option<char> {
    let code = (0..digits).try_fold(0, |code: u32, _| Some(code * 16 + letters.next()?.to_digit(16)?))?;
    char::from_u32(code)
}
