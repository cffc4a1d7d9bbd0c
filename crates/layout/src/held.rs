//! Blobs that are held open, so that a collection that runs meanwhile takes nothing away from their reader.

use crate::layout::Layout;
use image_format::{Blob, Class, Descriptor, Digest, Failure, FileRange, Origin, Source};
use std::collections::HashMap;

/// Some blobs of a layout, all open.
#[derive(Debug)]
pub(crate) struct HeldBlobs {
    layout: Layout,
    files: HashMap<Digest, FileRange>,
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
            match layout.open(descriptor, 0) {
                Ok(blob) => {
                    if let Some(range) = blob.into_file_range() {
                        files.insert(descriptor.digest, range);
                    }
                }
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
