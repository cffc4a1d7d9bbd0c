//! Between any two places: pull and push are two uses of it, layout to layout and registry to registry the others.

use crate::observer::Observer;
use crate::places::Places;
use crate::plan::{Options, Plan, Report, plan};
use crate::target::Target;
use image_format::{
    Blob, Class, Descriptor, Digest, Failure, ImageName, MAX_MANIFEST_BYTES, Origin, Sink, Source,
    annotation, read_verified,
};
use layout::Layout;
use registry::Repository;
use std::io::Cursor;
use std::sync::Arc;

/// Where an image comes from.
#[derive(Clone, Debug)]
pub enum From {
    /// This image of a layout.
    Layout(Layout, Descriptor),
    /// A registry.
    Registry(ImageName),
}

/// Where an image goes.
#[derive(Clone, Debug)]
pub enum To {
    /// Into a layout, under a name or under its digest alone.
    Layout(Target, Option<ImageName>),
    /// To a registry.
    Registry(ImageName),
}

/// A copy that is ready to run.
pub struct Copy {
    plan: Plan,
    sink: Arc<dyn Sink + Send + Sync>,
    name: Option<ImageName>,
    source: Option<String>,
}

impl std::fmt::Debug for Copy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copy").field("plan", &self.plan).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Copy {
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
        if let Some(source) = self.source {
            report.root = report.root.with_annotation(annotation::SOURCE, source);
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
pub fn copy(places: &Places, from: &From, to: &To, options: &Options) -> Result<Copy, Failure> {
    let (source, root, pulled) = open(places, from, to)?;
    let (sink, name): (Arc<dyn Sink + Send + Sync>, _) = match to {
        To::Layout(target, name) => (target.sink(), name.clone()),
        To::Registry(name) => (Arc::new(places.repository(name)), Some(name.clone())),
    };
    let about = |failure: Failure| match (from, to) {
        (From::Registry(name), _) | (_, To::Registry(name)) => failure.at(name),
        _ => failure,
    };
    let plan = plan(source, Arc::clone(&sink), &root, options).map_err(about)?;
    let source = pulled.filter(|_| matches!(to, To::Layout(..)));
    Ok(Copy { plan, sink, name, source })
}

type Opened = (Box<dyn Source + Send>, Descriptor, Option<String>);

fn open(places: &Places, from: &From, to: &To) -> Result<Opened, Failure> {
    match from {
        From::Layout(layout, root) => {
            let origin = match to {
                To::Registry(name) => mountable(root, name),
                To::Layout(..) => None,
            };
            let pushed = matches!(to, To::Registry(_));
            let source: Box<dyn Source + Send> = match pushed {
                true => Box::new(Mountable { source: Box::new(layout.clone()), origin }),
                false => Box::new(layout.clone()),
            };
            Ok((source, root.clone(), None))
        }
        From::Registry(name) => {
            let repository = places.repository(name);
            let root = repository.resolve(name)?;
            let pulled = name.pinned(root.digest).to_string();
            let layout = match to {
                To::Layout(target, _) => target.layout().cloned(),
                To::Registry(_) => None,
            };
            Ok((Box::new(LayoutFirst { layout, repository }), root, Some(pulled)))
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
fn mountable(root: &Descriptor, destination: &ImageName) -> Option<Origin> {
    let name: ImageName = root.annotation(annotation::SOURCE)?.parse().ok()?;
    let other = name.registry() == destination.registry() && name.repository() != destination.repository();
    other.then(|| Origin::Repository {
        registry: name.registry().to_owned(),
        repository: name.repository().to_string(),
    })
}

/// A layout whose blobs may lie in another repository of the destination's registry already.
struct Mountable {
    source: Box<dyn Source + Send>,
    origin: Option<Origin>,
}

impl Source for Mountable {
    fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        self.source.open(descriptor, from)
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, Failure> {
        self.source.referrers(subject)
    }

    fn origin(&self, _: &Descriptor) -> Option<Origin> {
        self.origin.clone()
    }

    fn hold(&self, descriptors: &[Descriptor]) -> Result<Option<Box<dyn Source + Send>>, Failure> {
        let held = self.source.hold(descriptors)?;
        Ok(held.map(|source| Box::new(Mountable { source, origin: self.origin.clone() }) as _))
    }
}

/// Was this failure the network's, so that what is here already may do?
pub(crate) fn is_out_of_reach(failure: &Failure) -> bool {
    failure.class() == Class::Unavailable
}
