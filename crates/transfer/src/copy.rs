//! Between any two places: pull and push are two uses of it, layout to layout and registry to registry the others.

use crate::image_destination::ImageDestination;
use crate::image_source::ImageSource;
use crate::plan::{Options, Plan, Report, plan};
use crate::registries::Registries;
use image_format::{Failure, ImageName, Observer, Sink, annotation};
use std::sync::Arc;

/// A copy that is ready to run: a [`Plan`], and the name that the image gets at the end of it.
pub struct ImageCopy {
    plan: Plan,
    sink: Arc<dyn Sink + Send + Sync>,
    name: Option<ImageName>,
    /// What the image's row says of where it was pulled from.
    pulled: Option<String>,
}

impl std::fmt::Debug for ImageCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImageCopy")
            .field("plan", &self.plan)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ImageCopy {
    /// What moves.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The name that the image gets at the other side.
    pub fn name(&self) -> Option<&ImageName> {
        self.name.as_ref()
    }

    /// Moves what is missing, and names the image.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn run(self, observer: &dyn Observer) -> Result<Report, Failure> {
        let mut report = self.plan.run(observer)?;
        if let Some(pulled) = self.pulled {
            report.root = report.root.with_annotation(annotation::SOURCE, pulled);
        }
        self.sink.name(self.name.as_ref(), &report.root)?;
        Ok(report)
    }
}

/// Finds out what has to move for an image to be at another place: by mount, reflink or hard link where the two are
/// of one kind.
///
/// # Errors
/// The image is not there or not whole ([`image_format::Class::NotFound`]), or a side cannot be reached.
pub fn copy(
    registries: &Registries,
    from: &ImageSource,
    to: &ImageDestination,
    options: &Options,
) -> Result<ImageCopy, Failure> {
    let found = from.find(registries, to)?;
    let sink = to.sink(registries);
    let plan =
        plan(found.blobs, Arc::clone(&sink), &found.root, options).map_err(|failure| match (from, to) {
            (ImageSource::Registry(name), _) | (_, ImageDestination::Registry(name)) => failure.at(name),
            _ => failure,
        })?;
    let pulled = found.pulled.filter(|_| matches!(to, ImageDestination::Layout(..)));
    Ok(ImageCopy { plan, sink, name: to.name().cloned(), pulled })
}
