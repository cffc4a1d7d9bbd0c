//! An edit of `index.json`: names are set, moved and removed; all other rows stay as they are.

use crate::snapshot::{Row, Snapshot};
use image_format::{Claim, Descriptor, Digest, ImageName, Members, annotation};
use serde_json::Value;
use std::collections::HashMap;

/// A change of `index.json`, made under the lock by [`crate::Layout::update_index`].
///
/// A row that gets a new content keeps its place; new rows come last.
#[derive(Debug)]
pub struct IndexEdit<'a> {
    snapshot: &'a Snapshot,
    /// What became of the snapshot's rows, by position; `None`: removed.
    changed: HashMap<usize, Option<NewRow>>,
    added: Vec<Option<NewRow>>,
    /// Where the names given in this edit are.
    named: HashMap<ImageName, Position>,
    /// Where the rows written in this edit are; some have been removed since.
    written: HashMap<Digest, Vec<Position>>,
    /// Where this edit keeps an image without a name, in `added`.
    kept: HashMap<Digest, usize>,
}

#[derive(Debug)]
struct NewRow {
    digest: Digest,
    json: String,
}

/// Where a row stands: among the old ones, or among those that this edit adds.
#[derive(Clone, Copy, Debug)]
enum Position {
    Old(usize),
    New(usize),
}

