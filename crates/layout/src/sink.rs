//! Writing to a layout: every write happens under a lease.

use crate::Error;
use crate::ingest::{self, Full, Ingest};
use crate::layout::Layout;
use crate::lease::Lease;
use crate::path;
use crate::storage::Hold;
use image_format::{BlobWriter, Descriptor, Digest, Expected, Failure, ImageName, MediaType, Origin, Sink};
use std::sync::{Mutex, PoisonError};

/// A writer's view of a layout. What it writes, or finds already there, is not collected while it lives.
#[derive(Debug)]
pub struct LayoutSink {
    // before the layout, which looks at its end whether anybody is at work
    _lease: Lease,
    layout: Layout,
    full: Full,
    displaced: Mutex<Vec<(ImageName, Digest)>>,
}

impl Layout {
    /// Begins to write.
    ///
    /// # Errors
    /// The layout cannot be written.
    pub fn sink(&self) -> Result<LayoutSink, Error> {
        Ok(LayoutSink {
            _lease: self.lease()?,
            layout: self.clone(),
            full: Full::default(),
            displaced: Mutex::default(),
        })
    }
}

impl LayoutSink {
    /// The layout that is written to.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The images that lost their last name to one that this sink named since the last call; see
    /// [`crate::IndexEdit::displaced`].
    pub fn take_displaced(&self) -> Vec<(ImageName, Digest)> {
        std::mem::take(&mut *self.displaced.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stores a small blob and describes it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&self, media_type: MediaType, content: &[u8]) -> Result<Descriptor, Failure> {
        let descriptor = Descriptor::new(media_type, Digest::sha256(content), content.len() as u64);
        image_format::store(self, &descriptor, content)?;
        Ok(descriptor)
    }

    fn take_over(&self, descriptor: &Descriptor, from: &std::path::Path) -> Result<bool, Failure> {
        let storage = &self.layout.storage;
        let key = path::nameless();
        let Some(mut part) = storage.adopt(&key, from).map_err(Error::io(self.layout.path().join(&key)))?
        else {
            return Ok(false);
        };
        let whole = part.have() == descriptor.size
            && part
                .reread()
                .and_then(|blob| Digest::of_reader(descriptor.digest.algorithm(), blob))
                .is_ok_and(|digest| digest == descriptor.digest);
        if !whole || part.sync().is_err() {
            part.discard().map_err(Error::io(self.layout.path().join(&key)))?;
            return Ok(false);
        }
        ingest::publish(&self.layout, part, &path::blob(&descriptor.digest))?;
        Ok(true)
    }
}

impl Sink for LayoutSink {
    /// Refreshes what is here, under the shared lock: a collection that runs has either removed a blob before, and
    /// it counts as missing, or sees its new age.
    fn missing<'a>(&self, descriptors: &'a [Descriptor]) -> Result<Vec<&'a Descriptor>, Failure> {
        let storage = &self.layout.storage;
        let path = self.layout.path();
        let _lock = self.layout.lock(Hold::Shared)?;
        let mut missing = Vec::new();
        for descriptor in descriptors {
            let key = path::blob(&descriptor.digest);
            let stat = storage.stat(&key).map_err(Error::io(path.join(&key)))?;
            let whole = stat.is_some_and(|stat| stat.size == descriptor.size);
            if !whole || !storage.touch(&key).map_err(Error::io(path.join(&key)))? {
                missing.push(descriptor);
            }
        }
        Ok(missing)
    }

    fn have(&self, descriptor: &Descriptor) -> Result<u64, Failure> {
        Ok(self.layout.partial_size(descriptor)?)
    }

    fn adopt(&self, descriptor: &Descriptor, origin: &Origin) -> Result<bool, Failure> {
        match origin {
            Origin::File(from) => self.take_over(descriptor, from),
            _ => Ok(false),
        }
    }

    fn writer(&self, expected: Expected) -> Result<Box<dyn BlobWriter>, Failure> {
        Ok(Box::new(Ingest::begin(&self.layout, expected, &self.full)?))
    }

    fn name(&self, name: Option<&ImageName>, descriptor: &Descriptor) -> Result<(), Failure> {
        let displaced = self.layout.update_index(|edit| {
            match name {
                Some(name) => edit.set_name(name, descriptor),
                None => edit.add(descriptor),
            }
            Ok(edit.displaced())
        })?;
        self.displaced.lock().unwrap_or_else(PoisonError::into_inner).extend(displaced);
        Ok(())
    }
}
