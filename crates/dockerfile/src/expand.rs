//! Which parts of which instruction are expanded.

use crate::diagnostic::Diagnostic;
use crate::expansion::{Expander, ExpansionError, Names, Variables};
use crate::instruction::Instruction;
use crate::span::{Span, Word};
use crate::step::Step;

/// An instruction whose variables are replaced by their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// The instruction as it is to be carried out.
    pub instruction: Instruction,
    /// The variables it named.
    pub names: Names,
    /// Those without a value, once for each word that names one, where it stands. `EXPOSE`'s are not told:
    /// BuildKit does not warn of them.
    pub undefined: Vec<Word>,
}

impl Step {
    /// The instruction with its variables expanded where the language expands them: in `ADD`, `COPY` (but `--from`
    /// and `--exclude`), `ENV`, `EXPOSE`, `LABEL`, `STOPSIGNAL`, `USER`, `VOLUME`, `WORKDIR`, the fields of `RUN
    /// --mount`, and in heredocs that are files. The whole of an instruction sees the same `variables`: `ENV a=1
    /// b=$a` takes the `a` from before it. Commands, `ONBUILD`, `SHELL` and `MAINTAINER` stay as they are written;
    /// `ARG` is [`crate::Scope::declare`]'s and `FROM` [`crate::Graph`]'s.
    ///
    /// Values that only an expanded text can be checked for are checked: modes, ports, signals, the keys of mounts.
    ///
    /// <https://docs.docker.com/reference/dockerfile/#environment-replacement>
    ///
    /// # Errors
    /// What cannot be expanded, or is no value when it is.
    pub fn expand(&self, expander: &Expander, variables: &dyn Variables) -> Result<Expanded, Diagnostic> {
        let mut expansion = Expansion::new(expander, variables);
        let instruction = self.instruction.expanded(&mut expansion)?;
        Ok(Expanded { instruction, names: expansion.names, undefined: expansion.undefined })
    }
}

/// Expands the words of one instruction, and notes what they name.
pub(crate) struct Expansion<'e> {
    expander: &'e Expander,
    variables: &'e dyn Variables,
    pub(crate) names: Names,
    pub(crate) undefined: Vec<Word>,
}

impl<'e> Expansion<'e> {
    pub(crate) fn new(expander: &'e Expander, variables: &'e dyn Variables) -> Expansion<'e> {
        Expansion { expander, variables, names: Names::default(), undefined: Vec::new() }
    }

    pub(crate) fn word(&mut self, word: &Word) -> Result<Word, Diagnostic> {
        let mut names = Names::default();
        let text = self.expander.word(word, self.variables, &mut names);
        self.note(names, word.span);
        text.map(|text| word.with(text)).map_err(|error| cannot(word, &error))
    }

    pub(crate) fn words(&mut self, words: &[Word]) -> Result<Vec<Word>, Diagnostic> {
        words.iter().map(|word| self.word(word)).collect()
    }

    /// A value that is not given where it comes to nothing.
    pub(crate) fn option(&mut self, word: &Option<Word>) -> Result<Option<Word>, Diagnostic> {
        let word = word.as_ref().map(|word| self.word(word)).transpose()?;
        Ok(word.filter(|word| !word.is_empty()))
    }

    /// The words that one word comes to. What it names is not noted: BuildKit does not warn here.
    pub(crate) fn split(&mut self, word: &Word) -> Result<Vec<Word>, Diagnostic> {
        let texts = self.expander.words(word, self.variables, &mut Names::default());
        let texts = texts.map_err(|error| cannot(word, &error))?;
        Ok(texts.into_iter().map(|text| word.with(text)).collect())
    }

    pub(crate) fn document(&mut self, text: &str, place: Span) -> Result<String, Diagnostic> {
        let mut names = Names::default();
        let text = self.expander.document(text, self.variables, &mut names);
        self.note(names, place);
        text.map_err(|error| Diagnostic::new(place, format!("cannot expand this heredoc: {error}")))
    }

    fn note(&mut self, names: Names, place: Span) {
        self.undefined.extend(names.unmatched.iter().map(|name| Word::new(name.as_str(), place)));
        self.names.matched.extend(names.matched);
        self.names.unmatched.extend(names.unmatched);
    }
}

/// `word` cannot be expanded.
pub(crate) fn cannot(word: &Word, error: &ExpansionError) -> Diagnostic {
    let shown: String = word.text.chars().take(80).collect();
    let more = if shown.len() < word.text.len() { "…" } else { "" };
    Diagnostic::new(word.span, format!("cannot expand {shown}{more}: {error}"))
}
