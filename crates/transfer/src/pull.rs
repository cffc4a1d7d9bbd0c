//! From a registry into a layout, by a policy of when to ask the registry.

use crate::copy::{ImageCopy, copy};
use crate::image_destination::ImageDestination;
use crate::image_source::ImageSource;
use crate::plan::{Options, Plan, Report};
use crate::registries::Registries;
use crate::target_layout::TargetLayout;
use image_format::{Class, Descriptor, Failure, ImageName, Observer};
use layout::{Layout, Lookup};

/// When a registry is asked for an image that the layout may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Always: the layout's blobs are not fetched again.
    #[default]
    Always,
    /// Only for an image that the layout has not.
    Missing,
    /// Always, but what the layout has will do where the registry cannot be reached.
    Newer,
    /// Never.
    Never,
}

/// A pull that is ready to run.
#[derive(Debug)]
pub enum Pull {
    /// The layout's own image will do; and why the registry, which was asked, did not say whether it is the newest.
    Here(Option<ImageName>, Descriptor, Option<Failure>),
    /// The registry was asked.
    Fetch(Box<ImageCopy>),
}

impl Pull {
    /// What moves; `None` where the registry was not asked.
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Pull::Here(..) => None,
            Pull::Fetch(copy) => Some(copy.plan()),
        }
    }

    /// The name that the image gets: the one that was asked for, without its digest; `None` for one that was
    /// asked for by digest alone.
    pub fn name(&self) -> Option<&ImageName> {
        match self {
            Pull::Here(name, ..) => name.as_ref(),
            Pull::Fetch(copy) => copy.name(),
        }
    }

    /// The image as it will be in the layout.
    pub fn root(&self) -> &Descriptor {
        match self {
            Pull::Here(_, root, _) => root,
            Pull::Fetch(copy) => copy.plan().root(),
        }
    }

    /// Fetches what is missing and names the image.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn run(self, observer: &dyn Observer) -> Result<Report, Failure> {
        match self {
            Pull::Here(_, root, _) => Ok(Report { root, bytes: 0, blobs: 0, here: 0 }),
            Pull::Fetch(copy) => copy.run(observer),
        }
    }
}

/// Finds out what a pull of `name` has to fetch.
///
/// # Errors
/// The registry has no such image or cannot be reached; the layout cannot be read.
pub fn pull(
    registries: &Registries,
    target: &TargetLayout,
    name: &ImageName,
    policy: Policy,
    options: &Options,
) -> Result<Pull, Failure> {
    let named = name.tag().map(|_| name.unpinned());
    let found = target.layout().map(|layout| find(layout, name)).transpose()?.flatten();
    let lacking =
        target.layout().zip(found.as_ref()).map(|(layout, root)| lacks(layout, root)).transpose()?;
    let here = found.filter(|_| lacking.is_none_or(|lacks| !lacks));
    match (policy, here) {
        (Policy::Missing | Policy::Never, Some(root)) => Ok(Pull::Here(named, root, None)),
        (Policy::Never, None) => {
            let what = if lacking.is_some() { "not whole in the layout" } else { "not in the layout" };
            let message = format!("{name}: {what}, and --policy never asks no registry");
            Err(Failure::new(Class::NotFound, message))
        }
        (policy, here) => {
            let to = ImageDestination::Layout(target.clone(), named.clone());
            match (copy(registries, &ImageSource::Registry(name.clone()), &to, options), here) {
                (Err(failure), Some(root))
                    if policy == Policy::Newer && failure.class() == Class::Unavailable =>
                {
                    Ok(Pull::Here(named, root, Some(failure)))
                }
                (result, _) => result.map(|copy| Pull::Fetch(Box::new(copy))),
            }
        }
    }
}

/// Is a blob of the image not there, or of another size, or a manifest another one?
fn lacks(layout: &Layout, root: &Descriptor) -> Result<bool, Failure> {
    let reach = match layout.reachable(root) {
        Err(failure) if failure.class() == Class::Integrity => return Ok(true),
        reach => reach?,
    };
    if !reach.missing.is_empty() {
        return Ok(true);
    }
    for (digest, size) in reach.blobs {
        if layout.size_of(&digest)? != Some(size) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The layout's own image of that name, and of that digest if one is asked for.
fn find(layout: &Layout, name: &ImageName) -> Result<Option<Descriptor>, Failure> {
    let lookup =
        Lookup { verbatim: None, name: name.tag().map(|_| name.clone()), digest: name.digest().copied() };
    match layout.resolve(&layout.snapshot()?, &lookup) {
        Ok(found) => Ok(Some(found.descriptor)),
        Err(layout::Error::NoImage(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
