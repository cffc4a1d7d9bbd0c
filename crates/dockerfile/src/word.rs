//! Words of an instruction's arguments that may be quoted.

use crate::line::Part;
use crate::span::Word;

/// The words of `rest`, split at white space that is neither quoted nor escaped. Quotes and escapes stay in them: an
/// expansion takes them off.
pub(crate) fn words(rest: Part<'_>, escape: char) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    let text = rest.text();
    while let Some(start) = text[at..].find(|letter: char| !letter.is_whitespace()).map(|start| at + start) {
        let (word, length) = read(&text[start..], escape);
        at = start + length;
        if !word.is_empty() {
            words.push(Word::new(word, rest.part(start..at).span()));
        }
    }
    words
}

/// The word at the beginning of `text`, and how long it is. An escape that nothing follows is left out.
fn read(text: &str, escape: char) -> (&str, usize) {
    let mut quote = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match quote {
            None if letter.is_whitespace() => return (&text[..at], at),
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            Some(open) if letter == open => quote = None,
            Some('\'') => {}
            _ if letter == escape && letters.next().is_none() => return (&text[..at], text.len()),
            _ => {}
        }
    }
    (text, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::LogicalLine;

    fn split(text: &str) -> Vec<String> {
        let line = LogicalLine::of(text);
        words(Part::whole(&line), '\\').into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_end_at_white_space_that_is_neither_quoted_nor_escaped() {
        assert_eq!(
            split(r#"a=1 b="x y" c='x \' d=x\ y e"#),
            ["a=1", r#"b="x y""#, r"c='x \'", r"d=x\ y", "e"]
        );
        assert_eq!(split(r#"a="x \" y" b"#), [r#"a="x \" y""#, "b"]);
        assert_eq!(split("a=\"open b"), ["a=\"open b"]);
    }

    #[test]
    fn an_escape_that_nothing_follows_is_left_out() {
        assert_eq!(split("a b\\"), ["a", "b"]);
        assert_eq!(split("  "), [""; 0]);
    }
}
