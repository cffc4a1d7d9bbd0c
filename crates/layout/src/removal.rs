//! Removing images: names go in one edit, then the blobs that only they needed.

use crate::Error;
use crate::collect::{Collected, Collection};
use crate::edit::IndexEdit;
use crate::layout::Layout;
use crate::reach;
use crate::resolve::{Found, Lookup, named_row, pinned_row};
use crate::snapshot::{Row, Snapshot};
use crate::stop::Stop;
use image_format::{Claim, Class, Descriptor, Digest, Failure, ImageName};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

/// How images are removed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Removal {
    /// Remove an image that has several names, too.
    pub force: bool,
    /// Remove only the names, and leave all blobs to a later collection.
    pub no_prune: bool,
    /// Say what would go, and leave it.
    pub dry_run: bool,
}

/// What a removal took away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// This name, which held that digest.
    Untagged(Claim, Digest),
    /// This image: no row holds it any more.
    Deleted(Digest),
    /// This blob.
    Blob(Collected),
}

impl Layout {
    /// Removes the images that `lookups` find, in one edit; for each there is the outcome, in order.
    ///
    /// By name, the name goes, and the image with its last name. By digest or ID the image goes with its name, or,
    /// with [`Removal::force`], with all of them. What goes is handed to `seen`.
    ///
    /// # Errors
    /// The outer one: the layout cannot be read or written. The inner ones: the image is not there
    /// ([`Class::NotFound`]), its name has moved on, or it has several ([`Class::Conflict`]).
    pub fn remove(
        &self,
        lookups: &[Lookup],
        removal: &Removal,
        seen: &mut dyn FnMut(Removed) -> Result<(), Failure>,
    ) -> Result<Vec<Result<(), Failure>>, Failure> {
        let edit = |edit: &mut IndexEdit<'_>| {
            let mut gone = Gone::default();
            let outcomes = lookups.iter().map(|lookup| gone.take(self, edit, lookup, removal)).collect();
            gone.keep(edit.before());
            Ok((gone, outcomes))
        };
        let (gone, outcomes): (Gone, Vec<_>) =
            if removal.dry_run { self.rehearse(edit)? } else { self.update_index(edit)? };
        for removed in gone.said {
            seen(removed)?;
        }
        if !removal.no_prune && !gone.roots.is_empty() {
            // what was asked for is done now, and this belongs to it
            let to_its_end = self.clone().stopped_by(Stop::default());
            to_its_end.free(&gone.roots, &gone.kept, removal, seen)?;
        }
        Ok(outcomes)
    }

    fn rehearse<T>(
        &self,
        change: impl FnOnce(&mut IndexEdit<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let snapshot = self.snapshot()?;
        change(&mut IndexEdit::new(&snapshot))
    }

    /// Frees what only these images used.
    fn free(
        &self,
        roots: &[Descriptor],
        kept: &[Descriptor],
        removal: &Removal,
        seen: &mut dyn FnMut(Removed) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut candidates: BTreeSet<Digest> = reach::from_roots(self, roots)?.into_iter().collect();
        if removal.dry_run {
            // The rows are still there, so what the others need is subtracted by hand.
            let others = reach::from_roots(self, kept)?;
            candidates.retain(|digest| !others.contains(digest));
            for digest in candidates {
                if let Some(size) = self.size_of(&digest)? {
                    seen(Removed::Blob(Collected { digest, size }))?;
                }
            }
            return Ok(());
        }
        let collection = Collection { only: Some(&candidates), grace: Duration::ZERO, dry_run: false };
        self.collect(&collection, &mut |collected| seen(Removed::Blob(collected))).map(drop)
    }
}

#[derive(Default)]
struct Gone {
    said: Vec<Removed>,
    roots: Vec<Descriptor>,
    kept: Vec<Descriptor>,
    removed: HashSet<usize>,
    /// How many rows of an image are left, where some have gone.
    left: HashMap<Digest, usize>,
}

impl Gone {
    fn take(
        &mut self,
        layout: &Layout,
        edit: &mut IndexEdit<'_>,
        lookup: &Lookup,
        removal: &Removal,
    ) -> Result<(), Failure> {
        let snapshot = edit.before();
        let by_name = named_row(snapshot, lookup);
        let is_there = |row: &Row<'_>| row.digest() == lookup.digest;
        if let Some((name, row)) = pinned_row(snapshot, lookup)
            && !by_name.as_ref().is_some_and(|(_, row)| is_there(row))
        {
            return self.take_pinned(edit, &name, row);
        }
        let found = match (layout.resolve(snapshot, lookup), by_name, &lookup.digest) {
            (Err(Error::NoImage(_)), Some((name, _)), Some(digest)) => return Err(elsewhere(&name, digest)),
            (found, ..) => found?,
        };
        let asked_by_name = lookup.name.is_some() || lookup.verbatim.is_some();
        let named = found.name.clone().filter(|name| asked_by_name && !found.moved && is_asked(lookup, name));
        if found.moved && lookup.name.is_some() {
            return Err(moved(snapshot, &found));
        }
        match named {
            Some(name) => self.untag(edit, &name, &found.descriptor),
            None => self.remove_image(edit, &found.descriptor, removal),
        }
    }

