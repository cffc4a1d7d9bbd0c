//! A tree that was unpacked, and may have been changed since.

use crate::TreeChanges;
use crate::record::Record;
use image_format::{Class, Digest, Failure, Layer, Observer, Stack};
use layer::{Indexes, Privilege, Snapshot, Time, Unpacking, Untouched, View, diff, doubtful};
use std::path::{Path, PathBuf};

/// Where a tree is, and what is known of how it was unpacked.
#[derive(Debug)]
pub struct Unpacked {
    root: PathBuf,
    record: Option<(Record, Time)>,
    privilege: Privilege,
}

impl Unpacked {
    /// The tree at `directory`: that of a bundle, which has its tree in `rootfs` beside `config.json`, or else the directory
    /// itself. Whose the files are is as the bundle says; of a tree alone, as for who we are, or recorded if `rootless`.
    ///
    /// # Errors
    /// It is no directory; its owners were mapped to others, as `umoci unpack --uid-map` does ([`Class::Usage`]); what the
    /// bundle keeps of how it was made is damaged.
    pub fn find(directory: &Path, rootless: bool) -> Result<Unpacked, Failure> {
        let found = std::fs::metadata(directory).map_err(|error| Failure::io(directory.display(), error))?;
        if !found.is_dir() {
            let message = format!("{}: no directory; expected a tree or a bundle", directory.display());
            return Err(Failure::new(Class::Usage, message));
        }
        let tree = directory.join("rootfs");
        let is_bundle = tree.is_dir() && directory.join("config.json").is_file();
        let record = if is_bundle { Record::read(directory)? } else { None };
        if record.as_ref().is_some_and(|(record, _)| record.is_mapped) {
            let message = format!("{}: unpacked with other owners than the image's", directory.display());
            let hint = "umoci repack knows them; or unpack it again without a map";
            return Err(Failure::new(Class::Usage, message).with_hint(hint));
        }
        let own = if rustix::process::geteuid().is_root() { Privilege::Root } else { Privilege::Rootless };
        let privilege = match &record {
            _ if rootless => Privilege::Rootless,
            Some((record, _)) => record.privilege,
            None => own,
        };
        Ok(Unpacked { root: if is_bundle { tree } else { directory.to_owned() }, record, privilege })
    }

    /// Is it known to have been made of other layers than these? `manifest` is that of the image.
    pub fn is_of_another(&self, layers: &[Layer], manifest: &Digest) -> bool {
        self.record.as_ref().is_some_and(|(record, _)| record.layers_of(layers, manifest).is_none())
    }

    /// What makes the tree of `layers`, which are those of the image with this `manifest`, into this one.
    ///
    /// Length, time, owner, permissions and attributes tell. Where all of those are the same, a file is read only if it was
    /// touched since the tree was unpacked of these layers, or if that is not known.
    ///
    /// # Errors
    /// A layer is not what it claims, or something cannot be read; a name that changed says in a layer that another is gone;
    /// those of `observer`.
    pub fn changes(
        &self,
        stack: &Stack<'_>,
        manifest: &Digest,
        indexes: &Indexes,
        observer: &dyn Observer,
    ) -> Result<TreeChanges, Failure> {
        let known = |(record, since): &(Record, Time)| {
            record.layers_of(stack.layers(), manifest).map(|layers| Unpacking { since: *since, layers })
        };
        let unpacking = self.record.as_ref().and_then(known);
        // the view is gone before the tree is looked at: two of three in memory are enough
        let lower =
            Snapshot::of_view(&View::new(stack.source(), stack.layers(), indexes, observer)?, self.privilege);
        let is_of_all = |unpacking: &Unpacking| unpacking.layers == stack.layers().len();
        let since = unpacking.filter(is_of_all).map(|unpacking| unpacking.since);
        let untouched = since.map(|since| Untouched { tree: &lower, since });
        let mut snapshot = Snapshot::of_changed(&self.root, self.privilege, untouched, observer)?;
        snapshot.forget_stand_ins(&lower);
        let doubts = doubtful(&lower, &snapshot, unpacking);
        let differing = lower.differing(stack.source(), stack.layers(), &self.root, &doubts, observer)?;
        let changes = diff(&lower, &snapshot, &differing, unpacking);
        changes.check_names()?;
        snapshot.keep_privileged(&lower, &changes, &differing, observer);
        // compressing wants the memory
        snapshot.keep_changed(&changes);
        Ok(TreeChanges::new(self.root.clone(), snapshot, changes))
    }
}
