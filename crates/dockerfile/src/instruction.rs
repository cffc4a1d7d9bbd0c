//! The eighteen instructions, as typed values.

mod command_line;
mod csv;
mod duration;
mod expose;
mod files;
mod from;
mod healthcheck;
mod mount;
mod mount_field;
mod onbuild;
mod port;
mod run;
mod script;
mod signal;
mod variable;

pub use command_line::CommandLine;
pub use expose::Expose;
pub use files::{Add, Copy, Document, Sources};
pub use from::{Alias, From};
pub use healthcheck::Healthcheck;
pub use mount::{Mount, MountFlag, MountKind, Sharing};
pub use onbuild::Onbuild;
pub use port::Port;
pub(crate) use port::{Finding, ports};
pub use run::{Network, Run, Security};
pub use script::Script;
pub use signal::is_signal;
pub use variable::{Arg, Declaration};

use crate::diagnostic::Diagnostic;
use crate::expand::Expansion;
use crate::flag::Flags;
use crate::keyword::Keyword;
use crate::span::Word;
use crate::statement::{Arguments, Pair, Statement};

/// An instruction and all that it says, as it is written: nothing in it is expanded yet.
///
/// <https://docs.docker.com/reference/dockerfile/>
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// `ADD`: files, archives, URLs and git repositories into the image.
    Add(Add),
    /// `ARG`: variables of the build.
    Arg(Arg),
    /// `CMD`: the default command, or the entrypoint's default arguments.
    Cmd(CommandLine),
    /// `COPY`: files into the image.
    Copy(Copy),
    /// `ENTRYPOINT`: what a container runs.
    Entrypoint(CommandLine),
    /// `ENV`: variables of the image.
    Env(Vec<Pair>),
    /// `EXPOSE`: ports that a container listens on.
    Expose(Expose),
    /// `FROM`: begins a stage.
    From(From),
    /// `HEALTHCHECK`: how a container is asked whether it works.
    Healthcheck(Healthcheck),
    /// `LABEL`: metadata.
    Label(Vec<Pair>),
    /// `MAINTAINER`: the author; a label says it better.
    Maintainer(Word),
    /// `ONBUILD`: an instruction for the builds that use the image as their base.
    Onbuild(Onbuild),
    /// `RUN`: a command whose changes become a layer.
    Run(Run),
    /// `SHELL`: what runs commands in shell form. Never empty.
    Shell(Vec<Word>),
    /// `STOPSIGNAL`: the signal that ends a container.
    Stopsignal(Word),
    /// `USER`: who runs what follows.
    User(Word),
    /// `VOLUME`: paths that a container mounts.
    Volume(Vec<Word>),
    /// `WORKDIR`: where what follows runs.
    Workdir(Word),
}

impl Instruction {
    /// The instruction that `statement` says. `text` is its line, without its heredocs.
    ///
    /// # Errors
    /// An argument that is missing, too many or no value, a flag that the instruction does not have.
    pub(crate) fn new(statement: Statement, text: &str) -> Result<Instruction, Diagnostic> {
        let flags = Flags::of(statement.keyword, &statement.flags)?;
        Ok(match statement.keyword {
            Keyword::Add => Instruction::Add(Add::new(&statement, &flags)?),
            Keyword::Arg => Instruction::Arg(Arg::new(&statement)?),
            Keyword::Cmd => Instruction::Cmd(CommandLine::new(&statement.arguments, statement.place)),
            Keyword::Copy => Instruction::Copy(Copy::new(&statement, &flags)?),
            Keyword::Entrypoint => {
                Instruction::Entrypoint(CommandLine::new(&statement.arguments, statement.place))
            }
            Keyword::Env => Instruction::Env(variable::pairs(statement)?),
            Keyword::Expose => Instruction::Expose(Expose::new(&statement)?),
            Keyword::From => Instruction::From(From::new(&statement, &flags)?),
            Keyword::Healthcheck => Instruction::Healthcheck(Healthcheck::new(&statement, &flags)?),
            Keyword::Label => Instruction::Label(variable::pairs(statement)?),
            Keyword::Maintainer => Instruction::Maintainer(one(statement)?),
            Keyword::Onbuild => Instruction::Onbuild(Onbuild::new(statement, text)?),
            Keyword::Run => Instruction::Run(Run::new(statement, &flags)?),
            Keyword::Shell => Instruction::Shell(shell(statement)?),
            Keyword::Stopsignal => Instruction::Stopsignal(one(statement)?),
            Keyword::User => Instruction::User(one(statement)?),
            Keyword::Volume => Instruction::Volume(volumes(&statement)?),
            Keyword::Workdir => Instruction::Workdir(one(statement)?),
        })
    }

