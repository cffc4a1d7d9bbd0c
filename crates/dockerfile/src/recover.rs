//! What an image's history amounts to: its lines as instructions again, whichever builder wrote them, and what of them
//! cannot be known.
//!
//! The dialects: docker's classic builder (`/bin/sh -c #(nop)  ENV a=b`), BuildKit and ours (`ENV a=b`,
//! `RUN /bin/sh -c … # buildkit`), buildah (`/bin/sh -c #(nop) ` and the line as it was), kaniko (the line as it was).

mod files;
mod go_quoted;
mod healthcheck;
mod page;
mod pairs;
mod recorded;
mod run;
mod written;

use crate::keyword::Keyword;
use crate::{Dockerfile, Instruction, Step};
pub use page::Page;
use pairs::Known;
pub use recorded::Recorded;
use recorded::Told;
use written::{json_list, literal};

/// What is not recorded of a command in exec form, in words.
const END_OF_ARGUMENTS: &str = "where its arguments begin and end is not recorded";
/// What is not recorded of a `COPY` or `ADD` by BuildKit, in words.
const FLAGS_OF_COPY: &str =
    "--from, --link and --exclude are not recorded, so its sources may be another stage's";

/// A user whom nobody has.
const END: &str = "end-of-instruction";

/// What the history does not say, but the image's config does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The environment: names and values.
    pub env: Vec<(String, String)>,
    /// The labels.
    pub labels: Vec<(String, String)>,
}

/// What a line of history amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The instruction, as a Dockerfile has it; `None` where what was done is not known.
    pub instruction: Option<String>,
    /// What cannot be known of it, one sentence each.
    pub unknown: Vec<String>,
    /// The image that it was begun on, where the line names one (buildah).
    pub base: Option<String>,
}

/// What the `lines` of a history, oldest first, amount to: one for each. `shell` is that of the image below them.
pub fn recover(lines: &[Recorded<'_>], shell: &[String], outcome: &Outcome) -> Vec<Recovered> {
    let mut reader = Reader { shell: shell.join(" "), arguments: Vec::new(), outcome };
    lines.iter().map(|line| reader.line(line)).collect()
}

struct Reader<'a> {
    /// The shell of the present line, as the history writes it.
    shell: String,
    /// Build arguments and their values, as `ARG` has them.
    arguments: Vec<String>,
    outcome: &'a Outcome,
}

impl Reader<'_> {
    fn line(&mut self, line: &Recorded<'_>) -> Recovered {
        let mut recovered = match line.told(&self.shell) {
            Told::Nothing => Recovered::nothing(line),
            Told::Run(text) => run::recovered(text, &self.shell, &self.arguments),
            Told::Line(text) => self.as_it_was(text),
            Told::Printed(text) => self.printed(text),
        };
        if recovered.instruction.as_deref().is_some_and(|text| !is_one_instruction(text)) {
            recovered = Recovered::nothing(line);
        }
        recovered.base = line.base().map(str::to_owned);
        recovered
    }

    /// An instruction as its author wrote it.
    fn as_it_was(&mut self, text: &str) -> Recovered {
        let (keyword, rest) = split(text);
        if let Some(copied) = files::by_hash(keyword, rest) {
            return copied;
        }
        if keyword == "SHELL" {
            self.take_shell(rest);
        }
        Recovered::known(text.to_owned())
    }

    /// An instruction as the builder prints what it understood.
    fn printed(&mut self, text: &str) -> Recovered {
        let (keyword, rest) = split(text);
        let with = |arguments: String| Recovered::known(format!("{keyword} {arguments}"));
        match keyword {
            "ENV" => pairs::recovered(keyword, rest, &self.outcome.env),
            "LABEL" => pairs::recovered(keyword, rest, &self.outcome.labels),
            "ARG" => {
                self.arguments.push(rest.to_owned());
                pairs::recovered(keyword, rest, &[] as &Known)
            }
            "CMD" | "ENTRYPOINT" => {
                with(go_quoted::list(rest).map_or(rest.to_owned(), |list| json_list(&list)))
            }
            "COPY" | "ADD" => files::by_hash(keyword, rest).unwrap_or_else(|| files::by_name(keyword, rest)),
            "EXPOSE" => with(ports(rest)),
            "VOLUME" => with(json_list(&words_in_brackets(rest))),
            "SHELL" => {
                self.take_shell(rest);
                with(json_list(&words_in_brackets(rest)))
            }
            "HEALTHCHECK" => healthcheck::recovered(rest),
            "USER" | "WORKDIR" | "STOPSIGNAL" => with(literal(rest)),
            _ => Recovered::known(text.to_owned()),
        }
    }

    fn take_shell(&mut self, rest: &str) {
        self.shell = words_in_brackets(rest).join(" ");
    }
}

impl Recovered {
    fn known(instruction: String) -> Recovered {
        Recovered { instruction: Some(instruction), ..Recovered::default() }
    }

    /// No instruction, or none that is known.
    fn nothing(line: &Recorded<'_>) -> Recovered {
        let what = if line.has_layer { "a layer" } else { "a change of the config" };
        let by = match (line.created_by.trim(), line.comment.trim()) {
            ("", "") => "that no line accounts for".to_owned(),
            ("", comment) => format!("of which is only said: {comment}"),
            (command, "") => format!("made by: {command}"),
            (command, comment) => format!("made by: {command} ({comment})"),
        };
        Recovered { unknown: vec![format!("{what} {by}")], ..Recovered::default() }
    }

    fn but(mut self, unknown: impl Into<String>) -> Recovered {
        self.unknown.push(unknown.into());
        self
    }
}

/// Is the text one instruction, whatever stands behind it? Anyone may have written the history.
fn is_one_instruction(text: &str) -> bool {
    let dockerfile = Dockerfile::parse(&format!("FROM scratch\n{text}\nUSER {END}\n"));
    let Ok(dockerfile) = dockerfile else { return false };
    let [stage] = &dockerfile.stages[..] else { return false };
    let [_, Step { instruction: Instruction::User(user), .. }] = &stage.steps[..] else { return false };
    user.text == END
}

/// The keyword and what follows it.
fn split(text: &str) -> (&str, &str) {
    let (keyword, rest) = text.split_once(' ').unwrap_or((text, ""));
    (keyword, rest.trim())
}

/// Does the text begin with an instruction's keyword, in capitals?
fn begins_with_keyword(text: &str) -> bool {
    let (keyword, rest) = split(text);
    Keyword::find(keyword).is_some_and(|found| found.name() == keyword) && !rest.is_empty()
}

/// `[/a /b]`, as Go prints a list, or a JSON array.
fn words_in_brackets(text: &str) -> Vec<String> {
    if let Some(list) = go_quoted::list(text) {
        return list;
    }
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    inner.split_whitespace().map(str::to_owned).collect()
}

/// `[80/tcp 53/udp]`, `map[80/tcp:{}]` or `80/tcp`.
fn ports(text: &str) -> String {
    let inner = text.trim().trim_start_matches("map").trim_start_matches('[').trim_end_matches(']');
    let ports: Vec<&str> = inner.split_whitespace().map(|port| port.trim_end_matches(":{}")).collect();
    ports.join(" ")
}

#[cfg(test)]
mod tests;
