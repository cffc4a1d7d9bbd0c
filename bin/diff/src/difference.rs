//! A difference as it is printed: a mark, a name, and what else there is to say.

use cli::human_size;
use image_format::{ConfigDifference, ConfigValue};
use layer::{Aspect, FileDifference, FileKind, FileState, LayerDifference, PackageDifference, PackageState};
use serde::Serialize;

/// How a thing differs.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    Added,
    Removed,
    Changed,
    /// Both have it: a layer.
    Shared,
}

impl Change {
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Change::Added => "+",
            Change::Removed => "-",
            Change::Changed => "~",
            Change::Shared => "=",
        }
    }

    pub(crate) fn of<T>(before: Option<&T>, after: Option<&T>) -> Change {
        match (before, after) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        }
    }
}

/// Something that is not the same in two images: `docs/schemas/difference.json`.
pub(crate) trait Difference: Serialize {
    /// What it is, in an object and in a line.
    const KIND: &'static str;
    fn change(&self) -> Change;
    fn name(&self) -> Vec<u8>;
    /// What people want to know besides.
    fn detail(&self) -> String;
}

impl Difference for LayerDifference {
    const KIND: &'static str = "layer";

    fn change(&self) -> Change {
        match Change::of(self.before.as_ref(), self.after.as_ref()) {
            Change::Changed => Change::Shared,
            change => change,
        }
    }

    fn name(&self) -> Vec<u8> {
        self.diff_id.to_string().into()
    }

    fn detail(&self) -> String {
        let size = |state: &layer::LayerState| human_size(state.size);
        let state = self.after.as_ref().or(self.before.as_ref());
        let command = self.created_by.as_deref().unwrap_or_default();
        format!("{}  {}", state.map(size).unwrap_or_default(), cli::truncated(command, 80))
    }
}

impl Difference for ConfigDifference {
    const KIND: &'static str = "config";

    fn change(&self) -> Change {
        Change::of(self.before.as_ref(), self.after.as_ref())
    }

    fn name(&self) -> Vec<u8> {
        let name = self.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        format!("{}{name}", self.key).into()
    }

    fn detail(&self) -> String {
        let text = |ConfigValue { value }: &ConfigValue| match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        };
        transition(self.before.as_ref().map(text), self.after.as_ref().map(text))
    }
}

impl Difference for PackageDifference {
    const KIND: &'static str = "package";

    fn change(&self) -> Change {
        Change::of(self.before.as_ref(), self.after.as_ref())
    }

    fn name(&self) -> Vec<u8> {
        self.full_name().into()
    }

    fn detail(&self) -> String {
        let both = self.before.as_ref().zip(self.after.as_ref());
        let moved = both.is_some_and(|(before, after)| before.architecture != after.architecture);
        let text = |state: &PackageState| match moved {
            true => format!("{} ({})", state.version, state.architecture),
            false => state.version.clone(),
        };
        transition(self.before.as_ref().map(text), self.after.as_ref().map(text))
    }
}

impl Difference for FileDifference {
    const KIND: &'static str = "file";

    fn change(&self) -> Change {
        Change::of(self.before.as_ref(), self.after.as_ref())
    }

    fn name(&self) -> Vec<u8> {
        [b"/", self.path.as_bytes()].concat()
    }

    fn detail(&self) -> String {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                let aspects: Vec<_> =
                    self.what.iter().map(|aspect| aspect_text(*aspect, before, after)).collect();
                aspects.join(", ")
            }
            (one, other) => one.as_ref().or(other.as_ref()).map(state_text).unwrap_or_default(),
        }
    }
}

fn transition(before: Option<String>, after: Option<String>) -> String {
    match (before, after) {
        (Some(before), Some(after)) => format!("{before} → {after}"),
        (one, other) => one.or(other).unwrap_or_default(),
    }
}

fn state_text(state: &FileState) -> String {
    match state.kind {
        FileKind::File if state.again => format!("{}, another name of a file above", human_size(state.size)),
        FileKind::File => human_size(state.size),
        FileKind::Symlink => format!("→ {}", target(state)),
        kind => kind_text(kind).to_owned(),
    }
}

fn target(state: &FileState) -> String {
    String::from_utf8_lossy(state.target.as_deref().unwrap_or_default()).into_owned()
}

fn kind_text(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "file",
        FileKind::Directory => "directory",
        FileKind::Symlink => "symlink",
        FileKind::CharacterDevice => "character device",
        FileKind::BlockDevice => "block device",
        FileKind::Fifo => "named pipe",
    }
}

fn aspect_text(aspect: Aspect, before: &FileState, after: &FileState) -> String {
    let both = |word: &str, text: &dyn Fn(&FileState) -> String| {
        format!("{word} {} → {}", text(before), text(after))
    };
    match aspect {
        Aspect::Content => both("content", &|state| human_size(state.size)),
        Aspect::Type => both("type", &|state| kind_text(state.kind).to_owned()),
        Aspect::Target => both("target", &target),
        Aspect::Device => both("device", &|state| {
            state.device.map(|device| format!("{}:{}", device.major, device.minor)).unwrap_or_default()
        }),
        Aspect::Mode => both("mode", &|state| format!("{:04o}", state.mode)),
        Aspect::Owner => both("owner", &|state| format!("{}:{}", state.uid, state.gid)),
        Aspect::Time => {
            both("time", &|state| state.mtime.map(|time| time.seconds.to_string()).unwrap_or_default())
        }
        Aspect::Xattrs => format!("xattrs {}", xattr_names(before, after).join(" ")),
    }
}

/// The attributes that are not the same.
fn xattr_names(before: &FileState, after: &FileState) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = before.xattrs.keys().chain(after.xattrs.keys()).collect();
    let differ = names.into_iter().filter(|name| before.xattrs.get(*name) != after.xattrs.get(*name));
    differ.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}
