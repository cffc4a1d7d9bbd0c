//! A layout that is written to, or one that is only looked at.

use image_format::{BlobWriter, Class, Descriptor, Digest, Expected, Failure, ImageName, Sink};
use layout::{Layout, LayoutSink};
use std::sync::Arc;

/// The layout that an image goes into; a rehearsal writes nothing, and may lack one.
#[derive(Clone, Debug)]
pub enum TargetLayout {
    /// It is written to.
    Write(Arc<LayoutSink>),
    /// It is only looked at, if it is there.
    Rehearse(Option<Layout>),
}

impl TargetLayout {
    /// The layout, if it is there.
    pub fn layout(&self) -> Option<&Layout> {
        match self {
            TargetLayout::Write(sink) => Some(sink.layout()),
            TargetLayout::Rehearse(layout) => layout.as_ref(),
        }
    }

    /// As [`LayoutSink::take_displaced`].
    pub fn take_displaced(&self) -> Vec<(ImageName, Digest)> {
        match self {
            TargetLayout::Write(sink) => sink.take_displaced(),
            TargetLayout::Rehearse(_) => Vec::new(),
        }
    }

    pub(crate) fn sink(&self) -> Arc<dyn Sink + Send + Sync> {
        match self {
            TargetLayout::Write(sink) => Arc::clone(sink) as _,
            TargetLayout::Rehearse(layout) => Arc::new(Rehearsal(layout.clone())),
        }
    }
}

/// Answers what a layout lacks, and takes nothing.
struct Rehearsal(Option<Layout>);

impl Sink for Rehearsal {
    fn missing<'a>(&self, descriptors: &'a [Descriptor]) -> Result<Vec<&'a Descriptor>, Failure> {
        let mut missing = Vec::new();
        for descriptor in descriptors {
            let size =
                self.0.as_ref().map(|layout| layout.size_of(&descriptor.digest)).transpose()?.flatten();
            if size != Some(descriptor.size) {
                missing.push(descriptor);
            }
        }
        Ok(missing)
    }

    fn have(&self, descriptor: &Descriptor) -> Result<u64, Failure> {
        Ok(self.0.as_ref().map(|layout| layout.partial_size(descriptor)).transpose()?.unwrap_or(0))
    }

    fn writer(&self, _: Expected) -> Result<Box<dyn BlobWriter>, Failure> {
        Err(Failure::new(Class::Failed, "a rehearsal writes nothing"))
    }

    fn name(&self, _: Option<&ImageName>, _: &Descriptor) -> Result<(), Failure> {
        Err(Failure::new(Class::Failed, "a rehearsal names nothing"))
    }
}
