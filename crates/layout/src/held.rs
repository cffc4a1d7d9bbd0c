//! Blobs that are held open, so that a collection that runs meanwhile takes nothing away from their reader.

use crate::layout::Layout;
use image_format::{Blob, Class, Descriptor, Digest, Failure, FileRange, Origin, Source};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What the readers of a layout hold: a blob that several images need is open once.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenFiles(Arc<Mutex<HashMap<Digest, Weak<FileRange>>>>);

impl OpenFiles {
    fn known(&self) -> MutexGuard<'_, HashMap<Digest, Weak<FileRange>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` where the storage has no files.
    fn hold(&self, layout: &Layout, descriptor: &Descriptor) -> Result<Option<Arc<FileRange>>, Failure> {
        let mut known = self.known();
        if let Some(held) = known.get(&descriptor.digest).and_then(Weak::upgrade) {
            return Ok(Some(held));
        }
        let held = layout.open(descriptor, 0)?.into_file_range().map(Arc::new);
        held.iter().for_each(|held| drop(known.insert(descriptor.digest, Arc::downgrade(held))));
        Ok(held)
    }
}

/// Some blobs of a layout, all open.
#[derive(Debug)]
pub(crate) struct HeldBlobs {
    layout: Layout,
    files: HashMap<Digest, Arc<FileRange>>,
}

impl HeldBlobs {
    /// Opens all of them.
    ///
    /// # Errors
    /// Some are not there: all that are missing are named.
    pub(crate) fn open(layout: &Layout, descriptors: &[Descriptor]) -> Result<HeldBlobs, Failure> {
        let mut files = HashMap::new();
        let mut missing = Vec::new();
        for descriptor in descriptors {
            match layout.open_files.hold(layout, descriptor) {
                Ok(held) => held.into_iter().for_each(|held| drop(files.insert(descriptor.digest, held))),
                Err(failure) if failure.class() == Class::NotFound => {
                    missing.push(descriptor.digest.to_string());
                }
                Err(failure) => return Err(failure),
            }
        }
        if missing.is_empty() {
            return Ok(HeldBlobs { layout: layout.clone(), files });
        }
        let message = format!("the layout {} lacks {}", layout.path().display(), missing.join(", "));
        Err(Failure::new(Class::NotFound, message).with_hint("pull or import the image again"))
    }
}

impl Drop for HeldBlobs {
    fn drop(&mut self) {
        let mut known = self.layout.open_files.known();
        for (digest, held) in self.files.drain() {
            drop(held);
            if known.get(&digest).is_some_and(|held| held.strong_count() == 0) {
                known.remove(&digest);
            }
        }
    }
}

impl Source for HeldBlobs {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        let Some(range) = self.files.get(&descriptor.digest) else {
            return self.layout.open(descriptor, from);
        };
        let file = range.file.try_clone().map_err(Failure::from)?;
        let length = range.length.saturating_sub(from);
        Blob::from_file(FileRange { file, offset: range.offset + from, length }).map_err(Failure::from)
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, Failure> {
        self.layout.referrers(subject)
    }

    fn origin(&self, descriptor: &Descriptor) -> Option<Origin> {
        self.layout.origin(descriptor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use image_format::MediaType;
    use std::io::Read;

    #[test]
    fn a_blob_that_two_readers_hold_is_open_once_and_outlives_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path(), Options { fsync: false }).unwrap();
        let blob = layout.sink().unwrap().put(MediaType::OciLayer, b"layer").unwrap();
        let hold = || HeldBlobs::open(&layout, std::slice::from_ref(&blob)).unwrap();
        let (first, second) = (hold(), hold());
        assert!(Arc::ptr_eq(&first.files[&blob.digest], &second.files[&blob.digest]));
        drop(first);
        std::fs::remove_file(dir.path().join(crate::path::blob(&blob.digest))).unwrap();
        let mut text = String::new();
        second.open(&blob, 1).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "ayer");
        drop(second);
        assert!(layout.open_files.known().is_empty());
        assert!(HeldBlobs::open(&layout, &[blob]).is_err());
    }
}