    fn keep(&mut self, snapshot: &Snapshot) {
        let stays = |row: &Row<'_>| !self.removed.contains(&row.position);
        self.kept = snapshot.rows().filter(stays).filter_map(|row| row.descriptor()).collect();
    }

    fn untag(
        &mut self,
        edit: &mut IndexEdit<'_>,
        name: &Claim,
        descriptor: &Descriptor,
    ) -> Result<(), Failure> {
        let tagged = edit.before().tagged(name);
        if edit.remove_name(name).is_none() {
            return Err(Failure::new(Class::NotFound, format!("{name}: removed already")));
        }
        let rows = edit.before().claimants(name);
        let gone = rows.iter().filter(|row| !edit.outlives(**row)).chain(&*tagged);
        self.take_rows(edit.before(), &gone.copied().collect::<Vec<_>>());
        self.said.push(Removed::Untagged(name.clone(), descriptor.digest));
        if self.left.get(&descriptor.digest) == Some(&0) {
            self.delete(descriptor);
        }
        Ok(())
    }

    /// Takes away the row `NAME@DIGEST` alone.
    fn take_pinned(
        &mut self,
        edit: &mut IndexEdit<'_>,
        name: &ImageName,
        row: Row<'_>,
    ) -> Result<(), Failure> {
        let Some(descriptor) = row.descriptor().filter(|_| !self.removed.contains(&row.position)) else {
            return Err(Failure::new(Class::NotFound, format!("{name}: removed already")));
        };
        edit.remove_row(row.position);
        self.take_rows(edit.before(), &[row.position]);
        self.said.push(Removed::Untagged(Claim::Verbatim(name.locator()), descriptor.digest));
        if self.left.get(&descriptor.digest) == Some(&0) {
            self.delete(&descriptor);
        }
        Ok(())
    }

    fn remove_image(
        &mut self,
        edit: &mut IndexEdit<'_>,
        descriptor: &Descriptor,
        removal: &Removal,
    ) -> Result<(), Failure> {
        let snapshot = edit.before();
        let rows = snapshot.with_digest(&descriptor.digest);
        let names: Vec<Claim> = rows.iter().filter_map(|row| snapshot.row(*row).own_name()).collect();
        if names.len() > 1 && !removal.force {
            let list: Vec<String> = names.iter().map(ToString::to_string).collect();
            let message = format!("{}: has several names: {}", descriptor.digest, list.join(", "));
            return Err(
                Failure::new(Class::Conflict, message).with_hint("remove them by name, or all with --force")
            );
        }
        if rows.is_empty() {
            let message = format!("{}: is part of another image", descriptor.digest);
            return Err(Failure::new(Class::Conflict, message).with_hint("remove the index that names it"));
        }
        if edit.remove_digest(&descriptor.digest) == 0 {
            return Err(Failure::new(Class::NotFound, format!("{}: removed already", descriptor.digest)));
        }
        self.take_rows(snapshot, &rows);
        self.said.extend(names.into_iter().map(|name| Removed::Untagged(name, descriptor.digest)));
        self.delete(descriptor);
        Ok(())
    }

    fn take_rows(&mut self, snapshot: &Snapshot, rows: &[usize]) {
        for row in rows.iter().filter(|row| self.removed.insert(**row)) {
            let Some(digest) = snapshot.row(*row).digest() else { continue };
            *self.left.entry(digest).or_insert_with(|| snapshot.with_digest(&digest).len()) -= 1;
        }
    }

    fn delete(&mut self, descriptor: &Descriptor) {
        self.said.push(Removed::Deleted(descriptor.digest));
        self.roots.push(descriptor.clone());
    }
}

/// An image found by its ID has a name, but was not asked for by it.
fn is_asked(lookup: &Lookup, name: &Claim) -> bool {
    let canonical = lookup.name.as_ref().map(|name| Claim::Name(name.unpinned()));
    let verbatim = lookup.verbatim.clone().map(Claim::Verbatim);
    canonical.as_ref() == Some(name) || verbatim.as_ref() == Some(name)
}

fn elsewhere(name: &dyn std::fmt::Display, digest: &Digest) -> Failure {
    Failure::new(Class::Conflict, format!("{name}: points elsewhere now, not to {digest}; it was left"))
}

/// The name that was asked for does not hold the digest that was asked for.
fn moved(snapshot: &Snapshot, found: &Found) -> Failure {
    let name = found.name.as_ref().map(ToString::to_string).unwrap_or_default();
    let digest = found.descriptor.digest;
    let somewhere = found.name.as_ref().is_some_and(|name| !snapshot.claimants(name).is_empty());
    if somewhere {
        return elsewhere(&name, &digest);
    }
    Failure::new(Class::NotFound, format!("{name}: no such name in this layout; {digest} is here without it"))
}
