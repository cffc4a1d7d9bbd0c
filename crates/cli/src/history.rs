//! What `oci-history` prints of an image: docker's table, or `docs/schemas/history.json` a line.

use crate::age::human_age;
use crate::error::Error;
use crate::readable::Readable;
use crate::size::human_size;
use crate::table::{Align, Table, truncated};
use image_format::{Descriptor, Digest, Platform, Source, Step, steps};
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
}

/// The steps of an image, newest first, and its ID.
#[derive(Clone, Debug)]
pub struct ImageHistory {
    /// The digest of the config, docker's IMAGE ID.
    pub id: Digest,
    /// The steps, newest first.
    pub entries: Vec<Entry>,
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
    /// Reads the history of an image; of an index, that of `platform` or the host's.
    ///
    /// `unpacked` finds out the length of a layer's plain tar, where it can without unpacking it; for an image in a
    /// registry it is not asked, since that would fetch the layer.
    ///
    /// # Errors
    /// Manifest or config are missing, or not what their descriptors say.
    pub fn of(
        image: &Readable,
        platform: Option<&Platform>,
        unpacked: impl Fn(&dyn Source, &Descriptor) -> Option<u64>,
    ) -> Result<ImageHistory, Error> {
        let image_format::edit::Image { manifest, config } = image.parts(platform)?;
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
            }
        };
        let mut entries: Vec<Entry> = steps(&manifest, &config).iter().map(entry).collect();
        entries.reverse();
        Ok(ImageHistory { id: manifest.config.digest, entries })
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
        for (position, entry) in self.entries.iter().enumerate() {
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
