//! Where an image comes from: a layout, or a registry.

use crate::image_destination::ImageDestination;
use crate::registries::Registries;
use image_format::{
    Blob, Descriptor, Digest, Failure, ImageName, MAX_MANIFEST_BYTES, Origin, Source, annotation,
    read_verified,
};
use layout::Layout;
use registry::Repository;
use std::io::Cursor;

/// Where an image comes from.
#[derive(Clone, Debug)]
pub enum ImageSource {
    /// This image of a layout.
    Layout(Layout, Descriptor),
    /// A registry.
    Registry(ImageName),
}

/// An image that was found, and where its blobs are read.
pub(crate) struct Found {
    pub(crate) blobs: Box<dyn Source + Send>,
    pub(crate) root: Descriptor,
    /// `HOST/REPO:TAG@DIGEST`, where it comes from a registry.
    pub(crate) pulled: Option<String>,
}

impl ImageSource {
    /// Finds the image; the blobs are read in the way that suits their destination best.
    pub(crate) fn find(&self, registries: &Registries, to: &ImageDestination) -> Result<Found, Failure> {
        match (self, to) {
            (ImageSource::Layout(layout, root), ImageDestination::Layout(..)) => {
                Ok(Found { blobs: Box::new(layout.clone()), root: root.clone(), pulled: None })
            }
            (ImageSource::Layout(layout, root), ImageDestination::Registry(name)) => {
                let blobs = Mountable {
                    source: Box::new(layout.clone()),
                    destination: registries.repository(name),
                    pulled_from: origin_of_mount(root, name),
                };
                Ok(Found { blobs: Box::new(blobs), root: root.clone(), pulled: None })
            }
            (ImageSource::Registry(name), to) => {
                let repository = registries.repository(name);
                let root = repository.resolve(name)?;
                let pulled = Some(name.pinned(root.digest).to_string());
                let blobs = LayoutFirst { layout: to.layout().cloned(), repository };
                Ok(Found { blobs: Box::new(blobs), root, pulled })
            }
        }
    }
}

/// A registry, of which the manifests that the layout has are not asked.
#[derive(Debug)]
struct LayoutFirst {
    layout: Option<Layout>,
    repository: Repository,
}

impl Source for LayoutFirst {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        let document = descriptor.media_type.is_document();
        if let Some(layout) = self.layout.as_ref().filter(|_| document)
            && let Ok(bytes) = read_verified(layout, descriptor, MAX_MANIFEST_BYTES)
        {
            return Ok(Blob::from_reader(Cursor::new(bytes)));
        }
        self.repository.open(descriptor, from)
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, Failure> {
        self.repository.referrers(subject)
    }

    fn origin(&self, descriptor: &Descriptor) -> Option<Origin> {
        self.repository.origin(descriptor)
    }
}

/// The repository that the image was pulled from, where the destination's registry can mount from it.
fn origin_of_mount(root: &Descriptor, destination: &ImageName) -> Option<Origin> {
    let name: ImageName = root.annotation(annotation::SOURCE)?.parse().ok()?;
    let other = name.registry() == destination.registry() && name.repository() != destination.repository();
    other.then(|| Origin::Repository {
        registry: name.registry().to_owned(),
        repository: name.repository().to_string(),
    })
}

/// A layout whose blobs may lie in another repository of the destination's registry already: in one that this process
/// has sent them to, or else in the one that the image was pulled from.
struct Mountable {
    source: Box<dyn Source + Send>,
    destination: Repository,
    pulled_from: Option<Origin>,
}

impl Source for Mountable {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        self.source.open(descriptor, from)
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, Failure> {
        self.source.referrers(subject)
    }

    fn origin(&self, descriptor: &Descriptor) -> Option<Origin> {
        self.destination.elsewhere(&descriptor.digest).or_else(|| self.pulled_from.clone())
    }

    fn hold(&self, descriptors: &[Descriptor]) -> Result<Option<Box<dyn Source + Send>>, Failure> {
        let Some(source) = self.source.hold(descriptors)? else { return Ok(None) };
        let (destination, pulled_from) = (self.destination.clone(), self.pulled_from.clone());
        Ok(Some(Box::new(Mountable { source, destination, pulled_from })))
    }
}
