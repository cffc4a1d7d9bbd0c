//! What a `RUN` with its heredocs comes to.

use super::{CommandLine, Run};
use crate::heredoc;

/// How the command of a `RUN` is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// These arguments, as they are.
    Exec(Vec<String>),
    /// This text, as one argument behind the shell's.
    Shell(String),
    /// A heredoc that begins with `#!` and stands alone: a file of this name and content (mode 0755), mounted
    /// read-only at `/dev/pipes/NAME`, whose path is the one argument behind the shell's.
    File {
        /// The heredoc's name.
        name: String,
        /// Its content.
        content: String,
    },
}

impl Run {
    /// The command with its heredocs in place. A line that is nothing but one heredoc is what stands in it; any other
    /// line goes to the shell together with its heredocs, which the shell expands.
    ///
    /// <https://docs.docker.com/reference/dockerfile/#here-documents>
    pub fn script(&self) -> Script {
        let line = match &self.command {
            CommandLine::Exec(words) => {
                return Script::Exec(words.iter().map(|word| word.text.clone()).collect());
            }
            CommandLine::Shell(line) => line.text.as_str(),
        };
        let Some(first) = self.heredocs.first() else { return Script::Shell(line.to_owned()) };
        if !matches!(heredoc::parse(line), Ok(Some(_))) {
            return Script::Shell(self.with_heredocs(line));
        }
        let content = first.text();
        if content.starts_with("#!") {
            Script::File { name: first.name.clone(), content }
        } else {
            Script::Shell(content)
        }
    }

    fn with_heredocs(&self, line: &str) -> String {
        let mut text = line.to_owned();
        for heredoc in &self.heredocs {
            text.push('\n');
            text.push_str(&heredoc.content);
            text.push_str(&heredoc.name);
        }
        text
    }
}
