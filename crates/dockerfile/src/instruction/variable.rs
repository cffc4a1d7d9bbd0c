//! `ARG`, `ENV` and `LABEL`: names and values.

use crate::diagnostic::Diagnostic;
use crate::expand::Expansion;
use crate::span::Word;
use crate::statement::{Arguments, Pair, Statement};

/// Variables of the build.
///
/// <https://docs.docker.com/reference/dockerfile/#arg>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// What it declares, in order; never empty.
    pub declarations: Vec<Declaration>,
}

/// One variable of an `ARG`: `name`, or `name=default`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Its name.
    pub name: Word,
    /// Its default, as it is written.
    pub default: Option<Word>,
}

impl Arg {
    pub(crate) fn new(statement: &Statement) -> Result<Arg, Diagnostic> {
        let words = match &statement.arguments {
            Arguments::Words(words) if !words.is_empty() => words,
            _ => return Err(statement.at_least_one()),
        };
        let declarations: Result<Vec<Declaration>, Diagnostic> = words.iter().map(declaration).collect();
        Ok(Arg { declarations: declarations? })
    }
}

fn declaration(word: &Word) -> Result<Declaration, Diagnostic> {
    match word.text.split_once('=') {
        Some(("", _)) => Err(blank(word, "ARG")),
        Some((name, default)) => Ok(Declaration { name: word.with(name), default: Some(word.with(default)) }),
        None => Ok(Declaration { name: word.clone(), default: None }),
    }
}

/// The pairs of an `ENV` or a `LABEL`.
pub(super) fn pairs(statement: Statement) -> Result<Vec<Pair>, Diagnostic> {
    let keyword = statement.keyword;
    match statement.arguments {
        Arguments::Pairs(pairs) => match pairs.iter().find(|pair| pair.name.is_empty()) {
            Some(pair) => Err(blank(&pair.name, keyword.name())),
            None => Ok(pairs),
        },
        _ => Err(statement.at_least_one()),
    }
}

fn blank(word: &Word, keyword: &str) -> Diagnostic {
    Diagnostic::new(word.span, format!("{keyword} names can not be blank")).expected("a name before the =")
}

pub(super) fn expanded(pairs: &[Pair], expansion: &mut Expansion<'_>) -> Result<Vec<Pair>, Diagnostic> {
    let expand = |pair: &Pair| {
        let (name, value) = (expansion.word(&pair.name)?, expansion.word(&pair.value)?);
        Ok(Pair { name, value, is_legacy: pair.is_legacy })
    };
    pairs.iter().map(expand).collect()
}
