//! `COPY` and `ADD`.

use std::collections::HashMap;

use crate::chmod::Chmod;
use crate::diagnostic::Diagnostic;
use crate::expand::Expansion;
use crate::flag::Flags;
use crate::git_source::GitSource;
use crate::heredoc::{self, Heredoc};
use crate::keyword::Keyword;
use crate::origin::Origin;
use crate::span::{Span, Word};
use crate::statement::{Arguments, Statement};

/// What is copied, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Paths, URLs, git repositories, as they are written.
    pub paths: Vec<Word>,
    /// Files written in the Dockerfile itself.
    pub documents: Vec<Document>,
    /// Where to.
    pub destination: Word,
}

/// A heredoc that is a file to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The file's name.
    pub name: Word,
    /// Its content, tabs taken off where `<<-` says so.
    pub content: String,
    /// Whether variables in it are expanded.
    pub expands: bool,
    /// Where the content stands.
    pub span: Span,
}

/// <https://docs.docker.com/reference/dockerfile/#copy>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// What, and where to.
    pub sources: Sources,
    /// `--from`: a stage by name or number, an image, a named context. Never expanded.
    pub from: Option<Word>,
    /// `--chown`.
    pub chown: Option<Word>,
    /// `--chmod`; valid once expanded.
    pub chmod: Option<Word>,
    /// `--link`.
    pub link: bool,
    /// `--parents`.
    pub parents: bool,
    /// `--exclude`, as often as given. Never expanded.
    pub exclude: Vec<Word>,
}

/// <https://docs.docker.com/reference/dockerfile/#add>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Add {
    /// What, and where to.
    pub sources: Sources,
    /// `--chown`.
    pub chown: Option<Word>,
    /// `--chmod`; valid once expanded.
    pub chmod: Option<Word>,
    /// `--link`.
    pub link: bool,
    /// `--keep-git-dir`, where given.
    pub keep_git_dir: Option<bool>,
    /// `--checksum`.
    pub checksum: Option<Word>,
    /// `--unpack`, where given. Without it local archives are unpacked, and remote ones are not.
    pub unpack: Option<bool>,
    /// `--exclude`, as often as given. Never expanded.
    pub exclude: Vec<Word>,
}

impl Copy {
    pub(crate) fn new(statement: &Statement, flags: &Flags) -> Result<Copy, Diagnostic> {
        Ok(Copy {
            sources: Sources::new(statement)?,
            from: given(flags, "from"),
            chown: given(flags, "chown"),
            chmod: given(flags, "chmod"),
            link: flags.switch("link") == Some(true),
            parents: flags.switch("parents") == Some(true),
            exclude: flags.values("exclude").cloned().collect(),
        })
    }

    pub(super) fn expanded(&self, expansion: &mut Expansion<'_>) -> Result<Copy, Diagnostic> {
        let chown = expansion.option(&self.chown)?;
        let chmod = expansion.option(&self.chmod)?;
        check_mode(chmod.as_ref())?;
        let sources = self.sources.expanded(expansion)?;
        for path in &sources.paths {
            let what = match Origin::of(path) {
                Origin::Local => continue,
                Origin::Http => "source can't be a URL for COPY",
                Origin::Git => "source can't be a git ref for COPY",
            };
            return Err(Diagnostic::new(path.span, what).hint("ADD takes it"));
        }
        Ok(Copy { sources, chown, chmod, ..self.clone() })
    }
}

impl Add {
    pub(crate) fn new(statement: &Statement, flags: &Flags) -> Result<Add, Diagnostic> {
        Ok(Add {
            sources: Sources::new(statement)?,
            chown: given(flags, "chown"),
            chmod: given(flags, "chmod"),
            link: flags.switch("link") == Some(true),
            keep_git_dir: flags.switch("keep-git-dir"),
            checksum: given(flags, "checksum"),
            unpack: flags.switch("unpack"),
            exclude: flags.values("exclude").cloned().collect(),
        })
    }

