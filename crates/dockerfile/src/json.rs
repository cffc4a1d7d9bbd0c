//! The JSON form of arguments: `["a", "b"]`.

use serde_json::value::RawValue;

use crate::diagnostic::Diagnostic;
use crate::line::Part;
use crate::span::Word;

/// The strings of a JSON array, where `rest` is one. Anything that is no JSON array is the other form.
///
/// # Errors
/// It is an array, but not all of it are strings.
pub(crate) fn strings(rest: Part<'_>) -> Result<Option<Vec<Word>>, Diagnostic> {
    let rest = rest.trimmed();
    let text = rest.text();
    if !text.starts_with('[') {
        return Ok(None);
    }
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) else { return Ok(None) };
    let mut words = Vec::with_capacity(items.len());
    for item in items.iter().map(|item| item.get()) {
        let start = item.as_ptr() as usize - text.as_ptr() as usize;
        let span = rest.part(start..start + item.len()).span();
        if !item.starts_with('"') {
            let message = "when using JSON array syntax, arrays must be comprised of strings only";
            return Err(Diagnostic::new(span, message).expected("a string in double quotes"));
        }
        let Ok(text) = serde_json::from_str::<String>(item) else { return Ok(None) };
        words.push(Word::new(text, span));
    }
    Ok(Some(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::LogicalLine;
    use crate::span::Span;

    fn parse(text: &str) -> Result<Option<Vec<Word>>, Diagnostic> {
        strings(Part::whole(&LogicalLine::of(text)))
    }

    #[test]
    fn strings_of_an_array_know_their_place() {
        let words = parse(r#" [ "a" , "\u00e9\n" ] "#).unwrap().unwrap();
        assert_eq!(words, [Word::new("a", Span::new(3..6)), Word::new("é\n", Span::new(9..19))]);
        assert_eq!(parse("[]").unwrap().unwrap(), []);
    }

    #[test]
    fn what_is_no_json_array_is_the_other_form() {
        for text in ["a", "['a']", r#"["a""#, r#"["a"] b"#, r#"["a",]"#, "[\"a\tb\"]", "{}", "[ $x ]"] {
            assert_eq!(parse(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn an_array_of_anything_but_strings_is_refused_at_its_place() {
        let error = parse(r#"["a", 5]"#).unwrap_err();
        assert_eq!(error.span, Span::new(6..7));
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(parse(&deep).unwrap_err().message.contains("strings only"));
    }
}
