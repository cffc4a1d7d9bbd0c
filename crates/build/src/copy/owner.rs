//! `--chown`: who the files belong to, by the stage's own `/etc/passwd` and `/etc/group`.

use crate::error::Error;
use crate::tree::Tree;
use dockerfile::{Diagnostic, Word};
use image_format::Failure;
use layer::{Kind, TreePath};
use std::io::Read as _;

const USER: &str = "user";
const GROUP: &str = "group";
const USERS: &str = "etc/passwd";
const GROUPS: &str = "etc/group";
/// Longer than that is no list of users.
const MAX_BYTES: u64 = 10 << 20;

/// What `--chown` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    user: Option<Id>,
    group: Option<Id>,
}

/// A number, or a name that the stage has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Id {
    Number(u32),
    Name(String),
}

impl Owner {
    /// Reads `USER`, `USER:GROUP` or `:GROUP`, as BuildKit does.
    pub(crate) fn parse(text: &str) -> Owner {
        let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        // BuildKit takes an empty name of a group for root's
        let group = group.map(|group| Id::parse(group).unwrap_or(Id::Number(0)));
        Owner { user: Id::parse(user), group }
    }

    /// Does it say a name, so that the stage's files decide who that is?
    pub(crate) fn has_names(&self) -> bool {
        [&self.user, &self.group].into_iter().flatten().any(|id| matches!(id, Id::Name(_)))
    }

    /// The numbers. A group that is not said is the user's main group, for a number the same number.
    ///
    /// # Errors
    /// There is no list of users, or no tree at all, to look a name up in; its files cannot be read.
    pub(crate) fn resolve(&self, word: &Word, stage: &Tree<'_>) -> Result<Resolved, Error> {
        let mut resolved = Resolved { uid: 0, gid: 0, unknown: Vec::new() };
        match &self.user {
            Some(Id::Number(number)) => (resolved.uid, resolved.gid) = (*number, *number),
            Some(Id::Name(name)) => match find(stage, word, USERS, name, USER)? {
                Some(fields) => {
                    (resolved.uid, resolved.gid) = (number(&fields, 2), number(&fields, 3));
                }
                None => resolved.unknown.push(format!("user {name:?}")),
            },
            None => {}
        }
        match &self.group {
            Some(Id::Number(number)) => resolved.gid = *number,
            Some(Id::Name(name)) => match find(stage, word, GROUPS, name, GROUP)? {
                Some(fields) => resolved.gid = number(&fields, 2),
                None => resolved.unknown.push(format!("group {name:?}")),
            },
            None => {}
        }
        Ok(resolved)
    }
}

/// Who that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Names that the stage does not know: docker takes such a user for root and says nothing.
    pub(crate) unknown: Vec<String>,
}

impl Id {
    fn parse(text: &str) -> Option<Id> {
        match (text, text.parse::<i32>()) {
            ("", _) => None,
            ("root", _) => Some(Id::Number(0)),
            (_, Ok(number)) => Some(Id::Number(number.try_into().unwrap_or(0))),
            (name, Err(_)) => Some(Id::Name(name.to_owned())),
        }
    }
}

/// The fields of the line that begins with `name`; `None` where the file is not there or has none.
fn find(
    stage: &Tree<'_>,
    word: &Word,
    path: &str,
    name: &str,
    what: &str,
) -> Result<Option<Vec<String>>, Error> {
    if stage.layers().is_empty() {
        let message = format!("invalid {what} {name:?}: the stage is empty, so it has no /{path}");
        return Err(Diagnostic::new(word.span, message).expected(format!("the number of a {what}")).into());
    }
    let Some(content) = content(stage, path)? else {
        if what == GROUP {
            return Ok(None);
        }
        // docker would take anybody for root then
        let message = format!("invalid {what} {name:?}: the stage has no file /{path}");
        return Err(Diagnostic::new(word.span, message).expected(format!("the number of a {what}")).into());
    };
    let content = String::from_utf8_lossy(&content);
    let fields = |line: &str| line.trim().split(':').map(str::to_owned).collect::<Vec<String>>();
    Ok(content.lines().map(fields).find(|fields| fields.first().is_some_and(|first| first == name)))
}

/// Is this the name of a list of users or of groups? One that is elsewhere, by a symlink, may be called otherwise.
pub(crate) fn is_list(name: &[u8]) -> bool {
    [USERS, GROUPS].iter().any(|list| list.as_bytes().rsplit(|byte| *byte == b'/').next() == Some(name))
}

/// What the regular file that `path` leads to holds; `None` where there is none.
fn content(stage: &Tree<'_>, path: &str) -> Result<Option<Vec<u8>>, Failure> {
    let names = stage.names()?;
    let tree_path = TreePath::of(path.as_bytes());
    let mut found = names.follow(&tree_path);
    if found.as_ref().is_some_and(|(_, node)| !node.is_whole()) {
        found = stage.view()?.follow(&tree_path);
    }
    let Some((_, node)) = found.filter(|(_, node)| matches!(node.kind(), Kind::File { .. })) else {
        return Ok(None);
    };
    let mut content = Vec::new();
    let read = node.open()?.take(MAX_BYTES).read_to_end(&mut content);
    read.map_err(|error| Failure::io(format_args!("/{path}"), error))?;
    Ok(Some(content))
}

fn number(fields: &[String], at: usize) -> u32 {
    fields.get(at).and_then(|field| field.parse::<i32>().ok()).and_then(|id| id.try_into().ok()).unwrap_or(0)
}
