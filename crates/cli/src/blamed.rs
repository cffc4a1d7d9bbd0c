//! What `oci-blame` prints of a file: a table, or `docs/schemas/blame.json` a line.

use crate::size::human_size;
use crate::table::{Align, Table, truncated};
use image_format::{Base, Digest, Step, edit, steps};
use serde::Serialize;

/// How many letters of a command are shown, as `oci-history` does.
const COMMAND: usize = 45;

/// How many digits of an image's digest are shown.
const DIGITS: usize = 12;

/// What a layer did to a file.
#[derive(Clone, Debug, Serialize)]
pub struct Blamed {
    /// The file, from the image's root.
    pub path: String,
    /// `brought`, `changed` or `removed`; `set` where it is not known which of the first two.
    pub did: &'static str,
    /// What the file is since, `file` or `symlink`; nothing where it was removed.
    pub r#type: Option<String>,
    /// How many bytes it has.
    pub size: u64,
    /// The layer, with the step that made it.
    #[serde(flatten)]
    pub origin: LayerOrigin,
}

/// Where a layer of an image comes from.
#[derive(Clone, Debug, Serialize)]
pub struct LayerOrigin {
    /// Its number, counted from 1 at the bottom.
    pub layer: usize,
    /// How many layers the image has.
    pub layers: usize,
    /// The layer's digest.
    pub digest: Digest,
    /// The digest of its plain tar.
    pub diff_id: Option<Digest>,
    /// When it was made, RFC 3339.
    pub created: Option<String>,
    /// By which command.
    pub created_by: Option<String>,
    /// A message.
    pub comment: Option<String>,
    /// The image that it belongs to: this one, or what that was made on.
    pub image: String,
    /// Is it the latter?
    pub is_base: bool,
}

impl LayerOrigin {
    /// Where the layers of the image with these `parts` come from, which is called `reference`; bottom first.
    pub fn all(reference: &str, parts: &edit::Image, base: Option<&Base>) -> Vec<LayerOrigin> {
        let steps = steps(&parts.manifest, &parts.config);
        let of_base = base.and_then(|base| base.boundary).map_or(0, |boundary| boundary.layers);
        let layers = parts.manifest.layers.len();
        let origin = |(number, step): (usize, &Step<'_>)| {
            let base = base.filter(|_| number < of_base);
            let history = step.history.cloned().unwrap_or_default();
            Some(LayerOrigin {
                layer: number + 1,
                layers,
                digest: step.layer?.digest,
                diff_id: step.diff_id.map(|diff_id| *diff_id.digest()),
                created: history.created,
                created_by: history.created_by,
                comment: history.comment,
                image: base.map_or(reference, |base| &base.reference).to_owned(),
                is_base: base.is_some(),
            })
        };
        steps.iter().filter(|step| step.layer.is_some()).enumerate().filter_map(origin).collect()
    }
}

impl LayerOrigin {
    /// By which command; a comment, where that is all that is known.
    fn command(&self, whole: bool) -> String {
        let comment = || self.comment.as_ref().map(|comment| format!("({comment})"));
        let written = self.created_by.clone().filter(|command| !command.is_empty());
        let command = written.or_else(comment).unwrap_or_default();
        if whole { command } else { truncated(&command.replace(['\t', '\n'], " "), COMMAND) }
    }

    fn image(&self, whole: bool) -> String {
        let kept = self.image.find("@sha256:").map_or(usize::MAX, |at| at + "@sha256:".len() + DIGITS);
        let image = self.image.get(..kept).filter(|_| !whole).unwrap_or(&self.image);
        if self.is_base { format!("base {image}") } else { image.to_owned() }
    }
}

/// The table of several; `whole`: commands and digests are not cut.
pub fn blame_table(lines: &[Blamed], whole: bool, terminal: bool) -> Table {
    let columns = [
        ("LAYER", Align::Right),
        ("DIGEST", Align::Left),
        ("DID", Align::Left),
        ("TYPE", Align::Left),
        ("SIZE", Align::Right),
        ("CREATED BY", Align::Left),
        ("IMAGE", Align::Left),
    ];
    let mut table = Table::new(&columns, terminal);
    for Blamed { did, r#type, size, origin, .. } in lines {
        table.row([
            format!("{}/{}", origin.layer, origin.layers),
            if whole { origin.digest.to_string() } else { origin.digest.short() },
            (*did).to_owned(),
            r#type.clone().unwrap_or_default(),
            if r#type.as_deref() == Some("file") { human_size(*size) } else { "-".to_owned() },
            origin.command(whole),
            origin.image(whole),
        ]);
    }
    table
}
