//! `$name` and `${name…}` in a word, quotes and escapes: what a Dockerfile's instruction means where it names
//! variables.
//!
//! The forms are those of the [reference](https://docs.docker.com/reference/dockerfile/#environment-replacement):
//! `$v` `${v}` `${v:-w}` `${v-w}` `${v:+w}` `${v+w}` `${v:?w}` `${v?w}` `${v#p}` `${v##p}` `${v%p}` `${v%%p}`
//! `${v/p/r}` `${v//p/r}`. What they give is what BuildKit's `shell.Lex` gives. Nothing here can be made to grow
//! without limit: one result is at most [`GROWTH_LIMIT`] longer than its word, an [`Expander`] has a budget for
//! all of its results and for the patterns it matches, and forms nest at most [`DEPTH_LIMIT`] deep.

mod budget;
mod dollar;
mod machine;
mod pattern;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use budget::Budget;
pub use machine::DEPTH_LIMIT;
use machine::Machine;

/// An expansion may be this many bytes longer than the word it is made from.
pub const GROWTH_LIMIT: usize = 1 << 20;

/// What a word may name.
pub trait Variables {
    /// The value of `name`; empty is a value too.
    fn get(&self, name: &str) -> Option<&str>;

    /// All names, oldest first: what "did you mean" chooses from.
    fn names(&self) -> Vec<&str>;
}

impl Variables for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<&str> {
        BTreeMap::get(self, name).map(String::as_str)
    }

    fn names(&self) -> Vec<&str> {
        self.keys().map(String::as_str).collect()
    }
}

/// No variable is set.
impl Variables for () {
    fn get(&self, _: &str) -> Option<&str> {
        None
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// What an expansion found of the variables it met, whether or not their values came into the result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Those that have a value.
    pub matched: BTreeSet<String>,
    /// Those that have none.
    pub unmatched: BTreeSet<String>,
}

/// Expands words; one for each build, since its budget bounds the whole of it.
#[derive(Clone, Debug)]
pub struct Expander {
    mode: Mode,
    budget: Budget,
}

/// Which of the marks in a word are acted upon, and which are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    /// The letter that takes the next one literally.
    pub(crate) escape: char,
    /// Quotes stay in the result.
    pub(crate) raw_quotes: bool,
    /// Escapes stay in the result.
    pub(crate) raw_escapes: bool,
    /// Quotes are letters like others.
    pub(crate) plain_quotes: bool,
    /// A variable without a value stays as it is written.
    pub(crate) keep_unset: bool,
}

impl Mode {
    pub(crate) const fn new(escape: char) -> Mode {
        Mode { escape, raw_quotes: false, raw_escapes: false, plain_quotes: false, keep_unset: false }
    }
}

/// Why a word cannot be expanded; fits after "cannot expand …: ".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpansionError(pub(crate) String);

impl fmt::Display for ExpansionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ExpansionError {}

impl Expander {
    /// One for words of a Dockerfile whose escape letter is `escape`.
    pub fn new(escape: char) -> Expander {
        Expander { mode: Mode::new(escape), budget: Budget::default() }
    }

    /// The word with its variables replaced, its quotes and escapes taken off. What it named is added to `names`.
    ///
    /// # Errors
    /// A form that is not closed or not known, a variable that `${name:?}` requires, a limit.
    pub fn word(
        &self,
        word: &str,
        variables: &dyn Variables,
        names: &mut Names,
    ) -> Result<String, ExpansionError> {
        Machine::new(word, self.mode, variables, &self.budget, names).whole()
    }

    /// The same, then split at white space that is not quoted: `EXPOSE`'s ports.
    ///
    /// # Errors
    /// As [`Expander::word`].
    pub fn words(
        &self,
        word: &str,
        variables: &dyn Variables,
        names: &mut Names,
    ) -> Result<Vec<String>, ExpansionError> {
        Machine::new(word, self.mode, variables, &self.budget, names).words()
    }

    /// The content of a heredoc with its variables replaced: quotes are letters like others, and `\` is the escape
    /// whatever the Dockerfile's directive says.
    ///
    /// # Errors
    /// As [`Expander::word`].
    pub fn document(
        &self,
        text: &str,
        variables: &dyn Variables,
        names: &mut Names,
    ) -> Result<String, ExpansionError> {
        let mode = Mode { plain_quotes: true, ..Mode::new('\\') };
        Machine::new(text, mode, variables, &self.budget, names).whole()
    }

    /// For showing a step to people: variables that have a value are replaced, all else stays as it is written.
    /// The text itself where it cannot be expanded.
    pub fn shown(&self, text: &str, variables: &dyn Variables) -> String {
        let mode = Mode { raw_quotes: true, keep_unset: true, ..self.mode };
        let shown = Machine::new(text, mode, variables, &self.budget, &mut Names::default()).whole();
        shown.unwrap_or_else(|_| text.to_owned())
    }
}

/// The words of a line as a shell splits them: `None` where a quote is not closed.
pub(crate) fn split(line: &str, mode: Mode) -> Option<Vec<String>> {
    Machine::new(line, mode, &(), &Budget::default(), &mut Names::default()).words().ok()
}

#[cfg(test)]
mod tests;
