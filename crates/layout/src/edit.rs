//! An edit of `index.json`: names are set, moved and removed; all other rows stay as they are.

use crate::claim::Claim;
use crate::snapshot::Snapshot;
use image_format::{Descriptor, Digest, ImageName, annotation};
use std::collections::{HashMap, HashSet};

/// A change of `index.json`, made under the lock by [`crate::Layout::update_index`].
#[derive(Debug)]
pub struct IndexEdit<'a> {
    snapshot: &'a Snapshot,
    removed: HashSet<usize>,
    added: Vec<Option<Added>>,
    /// Names given in this edit, and where in `added`.
    named: HashMap<String, usize>,
}

#[derive(Debug)]
struct Added {
    digest: Digest,
    named: bool,
    json: String,
}

impl<'a> IndexEdit<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> IndexEdit<'a> {
        IndexEdit { snapshot, removed: HashSet::new(), added: Vec::new(), named: HashMap::new() }
    }

    /// The rows as they were before this edit.
    pub fn before(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// Gives `descriptor` the name; every other claim to it is removed, and so is a row that held the image
    /// without a name.
    ///
    /// Other annotations of `descriptor` stay. Its digest is not looked for: the blobs must be there.
    pub fn set_name(&mut self, name: &ImageName, descriptor: &Descriptor) {
        self.remove_name(&Claim::Name(name.unpinned()));
        self.remove_unnamed(&descriptor.digest);
        let full = name.unpinned().to_string();
        self.named.insert(full.clone(), self.added.len());
        self.push(true, &named(descriptor, &full));
    }

    /// Keeps `descriptor` without a name, unless it has a row already.
    pub fn add(&mut self, descriptor: &Descriptor) {
        let here =
            self.snapshot.with_digest(&descriptor.digest).iter().any(|row| !self.removed.contains(row))
                || self.added.iter().flatten().any(|added| added.digest == descriptor.digest);
        if !here {
            self.push(false, &unnamed(descriptor));
        }
    }

    /// Adds a row as it is: for referrers, which have annotations of their own.
    pub fn add_row(&mut self, descriptor: &Descriptor) {
        self.push(true, descriptor);
    }

    /// Takes the name away from whatever claims it, and returns the digest of what held it.
    pub fn remove_name(&mut self, claim: &Claim) -> Option<Digest> {
        let mut held = None;
        for position in self.snapshot.claimants(claim) {
            if self.removed.insert(position) {
                held = self.snapshot.row(position).digest();
            }
        }
        if let Claim::Name(name) = claim
            && let Some(added) = self.named.remove(&name.to_string())
        {
            held = self.added[added].take().map(|added| added.digest);
        }
        held
    }

    /// Removes every row of this digest, named or not, and returns how many there were.
    pub fn remove_digest(&mut self, digest: &Digest) -> usize {
        let rows = self.snapshot.with_digest(digest);
        rows.into_iter().filter(|position| self.removed.insert(*position)).count()
    }

    /// Removes the row at `position`.
    pub fn remove_row(&mut self, position: usize) {
        self.removed.insert(position);
    }

    fn remove_unnamed(&mut self, digest: &Digest) {
        for position in self.snapshot.with_digest(digest) {
            let row = self.snapshot.row(position);
            let is_referrer = row.head().is_some_and(|head| head.annotations.subject.is_some());
            if row.claim().is_none() && !is_referrer {
                self.removed.insert(position);
            }
        }
        for slot in &mut self.added {
            if slot.as_ref().is_some_and(|added| !added.named && added.digest == *digest) {
                *slot = None;
            }
        }
    }

    fn push(&mut self, named: bool, descriptor: &Descriptor) {
        let json = serde_json::to_string(descriptor).unwrap_or_default();
        self.added.push(Some(Added { digest: descriptor.digest, named, json }));
    }

    /// The file after this edit; `None` where it changes nothing.
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        let added: Vec<&str> = self.added.iter().flatten().map(|added| added.json.as_str()).collect();
        let removed: Vec<&str> =
            self.removed.iter().map(|position| self.snapshot.row(*position).json).collect();
        if added.len() == removed.len() && added.iter().all(|row| removed.contains(row)) {
            return None;
        }
        let kept = self.snapshot.rows().filter(|row| !self.removed.contains(&row.position));
        Some(self.snapshot.index().with_rows(kept.map(|row| row.json).chain(added)))
    }
}

/// Both annotations hold the full name, `ref.name` only where its grammar allows.
fn named(descriptor: &Descriptor, full: &str) -> Descriptor {
    let mut descriptor = unnamed(descriptor).with_annotation(annotation::CONTAINERD_NAME, full);
    if ImageName::fits_ref_name(full) {
        descriptor = descriptor.with_annotation(annotation::REF_NAME, full);
    }
    descriptor
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
