//! Help, man pages and completions, all from a tool's clap definition.

use crate::env::VARIABLES;
use crate::error::Error;
use crate::exit::STATUSES;
use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use image_format::{Class, Failure};
use std::io;

/// The hidden option that writes a man page or completions.
pub(crate) const GENERATE: &str = "generate";

/// What begins the examples in a definition's `after_long_help`.
const EXAMPLES: &str = "Examples:\n";

/// Files that tools use, in the order of the man pages.
const FILES: [(&str, &str); 4] = [
    ("~/.local/share/oci", "the default layout"),
    ("LAYOUT/index.json", "the names of a layout; one row each"),
    ("LAYOUT/blobs/", "finished blobs, and nothing else"),
    ("LAYOUT/.ociutils/", "blobs on their way in, and writers at work; may be deleted when no tool runs"),
];

/// Other pages, for SEE ALSO.
const SEE_ALSO: &str = "https://github.com/opencontainers/image-spec/blob/main/image-layout.md";

/// Tools that people look for together, for SEE ALSO.
const RELATED: [&[&str]; 5] = [
    &["pull", "push", "copy", "serve"],
    &["import", "export", "unpack", "commit"],
    &["tag", "config", "index", "commit"],
    &["images", "inspect", "history", "diff"],
    &["rmi", "gc", "fsck"],
];

/// What every tool's definition has besides its own: version, exit statuses and environment variables.
pub(crate) fn complete(command: Command) -> Command {
    let examples = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let separator = if examples.is_empty() { "" } else { "\n\n" };
    let statuses: String =
        STATUSES.iter().map(|(status, meaning)| format!("\n  {status}  {meaning}")).collect();
    let variables: String =
        variables(&command).map(|(name, meaning)| format!("\n  {name}  {}", plain(meaning))).collect();
    let command = match command.get_long_about().map(|text| plain(&text.to_string())) {
        Some(long) => command.long_about(long),
        None => command,
    };
    let commit = option_env!("OCIUTILS_COMMIT").unwrap_or("unknown");
    let version = env!("CARGO_PKG_VERSION");
    command
        .version(version)
        .long_version(format!("{version}\ncommit {commit}"))
        .after_long_help(format!(
            "{}{separator}Exit status:{statuses}\n\nEnvironment:{variables}\n",
            examples.trim_end()
        ))
        .max_term_width(100)
}

/// The variables that this tool reads, and what they do.
fn variables(command: &Command) -> impl Iterator<Item = (&'static str, &'static str)> {
    let read = VARIABLES.iter().filter(|(_, _, reader)| reader.is(command));
    read.map(|(name, meaning, _)| (*name, meaning.trim()))
}

/// Help is no Markdown.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// The hidden option itself, which stands in no page.
pub(crate) fn option() -> Arg {
    Arg::new(GENERATE)
        .long(GENERATE)
        .value_parser(["man", "bash", "zsh", "fish"])
        .hide(true)
        .hide_possible_values(true)
        .exclusive(true)
}

/// The man page, or the completions for a shell.
pub(crate) fn generate(mut command: Command, form: &str) -> Result<Vec<u8>, Error> {
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    let shell = match form {
        "bash" => clap_complete::Shell::Bash,
        "zsh" => clap_complete::Shell::Zsh,
        "fish" => clap_complete::Shell::Fish,
        _ => {
            man(command, &mut text).map_err(|error| Failure::new(Class::Failed, error))?;
            return Ok(text);
        }
    };
    clap_complete::generate(shell, &mut command, name, &mut text);
    Ok(text)
}

fn man(command: Command, page: &mut Vec<u8>) -> io::Result<()> {
    let after = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let examples = after
        .strip_prefix(EXAMPLES)
        .and_then(|text| text.split("\n\nExit status:").next().map(str::to_owned));
    let tools: Vec<(String, String)> = command
        .get_subcommands()
        .map(|tool| {
            (
                format!("oci-{}(1)", tool.get_name()),
                tool.get_about().map(ToString::to_string).unwrap_or_default(),
            )
        })
        .collect();
    let name = command.get_name().to_owned();
    let variables: Vec<(String, String)> =
        variables(&command).map(|(name, meaning)| (name.to_owned(), plain(meaning))).collect();
    let usage = command.clone().render_usage().to_string();
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    // headings of options would be sections of the page
    let command = command.mut_args(|arg| arg.help_heading(None));
    let man = Man::new(command).manual("ociutils").section("1");
    man.render_title(page)?;
    man.render_name_section(page)?;
    section_of_lines("SYNOPSIS", usage.trim_start_matches("Usage: "), page)?;
    description(&about, page)?;
    man.render_options_section(page)?;
    if !tools.is_empty() {
        table("TOOLS", tools.iter().map(|(page, about)| (page.clone(), about.as_str())), page)?;
    }
    table("EXIT STATUS", STATUSES.iter().map(|(status, meaning)| (status.to_string(), *meaning)), page)?;
    table("ENVIRONMENT", variables.iter().map(|(name, meaning)| (name.clone(), &**meaning)), page)?;
    table("FILES", FILES.iter().map(|(path, meaning)| ((*path).to_owned(), *meaning)), page)?;
    if let Some(examples) = examples {
        section_of_lines("EXAMPLES", &examples, page)?;
    }
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    let oci = if tools.is_empty() { "oci(1), " } else { "" };
    roff.text([roman(format!("{oci}{}{SEE_ALSO}", related(&name)))]);
    roff.to_writer(page)
}

/// The pages of the tools beside this one.
fn related(name: &str) -> String {
    let own = name.trim_start_matches("oci-");
    let groups = RELATED.iter().filter(|group| group.contains(&own));
    let others: std::collections::BTreeSet<_> =
        groups.copied().flatten().filter(|tool| **tool != own).collect();
    others.into_iter().map(|tool| format!("oci-{tool}(1), ")).collect()
}

/// The paragraphs behind the first, which is the page's NAME.
fn description(about: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["DESCRIPTION"]);
    let (name, rest) = about.split_once("\n\n").unwrap_or((about, ""));
    for paragraph in if rest.is_empty() { name } else { rest }.split("\n\n") {
        roff.control("PP", []);
        roff.text([roman(paragraph)]);
    }
    roff.to_writer(page)
}

fn table<'a>(
    title: &str,
    rows: impl Iterator<Item = (String, &'a str)>,
    page: &mut Vec<u8>,
) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (term, meaning) in rows {
        roff.control("TP", []);
        roff.text([bold(term)]);
        roff.text([roman(meaning)]);
    }
    roff.to_writer(page)
}

/// Lines as they are.
fn section_of_lines(title: &str, lines: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.to_writer(page)
}
