//! Flags of instructions: `--name=value`.

use std::borrow::Cow;

use crate::diagnostic::Diagnostic;
use crate::keyword::Keyword;
use crate::line::Part;
use crate::span::{Span, Word};
use crate::suggestion::nearest;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing, `=true` or `=false`.
    Switch,
    /// One value.
    Value,
    /// A value, each time it is given.
    Values,
}

use Takes::{Switch, Value, Values};

/// The flags that an instruction has.
pub(crate) fn known(keyword: Keyword) -> &'static [(&'static str, Takes)] {
    match keyword {
        Keyword::Add => &[
            ("chown", Value),
            ("chmod", Value),
            ("link", Switch),
            ("keep-git-dir", Switch),
            ("checksum", Value),
            ("unpack", Switch),
            ("exclude", Values),
        ],
        Keyword::Copy => &[
            ("from", Value),
            ("chown", Value),
            ("chmod", Value),
            ("link", Switch),
            ("exclude", Values),
            ("parents", Switch),
        ],
        Keyword::From => &[("platform", Value)],
        Keyword::Run => &[("mount", Values), ("network", Value), ("security", Value), ("device", Values)],
        Keyword::Healthcheck => &[
            ("interval", Value),
            ("timeout", Value),
            ("start-period", Value),
            ("start-interval", Value),
            ("retries", Value),
        ],
        _ => &[],
    }
}

/// The flags of one instruction, all of them known to it.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    given: Vec<(&'static str, Word)>,
}

impl Flags {
    /// # Errors
    /// A flag that the instruction does not have, has twice, or whose value is missing or no boolean.
    pub(crate) fn of(keyword: Keyword, words: &[Word]) -> Result<Flags, Diagnostic> {
        let mut flags = Flags::default();
        for word in words {
            let (name, takes) = find(keyword, word)?;
            if takes != Values && flags.value(name).is_some() {
                return Err(Diagnostic::new(word.span, format!("duplicate flag specified: --{name}"))
                    .expected("each flag once"));
            }
            let value = value(word, name, takes)?;
            flags.given.push((name, value));
        }
        Ok(flags)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Word> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| value)
    }

    pub(crate) fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f Word> {
        self.given.iter().filter(move |(given, _)| *given == name).map(|(_, value)| value)
    }

    /// What a switch says, where it is given.
    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        self.value(name).map(|value| value.text == "true")
    }
}

fn find(keyword: Keyword, word: &Word) -> Result<(&'static str, Takes), Diagnostic> {
    let name = name_of(word);
    let flags = known(keyword);
    if let Some(flag) = flags.iter().find(|(known, _)| *known == name) {
        return Ok(*flag);
    }
    let names: Vec<String> = flags.iter().map(|(name, _)| format!("--{name}")).collect();
    let expected = if names.is_empty() { format!("no flags: {keyword} has none") } else { names.join(", ") };
    Err(Diagnostic::new(word.span, format!("unknown flag: --{name}"))
        .expected(expected)
        .meant(nearest(name, flags.iter().map(|(name, _)| *name)).map(|guess| format!("--{guess}"))))
}

fn name_of(word: &Word) -> &str {
    let flag = word.text.strip_prefix("--").unwrap_or(&word.text);
    flag.split_once('=').map_or(flag, |(name, _)| name)
}

fn value(word: &Word, name: &str, takes: Takes) -> Result<Word, Diagnostic> {
    let value = word.text.split_once('=').map(|(_, value)| value);
    let missing = || Diagnostic::new(word.span, format!("missing a value on flag: --{name}"));
    match (takes, value) {
        (Switch, None) => Ok(word.with("true")),
        (Switch, Some("")) => Err(missing().expected("=true, =false or no value")),
        (Switch, Some(text)) => match text.to_ascii_lowercase().as_str() {
            known @ ("true" | "false") => Ok(word.with(known)),
            _ => {
                let message = format!("expecting boolean value for flag --{name}, not: {text}");
                Err(Diagnostic::new(word.span, message).expected("true or false"))
            }
        },
        (Value | Values, None) => Err(missing().expected(format!("--{name}=VALUE"))),
        (Value | Values, Some(text)) => Ok(behind(word, text)),
    }
}

