//! Parser directives: the comments `# syntax=…`, `# escape=…` and `# check=…` before everything else.
//!
//! <https://docs.docker.com/reference/dockerfile/#parser-directives>

use crate::diagnostic::Diagnostic;
use crate::line::{Lines, PhysicalLine};
use crate::span::{Span, Word};

/// What the directives of a Dockerfile say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directives {
    /// The frontend image that the author asks for.
    pub syntax: Option<Word>,
    /// The letter that escapes and continues lines: `\`, or `` ` ``.
    pub escape: char,
    /// Options of the linter, up to the first space.
    pub check: Option<Word>,
}

const NAMES: [&str; 3] = ["syntax", "escape", "check"];

/// Reads directives until the first line that is none.
#[derive(Default)]
pub(crate) struct Reader {
    seen: Vec<&'static str>,
    is_done: bool,
}

impl Reader {
    /// The directive that `line` is, if directives are not over.
    pub(crate) fn read(
        &mut self,
        line: &str,
        start: usize,
    ) -> Result<Option<(&'static str, Word)>, Diagnostic> {
        let found = if self.is_done { None } else { parse(line, start) };
        let Some((name, value)) = found else {
            self.is_done = true;
            return Ok(None);
        };
        if self.seen.contains(&name) {
            let message = format!("only one {name} parser directive can be used");
            return Err(Diagnostic::new(Span::new(start..value.span.end), message));
        }
        self.seen.push(name);
        Ok(Some((name, value)))
    }
}

/// `# name = value`, where `line` begins at `start`.
fn parse(line: &str, start: usize) -> Option<(&'static str, Word)> {
    let (name, value) = key_and_value(line.strip_prefix('#')?)?;
    let at = start + value.as_ptr() as usize - line.as_ptr() as usize;
    Some((name, Word::new(value, Span::new(at..at + value.len()))))
}

/// `name = value`, of one of the names, in any case.
fn key_and_value(comment: &str) -> Option<(&'static str, &str)> {
    let (key, value) = comment.trim_start().split_once('=')?;
    let key = key.trim_end();
    let name = NAMES.into_iter().find(|name| name.eq_ignore_ascii_case(key))?;
    let value = value.trim();
    (!value.is_empty()).then_some((name, value))
}

/// The linter's options in a comment above an instruction: `check=…`, up to the first space.
pub(crate) fn check_in_comment(comment: &str) -> Option<&str> {
    match key_and_value(comment) {
        Some(("check", value)) => value.split(' ').next(),
        _ => None,
    }
}

/// The directives `syntax` and `check`, which count even behind a first line `#!…`.
pub(crate) fn outside_of_parsing(text: &str, at: usize) -> (Option<Word>, Option<Word>) {
    let mut lines = Lines::new(text, at).peekable();
    lines.next_if(|line| line.raw.starts_with("#!"));
    let mut reader = Reader::default();
    let (mut syntax, mut check) = (None, None);
    let read = |line: PhysicalLine<'_>| reader.read(line.content(), line.start).ok().flatten();
    for (name, value) in lines.map_while(read) {
        match name {
            "syntax" => syntax = Some(value),
            "check" => check = Some(first_word(&value)),
            _ => {}
        }
    }
    (syntax, check)
}

fn first_word(value: &Word) -> Word {
    let first = value.text.split(' ').next().unwrap_or_default();
    Word::new(first, Span::new(value.span.start..value.span.start + first.len()))
}

/// The letter that `# escape=` names.
pub(crate) fn escape(value: &Word) -> Result<char, Diagnostic> {
    match value.text.as_str() {
        "`" => Ok('`'),
        "\\" => Ok('\\'),
        other => {
            Err(Diagnostic::new(value.span, format!("invalid escape token '{other}'")).expected("` or \\"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_has_blanks_and_any_case_and_keeps_its_place() {
        let (name, word) = parse("#  Syntax =  docker/dockerfile:1  ", 100).unwrap();
        assert_eq!((name, word.text.as_str()), ("syntax", "docker/dockerfile:1"));
        assert_eq!(word.span, Span::new(113..132));
        assert_eq!(parse("# unknown=1", 0), None);
        assert_eq!(parse("# escape=", 0), None);
    }

    #[test]
    fn directives_end_at_the_first_line_that_is_none_and_are_never_said_twice() {
        let mut reader = Reader::default();
        assert!(reader.read("# syntax=a", 0).unwrap().is_some());
        assert!(reader.read("# syntax=b", 0).unwrap_err().message.contains("only one syntax"));
        assert!(reader.read("# a comment", 0).unwrap().is_none());
        assert!(reader.read("# escape=`", 0).unwrap().is_none());
    }

    #[test]
    fn behind_a_shebang_syntax_and_check_still_count() {
        let text = "#!/usr/bin/env builder\n# syntax=a b\n# check=skip=all # why\nFROM x\n# check=no";
        let (syntax, check) = outside_of_parsing(text, 0);
        assert_eq!(syntax.unwrap().text, "a b");
        let check = check.unwrap();
        assert_eq!((check.text.as_str(), &text[check.span.start..check.span.end]), ("skip=all", "skip=all"));
    }
}
