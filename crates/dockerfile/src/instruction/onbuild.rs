//! `ONBUILD`.

use super::Instruction;
use crate::diagnostic::Diagnostic;
use crate::statement::{Arguments, Statement};

/// An instruction for the builds that use the image as their base.
///
/// <https://docs.docker.com/reference/dockerfile/#onbuild>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onbuild {
    /// The trigger as the image's config keeps it: its line, then its heredocs. [`crate::Step::of_trigger`] reads it.
    pub expression: String,
    /// What it says.
    pub trigger: Box<Instruction>,
}

impl Onbuild {
    pub(crate) fn new(mut statement: Statement, text: &str) -> Result<Onbuild, Diagnostic> {
        let at_least_one = statement.at_least_one();
        let Arguments::Trigger(mut trigger) = statement.arguments else { return Err(at_least_one) };
        trigger.heredocs.append(&mut statement.heredocs);
        let keyword = statement.name.text.len();
        let mut expression = text.trim_start()[keyword..].trim_start().to_owned();
        for heredoc in &trigger.heredocs {
            expression.push('\n');
            expression.push_str(&heredoc.content);
            expression.push_str(&heredoc.name);
        }
        let line = expression.clone();
        Ok(Onbuild { expression, trigger: Box::new(Instruction::new(*trigger, &line)?) })
    }
}