    /// Which of the eighteen it is.
    pub fn keyword(&self) -> Keyword {
        match self {
            Instruction::Add(_) => Keyword::Add,
            Instruction::Arg(_) => Keyword::Arg,
            Instruction::Cmd(_) => Keyword::Cmd,
            Instruction::Copy(_) => Keyword::Copy,
            Instruction::Entrypoint(_) => Keyword::Entrypoint,
            Instruction::Env(_) => Keyword::Env,
            Instruction::Expose(_) => Keyword::Expose,
            Instruction::From(_) => Keyword::From,
            Instruction::Healthcheck(_) => Keyword::Healthcheck,
            Instruction::Label(_) => Keyword::Label,
            Instruction::Maintainer(_) => Keyword::Maintainer,
            Instruction::Onbuild(_) => Keyword::Onbuild,
            Instruction::Run(_) => Keyword::Run,
            Instruction::Shell(_) => Keyword::Shell,
            Instruction::Stopsignal(_) => Keyword::Stopsignal,
            Instruction::User(_) => Keyword::User,
            Instruction::Volume(_) => Keyword::Volume,
            Instruction::Workdir(_) => Keyword::Workdir,
        }
    }

    /// The same with its variables expanded, where the language expands them. `ARG` and `FROM` stay: their values are
    /// made one by one, by [`crate::Scope`] and by the graph of stages.
    pub(crate) fn expanded(&self, expansion: &mut Expansion<'_>) -> Result<Instruction, Diagnostic> {
        Ok(match self {
            Instruction::Add(add) => Instruction::Add(add.expanded(expansion)?),
            Instruction::Copy(copy) => Instruction::Copy(copy.expanded(expansion)?),
            Instruction::Env(pairs) => Instruction::Env(variable::expanded(pairs, expansion)?),
            Instruction::Expose(expose) => Instruction::Expose(expose.expanded(expansion)?),
            Instruction::Label(pairs) => Instruction::Label(variable::expanded(pairs, expansion)?),
            Instruction::Run(run) => Instruction::Run(run.expanded(expansion)?),
            Instruction::Stopsignal(name) => Instruction::Stopsignal(signal(expansion.word(name)?)?),
            Instruction::User(user) => Instruction::User(expansion.word(user)?),
            Instruction::Volume(paths) => Instruction::Volume(checked_volumes(expansion.words(paths)?)?),
            Instruction::Workdir(path) => Instruction::Workdir(expansion.word(path)?),
            other => other.clone(),
        })
    }
}

/// The whole of the arguments as one.
fn one(statement: Statement) -> Result<Word, Diagnostic> {
    match statement.arguments {
        Arguments::Text(word) => Ok(word),
        _ => Err(statement.exactly_one()),
    }
}

/// <https://docs.docker.com/reference/dockerfile/#shell>
fn shell(statement: Statement) -> Result<Vec<Word>, Diagnostic> {
    match statement.arguments {
        Arguments::Json(words) if !words.is_empty() => Ok(words),
        Arguments::Text(word) => {
            Err(Diagnostic::new(word.span, "SHELL requires the arguments to be in JSON form")
                .expected(r#"["executable", "parameter"]"#))
        }
        _ => Err(statement.at_least_one()),
    }
}

/// <https://docs.docker.com/reference/dockerfile/#volume>
fn volumes(statement: &Statement) -> Result<Vec<Word>, Diagnostic> {
    let (Arguments::Json(words) | Arguments::Words(words)) = &statement.arguments else {
        return Err(statement.at_least_one());
    };
    if words.is_empty() {
        return Err(statement.at_least_one());
    }
    checked_volumes(words.iter().map(|word| word.with(word.text.trim())).collect())
}

fn checked_volumes(paths: Vec<Word>) -> Result<Vec<Word>, Diagnostic> {
    let message = "VOLUME specified can not be an empty string";
    match paths.iter().find(|path| path.is_empty()) {
        Some(empty) => Err(Diagnostic::new(empty.span, message).expected("a path")),
        None => Ok(paths),
    }
}

/// <https://docs.docker.com/reference/dockerfile/#stopsignal>
fn signal(name: Word) -> Result<Word, Diagnostic> {
    if is_signal(&name) {
        return Ok(name);
    }
    let message = format!("invalid signal: {}", name.text);
    Err(Diagnostic::new(name.span, message).expected("a signal's name or number, such as SIGTERM or 15"))
}

#[cfg(test)]
mod tests;
