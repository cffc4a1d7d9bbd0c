//! What `oci-history` prints of an image: docker's table, or `docs/schemas/history.json` a line.

use crate::age::human_age;
use crate::readable::Readable;
use crate::size::human_size;
use crate::table::{Align, Table, truncated};
use image_format::{Base, Descriptor, Digest, Source, Step, edit, steps};
use serde::Serialize;

/// How many letters of a command docker shows.
const COMMAND: usize = 45;

/// One step in the making of an image.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// When, RFC 3339; null where nobody said.
    pub created: Option<String>,
    /// By which command.
    pub created_by: Option<String>,
    /// A message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Did it leave no layer?
    pub empty_layer: bool,
    /// The layer's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The digest of the layer's plain tar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<Digest>,
    /// The layer's length in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The length of its plain tar, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpacked: Option<u64>,
    /// Which image it comes from, where that is not this one but what it was made on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// The steps of an image, newest first, and its ID.
#[derive(Clone, Debug)]
pub struct ImageHistory {
    /// The digest of the config, docker's IMAGE ID.
    pub id: Digest,
    /// The steps, newest first.
    pub entries: Vec<Entry>,
    /// What the image was made on.
    pub base: Option<Base>,
}

/// How a table of history is printed.
#[derive(Clone, Copy, Debug)]
pub struct HistoryForm {
    /// Sizes as `28.2MB`, times as `2 weeks ago`.
    pub human: bool,
    /// Whole commands, whole IDs.
    pub whole: bool,
    /// Seconds since 1970.
    pub now: i64,
    /// Where it goes.
    pub terminal: bool,
}

impl ImageHistory {
    /// The history of `image`, which has these `parts` and is made on `base`.
    ///
    /// `unpacked` finds out the length of a layer's plain tar, where it can without unpacking it; for an image in a
    /// registry it is not asked, since that would fetch the layer.
    pub fn of(
        image: &Readable,
        parts: &edit::Image,
        base: Option<Base>,
        unpacked: impl Fn(&dyn Source, &Descriptor) -> Option<u64>,
    ) -> ImageHistory {
        let edit::Image { manifest, config } = parts;
        let entry = |step: &Step<'_>| {
            let line = step.history.cloned().unwrap_or_default();
            Entry {
                created: line.created,
                created_by: line.created_by,
                comment: line.comment,
                empty_layer: step.layer.is_none(),
                digest: step.layer.map(|layer| layer.digest),
                diff_id: step.diff_id.map(|diff_id| *diff_id.digest()),
                size: step.layer.map(|layer| layer.size),
                unpacked: step
                    .layer
                    .filter(|_| image.is_here())
                    .and_then(|layer| unpacked(image.source(), layer)),
                base: None,
            }
        };
        let mut entries: Vec<Entry> = steps(manifest, config).iter().map(entry).collect();
        for entry in &mut entries[..of_base(base.as_ref())] {
            entry.base = base.as_ref().map(|base| base.reference.clone());
        }
        entries.reverse();
        ImageHistory { id: manifest.config.digest, entries, base }
    }

    /// Docker's table.
    pub fn table(&self, form: HistoryForm) -> Table {
        let mut table = Table::new(
            &[
                ("IMAGE", Align::Left),
                ("CREATED", Align::Left),
                ("CREATED BY", Align::Left),
                ("SIZE", Align::Right),
                ("UNPACKED", Align::Right),
                ("COMMENT", Align::Left),
            ],
            form.terminal,
        );
        let of_image = self.entries.len() - of_base(self.base.as_ref());
        for (position, entry) in self.entries.iter().enumerate() {
            if let Some(base) = self.base.as_ref().filter(|_| position == of_image) {
                table.line(&format!("from {}", base.reference));
            }
            let id = match position {
                0 if form.whole => self.id.to_string(),
                0 => self.id.short(),
                _ => "<missing>".to_owned(),
            };
            table.row([
                id,
                if form.human {
                    human_age(entry.created.as_deref(), form.now)
                } else {
                    entry.created.clone().unwrap_or_default()
                },
                entry.command(form.whole),
                size(entry.size.or(Some(0)), form.human),
                size(if entry.empty_layer { Some(0) } else { entry.unpacked }, form.human),
                entry.comment.clone().unwrap_or_default(),
            ]);
        }
        table
    }
}

/// How many steps are the base's.
fn of_base(base: Option<&Base>) -> usize {
    base.and_then(|base| base.boundary).map_or(0, |boundary| boundary.steps)
}

impl Entry {
    fn command(&self, whole: bool) -> String {
        let command = self.created_by.clone().unwrap_or_default();
        if whole { command } else { truncated(&command.replace(['\t', '\n'], " "), COMMAND) }
    }

    /// The layer's digest, or `-`.
    pub fn layer(&self) -> String {
        self.digest.map_or_else(|| "-".to_owned(), |digest| digest.to_string())
    }
}

fn size(bytes: Option<u64>, human: bool) -> String {
    match bytes {
        None => "-".to_owned(),
        Some(bytes) if human => human_size(bytes),
        Some(bytes) => bytes.to_string(),
    }
}
