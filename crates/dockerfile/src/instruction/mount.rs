//! `RUN --mount`.

use super::csv::fields;
use super::mount_field::{Field, Key};
use crate::diagnostic::Diagnostic;
use crate::expand::Expansion;
use crate::span::Word;

/// A `--mount` as it is written. What it says is known once its variables are
/// expanded: [`crate::Run::mounts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountFlag {
    /// The flag's value.
    pub value: Word,
    /// `from`: a stage or an image, never expanded.
    pub from: Option<String>,
    fields: Vec<String>,
}

/// What a `--mount` mounts.
///
/// <https://docs.docker.com/reference/dockerfile/#run---mount>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `type`.
    pub kind: MountKind,
    /// `from`: a stage or an image; without it the context.
    pub from: Option<String>,
    /// `source`; of a secret its name.
    pub source: String,
    /// `target`.
    pub target: String,
    /// Whether it may only be read: by default a bind, a secret and an agent.
    pub read_only: bool,
    /// `size` of a tmpfs, in bytes.
    pub size_bytes: Option<u64>,
    /// `id` of a cache, a secret or an agent.
    pub id: Option<String>,
    /// `sharing` of a cache; shared unless it is said.
    pub sharing: Option<Sharing>,
    /// Whether the build fails without this secret or agent.
    pub required: bool,
    /// `env`: the variable that a secret goes into.
    pub env: Option<String>,
    /// `mode`, permission bits.
    pub mode: Option<u32>,
    /// `uid`.
    pub uid: Option<u32>,
    /// `gid`.
    pub gid: Option<u32>,
}

/// The type of a mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the type of its name")]
pub enum MountKind {
    #[default]
    Bind,
    Cache,
    Tmpfs,
    Secret,
    Ssh,
}

/// Who may write to a cache at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Everyone.
    Shared,
    /// Each writer gets one of its own.
    Private,
    /// One waits for the other.
    Locked,
}

impl MountKind {
    pub(super) const ALL: [(&str, MountKind); 5] = [
        ("bind", MountKind::Bind),
        ("cache", MountKind::Cache),
        ("tmpfs", MountKind::Tmpfs),
        ("secret", MountKind::Secret),
        ("ssh", MountKind::Ssh),
    ];

    /// Its name in the Dockerfile.
    pub fn name(self) -> &'static str {
        MountKind::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    pub(super) fn may_be_required(self) -> bool {
        matches!(self, MountKind::Secret | MountKind::Ssh)
    }
}

impl MountFlag {
    /// # Errors
    /// A quote that does not fit, a variable in `from`.
    pub(crate) fn new(value: &Word) -> Result<MountFlag, Diagnostic> {
        let fields = fields(value).map_err(|problem| {
            let message = format!("invalid mount {:?}: {problem}", value.text);
            Diagnostic::new(value.span, message).expected("key=value fields between commas")
        })?;
        let mut from = None;
        for (_, stage) in fields
            .iter()
            .filter_map(|f| f.split_once('='))
            .filter(|(key, _)| key.eq_ignore_ascii_case("from"))
        {
            if stage.find('$').is_some_and(|at| at + 1 < stage.len()) {
                let message = "'from' doesn't support variable expansion, define alias stage instead";
                return Err(
                    Diagnostic::new(value.span, message).hint("FROM takes variables: FROM $image AS name")
                );
            }
            from = Some(stage.to_owned()).filter(|stage| !stage.is_empty());
        }
        Ok(MountFlag { value: value.clone(), from, fields })
    }

    /// The mount, with its variables expanded.
    ///
    /// # Errors
    /// A key that there is not, or not for this type; a value that is none.
    pub(crate) fn resolve(&self, expansion: &mut Expansion<'_>) -> Result<Mount, Diagnostic> {
        let mut mount = Mount::default();
        let mut access = None;
        for text in &self.fields {
            let field = Field::parse(text, &self.value, expansion)?;
            match field.key {
                Key::ReadOnly => access = Some(field.boolean()?),
                Key::ReadWrite => access = Some(!field.boolean()?),
                _ => field.apply(&mut mount)?,
            }
        }
        let is_writable = matches!(mount.kind, MountKind::Cache | MountKind::Tmpfs);
        mount.read_only = access.unwrap_or(!is_writable);
        mount.check().map_err(|problem| Diagnostic::new(self.value.span, problem))?;
        Ok(mount)
    }
}

impl Default for Mount {
    fn default() -> Mount {
        Mount {
            kind: MountKind::Bind,
            from: None,
            source: String::new(),
            target: String::new(),
            read_only: true,
            size_bytes: None,
            id: None,
            sharing: None,
            required: false,
            env: None,
            mode: None,
            uid: None,
            gid: None,
        }
    }
}

impl Mount {
    /// What of its keys does not go together.
    fn check(&self) -> Result<(), String> {
        let has_owner = matches!(self.kind, MountKind::Secret | MountKind::Ssh | MountKind::Cache);
        let owners = [("mode", self.mode), ("uid", self.uid), ("gid", self.gid)];
        if let Some((key, _)) = owners.iter().find(|(_, value)| !has_owner && value.is_some()) {
            return Err(format!("{key} not allowed for {:?} type mounts", self.kind.name()));
        }
        if self.kind == MountKind::Secret {
            self.check_secret()?;
        }
        if self.sharing.is_some() && self.kind != MountKind::Cache {
            return Err(format!("invalid cache sharing set for {} mount", self.kind.name()));
        }
        Ok(())
    }

    fn check_secret(&self) -> Result<(), String> {
        let has_source = !self.source.is_empty();
        if self.from.is_some() {
            return Err("secret mount should not have a from".into());
        }
        if self.sharing.is_some() {
            return Err("secret mount should not define sharing".into());
        }
        if !has_source && self.target.is_empty() && self.id.is_none() {
            return Err("invalid secret mount. one of source, target required".into());
        }
        if has_source && self.id.is_some() {
            return Err("both source and id can't be set".into());
        }
        Ok(())
    }
}
