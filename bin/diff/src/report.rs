//! What `oci-diff` prints: sections for people, lines with `-q`, objects with `--json`.

use crate::difference::{Change, Difference};
use cli::{Align, Error, Io, Table, escaped, human_size};
use layer::{Amount, FileDifference, Folded, LayerChanges, LayerDifference, folded};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is printed, difference by difference.
pub(crate) struct Report<'a> {
    io: &'a mut Io,
    lines: bool,
    /// Names are printed as they are.
    whole: bool,
    differs: bool,
    begun: bool,
}

/// `docs/schemas/difference.json`.
#[derive(Serialize)]
struct Object<'a, T> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<usize>,
    #[serde(flatten)]
    of: &'a T,
}

/// A layer of one image, and what it does.
#[derive(Serialize)]
struct LayerObject<'a> {
    #[serde(flatten)]
    layer: &'a LayerDifference,
    #[serde(flatten)]
    changes: &'a LayerChanges,
}

impl<'a> Report<'a> {
    /// `lines`: a line a difference, and nothing else; `whole`: with names as they are.
    pub(crate) fn new(io: &'a mut Io, lines: bool, whole: bool) -> Report<'a> {
        Report { io, lines, whole, differs: false, begun: false }
    }

    pub(crate) fn io(&self) -> &Io {
        self.io
    }

    /// Has anything been printed that the images have not in common?
    pub(crate) fn differs(&self) -> bool {
        self.differs
    }

    /// Differences of one kind. Nothing for people where all of them are shared.
    pub(crate) fn section<D: Difference>(&mut self, title: &str, found: Vec<D>) -> Result<(), Error> {
        let differ = found.iter().any(|one| one.change() != Change::Shared);
        self.differs |= differ;
        if self.is_for_people() {
            if differ {
                self.heading(title)?;
            }
            return found.iter().filter(|_| differ).try_for_each(|one| self.line(one, &one.detail()));
        }
        let all = self.io.output().is_json();
        let mut told = found.iter().filter(|one| all || one.change() != Change::Shared);
        told.try_for_each(|one| self.record(one, None))
    }

    /// Files; `compare` is asked for them once to count them, and once to print them.
    pub(crate) fn files<I>(&mut self, compare: impl Fn() -> I) -> Result<(), Error>
    where
        I: Iterator<Item = FileDifference>,
    {
        if !self.is_for_people() {
            return compare().try_for_each(|file| {
                self.differs = true;
                self.io.interrupt().check()?;
                self.record(&file, None)
            });
        }
        let mut tally: BTreeMap<&str, Amount> = BTreeMap::new();
        for file in compare() {
            tally.entry(file.change().mark()).or_default().count(&file);
        }
        if tally.is_empty() {
            return Ok(());
        }
        self.differs = true;
        let of = |mark| tally.get(mark).copied().unwrap_or_default();
        let (added, removed, changed) = (of("+"), of("-"), of("~"));
        self.heading(&format!(
            "Files: {} added, {} removed, {} changed",
            text(added),
            text(removed),
            text(changed)
        ))?;
        folded(compare()).try_for_each(|folded| {
            self.io.interrupt().check()?;
            self.folded(&folded)
        })
    }

    /// What each layer of an image does, and to which files.
    pub(crate) fn layers(
        &mut self,
        layers: &[LayerDifference],
        changes: &[LayerChanges],
        files: &[(usize, FileDifference)],
    ) -> Result<(), Error> {
        if self.is_for_people() {
            self.table(layers, changes)?;
            return self.files_of_layers(files);
        }
        for (position, (layer, changes)) in layers.iter().zip(changes).enumerate() {
            if self.io.output().is_json() {
                let of = LayerObject { layer, changes };
                self.io.output().object(&Object {
                    kind: "layer",
                    change: None,
                    layer: Some(position),
                    of: &of,
                })?;
            } else {
                self.io.output().record(layer_line(layer, changes).as_bytes())?;
            }
        }
        files.iter().try_for_each(|(position, file)| self.record(file, Some(*position)))
    }

    fn files_of_layers(&mut self, files: &[(usize, FileDifference)]) -> Result<(), Error> {
        for of_layer in files.chunk_by(|one, other| one.0 == other.0) {
            self.begun = true;
            self.heading(&format!("Layer {}", of_layer[0].0))?;
            let files = of_layer.iter().map(|(_, file)| file.clone());
            folded(files).try_for_each(|folded| self.folded(&folded))?;
        }
        Ok(())
    }

    fn table(&mut self, layers: &[LayerDifference], changes: &[LayerChanges]) -> Result<(), Error> {
        let columns = [
            ("LAYER", Align::Right),
            ("SIZE", Align::Right),
            ("ADDED", Align::Right),
            ("CHANGED", Align::Right),
            ("DELETED", Align::Right),
            ("WASTED", Align::Right),
            ("CREATED BY", Align::Left),
        ];
        let mut table = Table::new(&columns, true);
        let mut wasted = 0_u64;
        for (position, (layer, of)) in layers.iter().zip(changes).enumerate() {
            wasted = wasted.saturating_add(of.wasted.bytes);
            table.row([
                position.to_string(),
                human_size(layer.after.as_ref().map_or(0, |state| state.size)),
                text(of.added),
                text(of.changed),
                text(of.deleted),
                text(of.wasted),
                cli::truncated(layer.created_by.as_deref().unwrap_or_default(), 60),
            ]);
        }
        self.io.output().table(&table)?;
        self.io.output().bytes(format!("\n{} wasted in all\n", human_size(wasted)).as_bytes())
    }

    fn is_for_people(&mut self) -> bool {
        !self.lines && !self.io.output().is_json()
    }

    fn heading(&mut self, title: &str) -> Result<(), Error> {
        let apart = if std::mem::replace(&mut self.begun, true) { "\n" } else { "" };
        self.io.output().bytes(format!("{apart}{title}\n").as_bytes())
    }

    fn line<D: Difference>(&mut self, one: &D, detail: &str) -> Result<(), Error> {
        let name = one.name();
        let name = String::from_utf8_lossy(&name);
        let line = format!("  {} {}  {}", one.change().mark(), escaped(&name), escaped(detail));
        self.io.output().bytes(format!("{}\n", line.trim_end()).as_bytes())
    }

    fn folded(&mut self, folded: &Folded) -> Result<(), Error> {
        let Folded { difference, within } = folded;
        let detail = match within.count {
            0 => difference.detail(),
            _ => format!("directory, {}", text(*within)),
        };
        self.line(difference, &detail)
    }

    /// An object, or a line that only `-0` leaves as it is: whatever is in a name, it forges no other line.
    fn record<D: Difference>(&mut self, one: &D, layer: Option<usize>) -> Result<(), Error> {
        let change = one.change();
        if self.io.output().is_json() {
            return self.io.output().object(&Object { kind: D::KIND, change: Some(change), layer, of: one });
        }
        let layer = layer.map(|position| format!("\t{position}")).unwrap_or_default();
        let mut line = format!("{}{layer}\t{}\t", D::KIND, change.mark()).into_bytes();
        let name = one.name();
        match self.whole {
            true => line.extend(name),
            false => line.extend(escaped(&String::from_utf8_lossy(&name)).bytes()),
        }
        self.io.output().record(&line)
    }
}

/// What a layer does, for programs: its number of bytes added, changed, deleted and wasted.
fn layer_line(layer: &LayerDifference, changes: &LayerChanges) -> String {
    let LayerChanges { added, changed, deleted, wasted } = changes;
    format!(
        "layer\t{}\t{}\t{}\t{}\t{}",
        layer.diff_id, added.bytes, changed.bytes, deleted.bytes, wasted.bytes
    )
}

/// `12 (3.4MB)`.
fn text(amount: Amount) -> String {
    match amount {
        Amount { count: 0, .. } => "0".to_owned(),
        Amount { count, bytes: 0 } => count.to_string(),
        Amount { count, bytes } => format!("{count} ({})", human_size(bytes)),
    }
}
