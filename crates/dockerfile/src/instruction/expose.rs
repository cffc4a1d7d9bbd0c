//! `EXPOSE`.

use super::port::{self, Port};
use crate::diagnostic::Diagnostic;
use crate::expand::Expansion;
use crate::span::Word;
use crate::statement::{Arguments, Statement};

/// Ports that a container listens on.
///
/// <https://docs.docker.com/reference/dockerfile/#expose>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expose {
    /// The ports as they are written, sorted, as BuildKit sorts them; never empty.
    pub words: Vec<Word>,
}

impl Expose {
    pub(crate) fn new(statement: &Statement) -> Result<Expose, Diagnostic> {
        let Arguments::Words(words) = &statement.arguments else { return Err(statement.at_least_one()) };
        let mut words = words.clone();
        words.sort_by(|a, b| a.text.cmp(&b.text));
        Ok(Expose { words })
    }

    /// The ports, in the order of the words. Expand first.
    ///
    /// # Errors
    /// A word is no port or range of ports.
    pub fn ports(&self) -> Result<Vec<Port>, Diagnostic> {
        port::ports(&self.words).map(|(ports, _)| ports)
    }

    pub(super) fn expanded(&self, expansion: &mut Expansion<'_>) -> Result<Expose, Diagnostic> {
        let mut words = Vec::new();
        for word in &self.words {
            words.extend(expansion.split(word)?);
        }
        let expose = Expose { words };
        expose.ports()?;
        Ok(expose)
    }
}