impl<'a> IndexEdit<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> IndexEdit<'a> {
        IndexEdit {
            snapshot,
            changed: HashMap::new(),
            added: Vec::new(),
            named: HashMap::new(),
            written: HashMap::new(),
            kept: HashMap::new(),
        }
    }

    /// The rows as they were before this edit.
    pub fn before(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// Gives `descriptor` the name; every other claim to it is removed, and so is a row that held the image
    /// without a name.
    ///
    /// The row that held the name changes where it stands. Other annotations of `descriptor` stay; if the name held
    /// this digest before, so do the old row's. The digest is not looked for: the blobs must be there.
    pub fn set_name(&mut self, name: &ImageName, descriptor: &Descriptor) {
        let name = name.unpinned();
        let claim = Claim::Name(name.clone());
        let holder = self.named.get(&name).copied().or_else(|| {
            let last = self.snapshot.claimants(&claim).last().copied()?;
            (!self.changed.contains_key(&last) && !self.outlives(last)).then_some(Position::Old(last))
        });
        let json = self.named_row(&name, descriptor, holder);
        self.remove_name(&claim);
        self.remove_unnamed(&descriptor.digest);
        let place = self.write(holder, NewRow { digest: descriptor.digest, json });
        self.named.insert(name, place);
    }

    /// Keeps `descriptor` without a name, unless it has a row already.
    pub fn add(&mut self, descriptor: &Descriptor) {
        let digest = descriptor.digest;
        if !self.has_row(&digest) {
            let json = self.with_unknown_members(to_json(&unnamed(descriptor)), &digest, None);
            self.kept.insert(digest, self.added.len());
            self.write(None, NewRow { digest, json });
        }
    }

    /// Adds a row as it is, unless the very same is there: for referrers, which have annotations of their own.
    pub fn add_row(&mut self, descriptor: &Descriptor) {
        let (digest, json) = (descriptor.digest, to_json(descriptor));
        let old = |at: &usize| !self.changed.contains_key(at) && self.snapshot.row(*at).json == json;
        let new = |place: &Position| self.row_at(*place).is_some_and(|row| row.json == json);
        let here = self.snapshot.with_digest(&digest).iter().any(old)
            || self.written.get(&digest).is_some_and(|places| places.iter().any(new));
        if !here {
            self.write(None, NewRow { digest, json });
        }
    }

    /// Takes the name away from whatever claims it, and returns the digest of what held it.
    ///
    /// A row that has a tag of its own keeps its image under that.
    pub fn remove_name(&mut self, claim: &Claim) -> Option<Digest> {
        let mut held = None;
        for position in self.snapshot.claimants(claim).iter() {
            if self.changed.contains_key(position) {
                continue;
            }
            let row = self.snapshot.row(*position);
            held = row.digest();
            match without_claim(row) {
                Some(rest) => drop(self.write(Some(Position::Old(*position)), rest)),
                None => drop(self.changed.insert(*position, None)),
            }
        }
        for position in self.snapshot.tagged(claim).iter() {
            if !matches!(self.changed.get(position), Some(None)) {
                self.changed.insert(*position, None);
                held = self.snapshot.row(*position).digest();
            }
        }
        if let Claim::Name(name) = claim
            && let Some(place) = self.named.remove(name)
        {
            held = self.remove_at(place).map(|row| row.digest);
        }
        held
    }

    /// Removes every row of this digest, named or not, and returns how many there were.
    pub fn remove_digest(&mut self, digest: &Digest) -> usize {
        let mut count = 0;
        for position in self.snapshot.with_digest(digest).iter() {
            if !self.changed.contains_key(position) {
                self.changed.insert(*position, None);
                count += 1;
            }
        }
        self.kept.remove(digest);
        for place in self.written.remove(digest).unwrap_or_default() {
            if self.row_at(place).is_some_and(|row| row.digest == *digest) {
                self.remove_at(place);
                count += 1;
            }
        }
        self.named.retain(|_, place| match place {
            Position::Old(position) => self.changed.get(position).is_some_and(Option::is_some),
            Position::New(position) => self.added[*position].is_some(),
        });
        count
    }

    /// Would [`IndexEdit::remove_name`] leave this row of [`IndexEdit::before`], under its own tag?
    pub(crate) fn outlives(&self, position: usize) -> bool {
        without_claim(self.snapshot.row(position)).is_some()
    }

    /// The images that had a row before this edit and have none now, since their last name was given to another: those
    /// names, in order, with the digest that each had.
    pub fn displaced(&self) -> Vec<(ImageName, Digest)> {
        let lost = |name: &ImageName| {
            let before = self.snapshot.find(&Claim::Name(name.clone()))?.digest()?;
            (!self.has_row(&before)).then(|| (name.clone(), before))
        };
        let mut lost: Vec<_> = self.named.keys().filter_map(lost).collect();
        lost.sort();
        lost
    }

    fn has_row(&self, digest: &Digest) -> bool {
        let old = |position: &usize| !self.changed.contains_key(position);
        let new = |place: &Position| self.row_at(*place).is_some_and(|row| row.digest == *digest);
        self.snapshot.with_digest(digest).iter().any(old)
            || self.written.get(digest).is_some_and(|places| places.iter().any(new))
    }

    /// Removes the row at `position` of [`IndexEdit::before`].
    pub fn remove_row(&mut self, position: usize) {
        self.changed.insert(position, None);
    }

    fn remove_unnamed(&mut self, digest: &Digest) {
        for position in self.snapshot.unnamed(digest).iter() {
            self.changed.entry(*position).or_insert(None);
        }
        if let Some(kept) = self.kept.remove(digest) {
            self.added[kept] = None;
        }
    }

    fn row_at(&self, place: Position) -> Option<&NewRow> {
        match place {
            Position::Old(position) => self.changed.get(&position)?.as_ref(),
            Position::New(position) => self.added[position].as_ref(),
        }
    }

    fn remove_at(&mut self, place: Position) -> Option<NewRow> {
        match place {
            Position::Old(position) => self.changed.insert(position, None).flatten(),
            Position::New(position) => self.added[position].take(),
        }
    }

    fn write(&mut self, place: Option<Position>, row: NewRow) -> Position {
        let place = place.unwrap_or(Position::New(self.added.len()));
        self.written.entry(row.digest).or_default().push(place);
        match place {
            Position::Old(position) => drop(self.changed.insert(position, Some(row))),
            Position::New(position) if position < self.added.len() => self.added[position] = Some(row),
            Position::New(_) => self.added.push(Some(row)),
        }
        place
    }

    /// Both annotations hold the full name, `ref.name` only where its grammar allows.
    fn named_row(&self, name: &ImageName, descriptor: &Descriptor, holder: Option<Position>) -> String {
        let full = name.to_string();
        let mut row = unnamed(descriptor).with_annotation(annotation::CONTAINERD_NAME, &*full);
        if ImageName::fits_ref_name(&full) {
            row = row.with_annotation(annotation::REF_NAME, &*full);
        }
        let before = match holder {
            Some(Position::Old(position)) => Some(self.snapshot.row(position).json),
            Some(place) => self.row_at(place).map(|row| row.json.as_str()),
            None => None,
        };
        let before = before.and_then(|json| Some((json, serde_json::from_str::<Descriptor>(json).ok()?)));
        match before {
            Some((json, old)) if old.digest == descriptor.digest => {
                for (key, value) in unnamed(&old).annotations.unwrap_or_default() {
                    row.annotations.get_or_insert_default().entry(key).or_insert(value);
                }
                self.with_unknown_members(to_json(&row), &row.digest, Some(json))
            }
            _ => self.with_unknown_members(to_json(&row), &row.digest, None),
        }
    }

    /// Members that a [`Descriptor`] does not know stay with the content that they describe: from the row that is
    /// rewritten, or else from another row of this digest.
    fn with_unknown_members(&self, json: String, digest: &Digest, from: Option<&str>) -> String {
        let from = from.or_else(|| {
            let position = *self.snapshot.with_digest(digest).first()?;
            Some(self.snapshot.row(position).json)
        });
        let Some(from) = from.and_then(|from| Members::parse(from.as_bytes()).ok()) else { return json };
        let mut members = Members::parse(json.as_bytes()).expect("it was written just now");
        let mut found = false;
        for (key, value) in from.iter().filter(|(key, _)| !KNOWN.contains(key)) {
            found |= members.get(key).is_none() && members.set(key, value).is_ok();
        }
        if found { String::from_utf8(members.to_json()).unwrap_or(json) } else { json }
    }

    /// The file after this edit; `None` where it changes nothing.
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        let same = |(position, row): (&usize, &Option<NewRow>)| {
            row.as_ref().is_some_and(|row| is_same(&row.json, self.snapshot.row(*position).json))
        };
        if self.added.iter().all(Option::is_none) && self.changed.iter().all(same) {
            return None;
        }
        let old = self.snapshot.rows().filter_map(|row| match self.changed.get(&row.position) {
            Some(new) if !same((&row.position, new)) => new.as_ref().map(|new| new.json.as_str()),
            _ => Some(row.json),
        });
        let added = self.added.iter().flatten().map(|row| row.json.as_str());
        Some(self.snapshot.index().with_rows(old.chain(added)))
    }
}

