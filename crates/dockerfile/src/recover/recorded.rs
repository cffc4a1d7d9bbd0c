//! A line of an image's history, and what of it is an instruction.

use super::begins_with_keyword;

/// What the classic builder and buildah put before an instruction that runs nothing.
const NO_OPERATION: &str = " #(nop) ";
/// What BuildKit puts behind `RUN`, `COPY` and `ADD`.
const BUILDKIT: &str = " # buildkit";
/// What buildah comments the first line with that it adds to an image.
const BASE: &str = "FROM ";

/// A line of an image's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// By which command.
    pub created_by: &'a str,
    /// Its comment.
    pub comment: &'a str,
    /// Did it leave a layer?
    pub has_layer: bool,
}

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told<'a> {
    /// No instruction.
    Nothing,
    /// A command that was run, with its build arguments before it.
    Run(&'a str),
    /// An instruction as it was written.
    Line(&'a str),
    /// An instruction as the builder understood it.
    Printed(&'a str),
}

impl<'a> Recorded<'a> {
    /// `shell` is the present one.
    pub(super) fn told(&self, shell: &str) -> Told<'a> {
        let text = self.created_by.trim_start();
        if let Some((_, instruction)) = text.split_once(NO_OPERATION) {
            return told_as_no_operation(instruction);
        }
        if self.is_of_buildkit() {
            return told_by_buildkit(text);
        }
        if begins_with_keyword(text) {
            return Told::Line(text);
        }
        let runs = text.strip_prefix(shell).is_some_and(|rest| rest.starts_with(' '));
        if runs || begins_with_arguments(text) { Told::Run(text) } else { Told::Nothing }
    }

    /// The image that was begun on, where buildah says so.
    pub(super) fn base(&self) -> Option<&'a str> {
        let name = self.comment.lines().find_map(|line| line.trim().strip_prefix(BASE))?.trim();
        (!name.is_empty() && !name.contains(char::is_whitespace)).then_some(name)
    }

    fn is_of_buildkit(&self) -> bool {
        self.comment.starts_with("buildkit.") || self.created_by.ends_with(BUILDKIT)
    }
}

/// The classic builder prints what it understood behind two blanks, files behind one; buildah has one and the line.
fn told_as_no_operation(instruction: &str) -> Told<'_> {
    match instruction.strip_prefix(' ') {
        Some(printed) => Told::Printed(printed.trim_start()),
        None if begins_with_keyword(instruction) => Told::Line(instruction),
        None => Told::Nothing,
    }
}

fn told_by_buildkit(text: &str) -> Told<'_> {
    let text = text.strip_suffix(BUILDKIT).unwrap_or(text);
    match text.strip_prefix("RUN ") {
        Some(command) => Told::Run(command),
        None if begins_with_keyword(text) => Told::Printed(text),
        None => Told::Nothing,
    }
}

/// `|2 a=1 b=2 …`
fn begins_with_arguments(text: &str) -> bool {
    let count = text.strip_prefix('|').and_then(|rest| rest.split_once(' '));
    count.is_some_and(|(count, _)| count.parse::<u16>().is_ok())
}