    pub(super) fn expanded(&self, expansion: &mut Expansion<'_>) -> Result<Add, Diagnostic> {
        let chown = expansion.option(&self.chown)?;
        let chmod = expansion.option(&self.chmod)?;
        let checksum = expansion.option(&self.checksum)?;
        check_mode(chmod.as_ref())?;
        let sources = self.sources.expanded(expansion)?;
        for path in &sources.paths {
            GitSource::parse(path).map_err(|problem| Diagnostic::new(path.span, problem))?;
        }
        if let Some(checksum) = &checksum {
            check_sum(checksum, &sources)?;
        }
        Ok(Add { sources, chown, chmod, checksum, ..self.clone() })
    }
}

/// A flag's value; an empty one is none.
fn given(flags: &Flags, name: &str) -> Option<Word> {
    flags.value(name).filter(|value| !value.is_empty()).cloned()
}

fn check_mode(mode: Option<&Word>) -> Result<(), Diagnostic> {
    let Some(mode) = mode else { return Ok(()) };
    match Chmod::parse(mode) {
        Some(_) => Ok(()),
        None => Err(Diagnostic::new(mode.span, format!("invalid chmod parameter: {:?}", mode.text))
            .expected("an octal number from 0 to 07777, or a symbolic mode such as u=rwX,go=rX")),
    }
}

fn check_sum(checksum: &Word, sources: &Sources) -> Result<(), Diagnostic> {
    let [source] = sources.paths.as_slice() else {
        return Err(Diagnostic::new(checksum.span, "checksum can't be specified for multiple sources"));
    };
    match Origin::of(source) {
        Origin::Http | Origin::Git => Ok(()),
        Origin::Local => Err(Diagnostic::new(source.span, "checksum requires HTTP(S) or Git sources")),
    }
}

impl Sources {
    fn new(statement: &Statement) -> Result<Sources, Diagnostic> {
        let words = match &statement.arguments {
            Arguments::Json(words) | Arguments::Words(words) => words.as_slice(),
            _ => &[],
        };
        let keyword = statement.keyword;
        let [sources @ .., destination] = words else { return Err(no_destination(statement)) };
        if sources.is_empty() {
            return Err(no_destination(statement));
        }
        if let Ok(Some(_)) = heredoc::parse(destination) {
            let message = format!("{keyword} cannot accept a heredoc as a destination");
            return Err(Diagnostic::new(destination.span, message).expected("a path"));
        }
        let heredocs: Heredocs<'_> = statement.heredocs.iter().map(|h| (h.name.as_str(), h)).collect();
        let (mut paths, mut documents) = (Vec::new(), Vec::new());
        for source in sources {
            match heredoc::parse(source) {
                Ok(Some(heredoc)) => documents.push(document(source, &heredoc.name, &heredocs)),
                _ => paths.push(source.clone()),
            }
        }
        Ok(Sources { paths, documents, destination: destination.clone() })
    }

    fn expanded(&self, expansion: &mut Expansion<'_>) -> Result<Sources, Diagnostic> {
        let paths = expansion.words(&self.paths)?;
        let destination = expansion.word(&self.destination)?;
        let mut documents = self.documents.clone();
        for document in documents.iter_mut().filter(|document| document.expands) {
            document.content = expansion.document(&document.content, document.name.span)?;
        }
        Ok(Sources { paths, documents, destination })
    }
}

/// The last heredoc of each name.
type Heredocs<'h> = HashMap<&'h str, &'h Heredoc>;

/// The file that `word` stands for: the last heredoc of this name, or an empty one.
fn document(word: &Word, name: &str, heredocs: &Heredocs<'_>) -> Document {
    let heredoc = heredocs.get(name).copied();
    Document {
        name: word.with(name),
        content: heredoc.map(Heredoc::text).unwrap_or_default(),
        expands: heredoc.is_some_and(|heredoc| heredoc.expands),
        span: heredoc.map_or(word.span, |heredoc| heredoc.span),
    }
}

fn no_destination(statement: &Statement) -> Diagnostic {
    let keyword: Keyword = statement.keyword;
    let message = format!(
        "{keyword} requires at least two arguments, but only one was provided. Destination could not be determined"
    );
    statement.error(message).expected("one or more sources, then a destination")
}