/// The members that [`Descriptor`] has.
const KNOWN: [&str; 7] = ["mediaType", "digest", "size", "urls", "annotations", "platform", "artifactType"];

/// Do two rows say the same, however they are spaced and ordered?
fn is_same(one: &str, other: &str) -> bool {
    let parse = |json| serde_json::from_str::<Value>(json).ok();
    one == other || (parse(one).is_some() && parse(one) == parse(other))
}

/// What is left of a row that loses the name that it claims: one with a tag of its own loses no more than that name.
fn without_claim(row: Row<'_>) -> Option<NewRow> {
    row.head()?.own_tag()?;
    let mut members = Members::parse(row.json.as_bytes()).ok()?;
    let mut annotations = Members::parse(members.get("annotations")?.get().as_bytes()).ok()?;
    annotations.remove(annotation::CONTAINERD_NAME);
    members.set("annotations", &annotations).ok()?;
    Some(NewRow { digest: row.digest()?, json: String::from_utf8(members.to_json()).ok()? })
}

fn to_json(descriptor: &Descriptor) -> String {
    serde_json::to_string(descriptor).expect("a descriptor is always JSON")
}

fn unnamed(descriptor: &Descriptor) -> Descriptor {
    let mut descriptor = descriptor.clone();
    if let Some(annotations) = &mut descriptor.annotations {
        annotations.remove(annotation::REF_NAME);
        annotations.remove(annotation::CONTAINERD_NAME);
        if annotations.is_empty() {
            descriptor.annotations = None;
        }
    }
    descriptor
}

#[cfg(test)]
mod tests;
