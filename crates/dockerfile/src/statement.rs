//! One logical line, taken apart by the grammar of its instruction: what comes before any meaning.

use crate::diagnostic::Diagnostic;
use crate::flag;
use crate::heredoc::Heredoc;
use crate::json;
use crate::keyword::{Keyword, unknown};
use crate::line::Part;
use crate::span::{Span, Word};
use crate::word::words;

/// `KEYWORD --flags arguments`.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) keyword: Keyword,
    /// The keyword as it is written.
    pub(crate) name: Word,
    pub(crate) flags: Vec<Word>,
    pub(crate) arguments: Arguments,
    /// Where the arguments stand, or would.
    pub(crate) place: Span,
    pub(crate) heredocs: Vec<Heredoc>,
}

/// The arguments, by the form that they have.
#[derive(Debug)]
pub(crate) enum Arguments {
    None,
    Words(Vec<Word>),
    Json(Vec<Word>),
    Text(Word),
    Pairs(Vec<Pair>),
    Health(Word, Box<Arguments>),
    /// What stands behind `ONBUILD`.
    Trigger(Box<Statement>),
}

/// `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What stands before the `=`.
    pub name: Word,
    /// What stands behind it.
    pub value: Word,
    /// Written in the old form, `name value`.
    pub is_legacy: bool,
}

impl Statement {
    /// # Errors
    /// No instruction has this name, or its arguments do not have its form.
    pub(crate) fn parse(line: Part<'_>, escape: char) -> Result<Statement, Diagnostic> {
        let line = line.trimmed();
        let parts = line.split_at_blanks(2);
        let name = Word::new(parts[0].text(), parts[0].span());
        let Some(keyword) = Keyword::find(&name) else { return Err(unknown(&name)) };
        let behind = parts.get(1).copied().unwrap_or(line.from(line.text().len()));
        let (flags, rest) = flag::split(behind, escape);
        let rest = rest.trimmed();
        let arguments = Arguments::parse(keyword, rest, escape)?;
        Ok(Statement { keyword, name, flags, arguments, place: rest.span(), heredocs: Vec::new() })
    }

    /// Whether a `<<` in it begins a heredoc.
    pub(crate) fn takes_heredocs(&self) -> bool {
        match &self.arguments {
            Arguments::Trigger(trigger) => {
                trigger.keyword.takes_heredocs() && !matches!(trigger.arguments, Arguments::Json(_))
            }
            Arguments::Json(_) => false,
            _ => self.keyword.takes_heredocs(),
        }
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.place, message)
    }

    pub(crate) fn at_least_one(&self) -> Diagnostic {
        self.error(format!("{} requires at least one argument", self.keyword))
    }

    pub(crate) fn exactly_one(&self) -> Diagnostic {
        self.error(format!("{} requires exactly one argument", self.keyword))
    }
}

impl Arguments {
    fn parse(keyword: Keyword, rest: Part<'_>, escape: char) -> Result<Arguments, Diagnostic> {
        use Keyword as K;
        match keyword {
            K::Healthcheck => health(rest),
            K::Onbuild => trigger(rest, escape),
            K::Env | K::Label => pairs(keyword, rest, escape),
            K::Arg => Ok(Arguments::Words(words(rest, escape))),
            K::Add | K::Copy | K::Volume => match json::strings(rest)? {
                Some(strings) => Ok(Arguments::Json(strings)),
                None => Ok(at_blanks(rest)),
            },
            K::Expose | K::From => Ok(at_blanks(rest)),
            K::Cmd | K::Entrypoint | K::Run | K::Shell => json_or_text(rest),
            K::Maintainer | K::Stopsignal | K::User | K::Workdir => Ok(text(rest)),
        }
    }
}

fn text(rest: Part<'_>) -> Arguments {
    if rest.is_empty() { Arguments::None } else { Arguments::Text(Word::new(rest.text(), rest.span())) }
}

fn json_or_text(rest: Part<'_>) -> Result<Arguments, Diagnostic> {
    Ok(json::strings(rest)?.map_or_else(|| text(rest), Arguments::Json))
}

fn at_blanks(rest: Part<'_>) -> Arguments {
    if rest.is_empty() {
        return Arguments::None;
    }
    let parts = rest.split_at_blanks(usize::MAX);
    Arguments::Words(parts.iter().map(|part| Word::new(part.text(), part.span())).collect())
}

fn health(rest: Part<'_>) -> Result<Arguments, Diagnostic> {
    if rest.is_empty() {
        return Ok(Arguments::None);
    }
    let end = rest.text().find(char::is_whitespace).unwrap_or(rest.text().len());
    let kind = rest.part(0..end);
    let command = json_or_text(rest.from(end).trimmed())?;
    Ok(Arguments::Health(Word::new(kind.text(), kind.span()), Box::new(command)))
}

fn trigger(rest: Part<'_>, escape: char) -> Result<Arguments, Diagnostic> {
    if rest.is_empty() {
        return Ok(Arguments::None);
    }
    let first = rest.split_at_blanks(2)[0];
    // before it is parsed, so that triggers of triggers do not nest
    let wrong = |message: String| Err(Diagnostic::new(first.span(), message).expected("another instruction"));
    match Keyword::find(first.text()) {
        Some(Keyword::Onbuild) => wrong("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed".into()),
        Some(keyword @ (Keyword::Maintainer | Keyword::From)) => {
            wrong(format!("{keyword} isn't allowed as an ONBUILD trigger"))
        }
        _ => Ok(Arguments::Trigger(Box::new(Statement::parse(rest, escape)?))),
    }
}

fn pairs(keyword: Keyword, rest: Part<'_>, escape: char) -> Result<Arguments, Diagnostic> {
    let words = words(rest, escape);
    let Some(first) = words.first() else { return Ok(Arguments::None) };
    if !first.text.contains('=') {
        return legacy_pair(keyword, rest);
    }
    let pairs: Result<Vec<Pair>, Diagnostic> = words.iter().map(pair).collect();
    Ok(Arguments::Pairs(pairs?))
}

fn pair(word: &Word) -> Result<Pair, Diagnostic> {
    let Some((name, value)) = word.text.split_once('=') else {
        let message = format!("can't find = in {:?}", word.text);
        return Err(Diagnostic::new(word.span, message)
            .expected("name=value")
            .hint("a value with blanks stands in double quotes"));
    };
    let is_plain = word.span.end - word.span.start == word.text.len();
    let at = if is_plain { word.span.start + name.len() } else { word.span.end };
    let name = Word::new(name, Span::new(word.span.start..at));
    let value = Word::new(value, Span::new(if is_plain { at + 1 } else { word.span.start }..word.span.end));
    Ok(Pair { name, value, is_legacy: false })
}

/// `ENV name value with blanks`.
fn legacy_pair(keyword: Keyword, rest: Part<'_>) -> Result<Arguments, Diagnostic> {
    let parts = rest.split_at_blanks(2);
    let [name, value] = parts.as_slice() else {
        let message = format!("{keyword} must have two arguments");
        return Err(Diagnostic::new(rest.span(), message).expected("name=value"));
    };
    let word = |part: &Part<'_>| Word::new(part.text(), part.span());
    Ok(Arguments::Pairs(vec![Pair { name: word(name), value: word(value), is_legacy: true }]))
}
