//! The keys of `--mount` and their values.

use super::mount::{Mount, MountKind, Sharing};
use crate::diagnostic::Diagnostic;
use crate::expand::Expansion;
use crate::span::Word;
use crate::suggestion::nearest;

/// What a field is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Type,
    From,
    Source,
    Target,
    ReadOnly,
    ReadWrite,
    Required,
    Size,
    Id,
    Sharing,
    Mode,
    Uid,
    Gid,
    Env,
}

const KEYS: [(&str, Key); 19] = [
    ("type", Key::Type),
    ("from", Key::From),
    ("source", Key::Source),
    ("target", Key::Target),
    ("readonly", Key::ReadOnly),
    ("id", Key::Id),
    ("sharing", Key::Sharing),
    ("required", Key::Required),
    ("size", Key::Size),
    ("mode", Key::Mode),
    ("uid", Key::Uid),
    ("gid", Key::Gid),
    ("src", Key::Source),
    ("dst", Key::Target),
    ("destination", Key::Target),
    ("ro", Key::ReadOnly),
    ("rw", Key::ReadWrite),
    ("readwrite", Key::ReadWrite),
    ("env", Key::Env),
];

/// `key=value`, or for a boolean only `key`.
pub(super) struct Field<'f> {
    pub(super) key: Key,
    name: String,
    value: String,
    place: &'f Word,
}

impl<'f> Field<'f> {
    pub(super) fn parse(
        text: &str,
        place: &'f Word,
        expansion: &mut Expansion<'_>,
    ) -> Result<Field<'f>, Diagnostic> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let name = name.to_ascii_lowercase();
        let key = KEYS.iter().find(|(known, _)| *known == name).map(|(_, key)| *key);
        let is_alone = matches!(key, Some(Key::ReadOnly | Key::ReadWrite | Key::Required));
        let Some(value) = value.or(is_alone.then_some("true")) else {
            let message = format!("invalid field '{text}' must be a key=value pair");
            return Err(Diagnostic::new(place.span, message).expected("key=value"));
        };
        let value = expansion.word(&place.with(value))?.text;
        let Some(key) = key else {
            let message = format!("unexpected key '{name}' in '{text}'");
            let guess = nearest(&name, KEYS.iter().map(|(known, _)| *known)).map(str::to_owned);
            return Err(Diagnostic::new(place.span, message).meant(guess));
        };
        Ok(Field { key, name, value, place })
    }

    pub(super) fn apply(self, mount: &mut Mount) -> Result<(), Diagnostic> {
        match self.key {
            Key::Type => mount.kind = self.of_names("unsupported mount type", &MountKind::ALL)?,
            Key::From => mount.from = some(self.value),
            Key::Source => mount.source = self.value,
            Key::Target => mount.target = self.value,
            Key::Required if mount.kind.may_be_required() => mount.required = self.boolean()?,
            Key::Size if mount.kind == MountKind::Tmpfs => mount.size_bytes = self.size()?,
            Key::Required | Key::Size => {
                let message =
                    format!("unexpected key '{}' for mount type '{}'", self.name, mount.kind.name());
                return Err(self.error(message));
            }
            Key::Id => mount.id = some(self.value),
            Key::Sharing => mount.sharing = Some(self.sharing()?),
            Key::Mode => mount.mode = Some(self.number(8)?),
            Key::Uid => mount.uid = Some(self.number(10)?),
            Key::Gid => mount.gid = Some(self.number(10)?),
            Key::Env => mount.env = Some(self.value),
            Key::ReadOnly | Key::ReadWrite => {}
        }
        Ok(())
    }

    /// As Go reads a boolean.
    pub(super) fn boolean(&self) -> Result<bool, Diagnostic> {
        match self.value.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(self.invalid().expected("true or false")),
        }
    }

    fn sharing(&self) -> Result<Sharing, Diagnostic> {
        let modes = [("shared", Sharing::Shared), ("private", Sharing::Private), ("locked", Sharing::Locked)];
        self.of_names("unsupported sharing value", &modes)
    }

    fn of_names<T: Copy>(&self, problem: &str, known: &[(&str, T)]) -> Result<T, Diagnostic> {
        let found = known.iter().find(|(name, _)| self.value.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let guess = nearest(&self.value, names.iter().copied()).map(str::to_owned);
            self.error(format!("{problem} {:?}", self.value)).expected(names.join(", ")).meant(guess)
        })
    }

    fn number(&self, radix: u32) -> Result<u32, Diagnostic> {
        let number = u32::from_str_radix(&self.value, radix).ok().filter(|_| !self.value.starts_with('+'));
        number.ok_or_else(|| {
            let expected = if radix == 8 { "an octal number" } else { "a number" };
            self.error(format!("invalid value {} for {}", self.value, self.name)).expected(expected)
        })
    }

    /// Bytes, or with a unit of 1024: `64m`, `1.5GiB`.
    fn size(&self) -> Result<Option<u64>, Diagnostic> {
        let size = size_bytes(&self.value);
        size.map(Some).ok_or_else(|| self.invalid().expected("a size, such as 64m or 1g"))
    }

    fn invalid(&self) -> Diagnostic {
        self.error(format!("invalid value for {}: {}", self.name, self.value))
    }

    fn error(&self, message: String) -> Diagnostic {
        Diagnostic::new(self.place.span, message)
    }
}

fn some(value: String) -> Option<String> {
    Some(value).filter(|value| !value.is_empty())
}

fn size_bytes(text: &str) -> Option<u64> {
    let end = text.rfind(|letter: char| letter.is_ascii_digit() || matches!(letter, '.' | ' '))? + 1;
    let (number, unit) = text.split_at(end);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = number.parse().ok().filter(|_| is_plain)?;
    let unit = unit.to_ascii_lowercase();
    let power = match unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit) {
        "" if unit != "ib" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let bytes = number * 1024_f64.powi(power);
    (bytes < i64::MAX as f64).then_some(bytes as u64)
}
