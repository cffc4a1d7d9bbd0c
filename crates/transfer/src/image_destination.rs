//! Where an image goes: into a layout, or to a registry.

use crate::registries::Registries;
use crate::target_layout::TargetLayout;
use image_format::{ImageName, Sink};
use layout::Layout;
use std::sync::Arc;

/// Where an image goes.
#[derive(Clone, Debug)]
pub enum ImageDestination {
    /// Into a layout, under a name or under its digest alone.
    Layout(TargetLayout, Option<ImageName>),
    /// To a registry.
    Registry(ImageName),
}

impl ImageDestination {
    /// The name that the image gets there.
    pub(crate) fn name(&self) -> Option<&ImageName> {
        match self {
            ImageDestination::Layout(_, name) => name.as_ref(),
            ImageDestination::Registry(name) => Some(name),
        }
    }

    /// The layout, where it is one and is there.
    pub(crate) fn layout(&self) -> Option<&Layout> {
        match self {
            ImageDestination::Layout(target, _) => target.layout(),
            ImageDestination::Registry(_) => None,
        }
    }

    pub(crate) fn sink(&self, registries: &Registries) -> Arc<dyn Sink + Send + Sync> {
        match self {
            ImageDestination::Layout(target, _) => target.sink(),
            ImageDestination::Registry(name) => Arc::new(registries.repository(name)),
        }
    }
}
