//! `FROM base AS name`.

use crate::diagnostic::Diagnostic;
use crate::flag::Flags;
use crate::span::Word;
use crate::statement::{Arguments, Statement};

/// The beginning of a stage.
///
/// <https://docs.docker.com/reference/dockerfile/#from>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct From {
    /// The image or stage it begins with; may hold variables.
    pub base: Word,
    /// `AS name`.
    pub alias: Option<Alias>,
    /// `--platform`; may hold variables.
    pub platform: Option<Word>,
}

/// `AS name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// `AS`, as it is written.
    pub keyword: Word,
    /// The name, as it is written. What counts is its lower case.
    pub name: Word,
}

impl From {
    pub(crate) fn new(statement: &Statement, flags: &Flags) -> Result<From, Diagnostic> {
        let words = match &statement.arguments {
            Arguments::Words(words) => words.as_slice(),
            _ => &[],
        };
        let (base, alias) = match words {
            [base] => (base, None),
            [base, keyword, name] if keyword.text.eq_ignore_ascii_case("as") => {
                check_name(name)?;
                (base, Some(Alias { keyword: keyword.clone(), name: name.clone() }))
            }
            _ => {
                let error = statement.error("FROM requires either one or three arguments");
                return Err(error.expected("an image or a stage, then AS and a name if it is to have one"));
            }
        };
        Ok(From { base: base.clone(), alias, platform: flags.value("platform").cloned() })
    }

    /// The stage's name, in lower case.
    pub fn name(&self) -> Option<String> {
        self.alias.as_ref().map(|alias| alias.name.text.to_lowercase())
    }
}

fn check_name(name: &Word) -> Result<(), Diagnostic> {
    let lower = name.text.to_lowercase();
    let begins = lower.starts_with(|letter: char| letter.is_ascii_lowercase());
    let is_part = |l: char| l.is_ascii_lowercase() || l.is_ascii_digit() || matches!(l, '-' | '_' | '.');
    if begins && lower.chars().all(is_part) {
        return Ok(());
    }
    let message = format!(
        "invalid name for build stage: {:?}, name can't start with a number or contain symbols",
        name.text
    );
    Err(Diagnostic::new(name.span, message).expected("a letter, then letters, digits, '-', '_' and '.'"))
}
