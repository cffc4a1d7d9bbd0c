//! A Dockerfile in the making, with comments on what is not known of it.

use super::Recovered;
use std::collections::HashSet;

/// The text of a Dockerfile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    text: String,
    /// Comments that need not be said again.
    said: HashSet<String>,
}

impl Page {
    /// One more instruction.
    pub fn instruction(&mut self, instruction: &str) {
        self.text.push_str(instruction);
        self.text.push('\n');
    }

    /// A comment, where it is not there yet. Whatever it holds, it is one line.
    pub fn comment(&mut self, comment: &str) {
        if self.said.insert(comment.to_owned()) {
            self.instruction(&format!("# {}", comment.replace(['\n', '\r'], " ")));
        }
    }

    /// What a line of history amounts to, below what is not known of it.
    pub fn recovered(&mut self, recovered: &Recovered) {
        for unknown in &recovered.unknown {
            self.comment(&format!("not known: {unknown}"));
        }
        if let Some(instruction) = &recovered.instruction {
            self.instruction(instruction);
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_stay_comments_and_are_said_once() {
        let mut page = Page::default();
        let recovered = Recovered {
            instruction: Some("RUN a".to_owned()),
            unknown: vec!["x\nRUN evil".to_owned()],
            base: None,
        };
        page.recovered(&recovered);
        page.recovered(&recovered);
        assert_eq!(page.text(), "# not known: x RUN evil\nRUN a\nRUN a\n");
    }
}