/// `text`, the end of `word`, with its own place where the word is written as it reads.
fn behind(word: &Word, text: &str) -> Word {
    let is_plain = word.span.end - word.span.start == word.text.len();
    let start = if is_plain { word.span.end - text.len() } else { word.span.start };
    Word::new(text, Span::new(start..word.span.end))
}

/// Takes the flags off the beginning of an instruction's arguments: words that begin with `--`, up to `--` alone.
/// Quotes and escapes in them are taken off.
pub(crate) fn split<'l>(arguments: Part<'l>, escape: char) -> (Vec<Word>, Part<'l>) {
    let mut flags = Vec::new();
    let mut rest = arguments;
    loop {
        let text = rest.text();
        rest = rest.from(text.len() - text.trim_start().len());
        if !rest.text().starts_with("--") {
            return (flags, rest);
        }
        let (word, length) = read(rest.text(), escape);
        let flag = Word::new(word, rest.part(0..length).span());
        rest = rest.from(length);
        if flag.text == "--" {
            return (flags, rest);
        }
        flags.push(flag);
    }
}

/// The word at the beginning of `text`, and how long it is as written.
fn read(text: &str, escape: char) -> (Cow<'_, str>, usize) {
    let mut word = String::new();
    let mut quote = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match quote {
            None if letter.is_whitespace() => return (word.into(), at),
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            Some(open) if letter == open => quote = None,
            _ if letter == escape => word.extend(letters.next().map(|(_, escaped)| escaped)),
            _ => word.push(letter),
        }
    }
    (word.into(), text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::LogicalLine;

    fn flags(text: &str) -> (Vec<String>, String) {
        let line = LogicalLine::of(text);
        let (flags, rest) = split(Part::whole(&line), '\\');
        (flags.into_iter().map(|flag| flag.text).collect(), rest.text().to_owned())
    }

    #[track_caller]
    fn message(keyword: Keyword, text: &str) -> String {
        let line = LogicalLine::of(text);
        Flags::of(keyword, &split(Part::whole(&line), '\\').0).unwrap_err().to_string()
    }

    #[test]
    fn flags_end_at_the_first_word_that_is_none_or_at_two_dashes() {
        assert_eq!(flags("--a=1 --b c --d"), (vec!["--a=1".into(), "--b".into()], "c --d".into()));
        assert_eq!(flags("--a -- --b"), (vec!["--a".into()], " --b".into()));
        assert_eq!(flags("-a --b"), (vec![], "-a --b".into()));
    }

    #[test]
    fn quotes_and_escapes_of_a_flag_are_taken_off() {
        assert_eq!(flags(r#"--a="b c"'d' --e=\"f\ g x"#).0, ["--a=b cd", "--e=\"f g"]);
    }

    #[test]
    fn a_flag_that_an_instruction_does_not_have_is_refused_with_a_guess() {
        assert_eq!(message(Keyword::Copy, "--chwon=1"), "unknown flag: --chwon (did you mean --chown?)");
        assert_eq!(message(Keyword::User, "--x"), "unknown flag: --x");
    }

    #[test]
    fn a_flag_given_twice_or_without_its_value_is_refused() {
        assert_eq!(message(Keyword::Copy, "--link --link"), "duplicate flag specified: --link");
        assert_eq!(message(Keyword::Copy, "--link="), "missing a value on flag: --link");
        assert_eq!(message(Keyword::Copy, "--chown"), "missing a value on flag: --chown");
        assert_eq!(message(Keyword::Copy, "--link=1"), "expecting boolean value for flag --link, not: 1");
    }

    #[test]
    fn a_flags_value_knows_its_place() {
        let line = LogicalLine::of("--exclude=a --exclude=b x");
        let flags = Flags::of(Keyword::Add, &split(Part::whole(&line), '\\').0).unwrap();
        let spans: Vec<_> = flags.values("exclude").map(|value| (value.text.as_str(), value.span)).collect();
        assert_eq!(spans, [("a", Span::new(10..11)), ("b", Span::new(22..23))]);
    }
}
