//! An image that can be read, wherever it lies: in a layout, or straight from a registry, without its layers.

use crate::ambient::LayoutOption;
use crate::base::{self, Bases};
use crate::error::Error;
use crate::image::{self, Image};
use crate::io::Io;
use crate::operand::{Operand, REGISTRY};
use crate::registry::RegistryOption;
use crate::resolve::Layouts;
use image_format::{
    Base, Class, Descriptor, Failure, ImageName, Layer, Manifest, Node, Platform, Raw, Source, Stack, edit,
    hub,
};
use transfer::Registries;

/// An image that can be read.
pub struct Readable {
    /// Its manifest or index.
    pub descriptor: Descriptor,
    lies: Lies,
}

enum Lies {
    /// In a layout; with its row, as it stands there.
    Layout(Image, Option<String>),
    Registry(Box<dyn Source>, ImageName),
}

impl std::fmt::Debug for Readable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readable").field("reference", &self.reference_to(&self.descriptor)).finish()
    }
}

impl Readable {
    /// Where its blobs are read.
    pub fn source(&self) -> &dyn Source {
        match &self.lies {
            Lies::Layout(image, _) => image.place.layout(),
            Lies::Registry(repository, _) => &**repository,
        }
    }

    /// Are its layers on this machine?
    pub fn is_here(&self) -> bool {
        matches!(self.lies, Lies::Layout(..))
    }

    /// The reference that pins it, or an image of it, and that every tool that reads takes.
    pub fn reference_to(&self, descriptor: &Descriptor) -> String {
        match &self.lies {
            Lies::Layout(image, _) => Image { descriptor: descriptor.clone(), ..image.clone() }.to_text(),
            Lies::Registry(_, name) => format!("{REGISTRY}{}", name.pinned(descriptor.digest)),
        }
    }

    /// Its row, as it stands in the layout; `None` for an index's child and in a registry.
    pub fn row(&self) -> Option<&str> {
        match &self.lies {
            Lies::Layout(_, row) => row.as_deref(),
            Lies::Registry(..) => None,
        }
    }

    /// Its manifest or index, verified.
    ///
    /// # Errors
    /// It is not there, or not what its descriptor says.
    pub fn node(&self) -> Result<Node, Error> {
        Ok(image_format::read_node(self.source(), &self.descriptor)?)
    }

    /// The one manifest: its own, or an index's for `platform` (the host's, where that is `None`).
    ///
    /// # Errors
    /// It is not there, or the index has none for that platform.
    pub fn manifest(&self, platform: Option<&Platform>) -> Result<(Descriptor, Raw<Manifest>), Error> {
        image::manifest(self.source(), &self.descriptor, platform, || self.reference_to(&self.descriptor))
    }

    /// Manifest and config; of an index, those for `platform` or the host's.
    ///
    /// # Errors
    /// One is missing or not what its descriptor says; an artifact is no image.
    pub fn parts(&self, platform: Option<&Platform>) -> Result<edit::Image, Error> {
        let (_, manifest) = self.manifest(platform)?;
        let config = image::config(self.source(), &manifest)?;
        Ok(edit::Image { manifest, config })
    }

    /// The layers of the image with these `parts`, where nobody takes them away.
    ///
    /// # Errors
    /// One is missing, or config and manifest do not agree.
    pub fn stack(&self, parts: &edit::Image) -> Result<Stack<'_>, Error> {
        let at = |failure: Failure| failure.at(self.reference_to(&self.descriptor));
        let layers = Layer::all(&parts.manifest, &parts.config).map_err(at)?;
        Ok(Stack::hold(self.source(), layers)?)
    }

    /// The bytes of the config that `manifest` names.
    ///
    /// # Errors
    /// It is missing or not what its descriptor says.
    pub fn config_bytes(&self, manifest: &Raw<Manifest>) -> Result<Vec<u8>, Error> {
        image::config_bytes(self.source(), manifest)
    }
}

/// Where images are read: layouts, and registries once one is asked for.
#[derive(Debug)]
pub struct Readables {
    layouts: Layouts,
    registry: RegistryOption,
    registries: Option<Registries>,
}

impl LayoutOption {
    /// Reads images in this layout, in those that operands name, and in registries.
    pub fn readables(&self, registry: RegistryOption) -> Readables {
        Readables { layouts: self.layouts(), registry, registries: None }
    }
}

impl Readables {
    /// What `image`, with these `parts`, was made on; for one in a registry it is looked for in the ambient layout.
    pub fn base(&mut self, io: &Io, image: &Readable, parts: &edit::Image) -> Option<Base> {
        let (place, snapshot) = match &image.lies {
            Lies::Layout(image, _) => (&image.place, self.layouts.of(&image.place)?),
            Lies::Registry(..) => match self.layouts.ambient(io) {
                Some(found) => found,
                None => return base::annotated(parts),
            },
        };
        base::find(parts, &Bases { place, snapshot })
    }

    /// The image that `operand` asks for; of one in a registry, nothing but its descriptor is fetched yet.
    ///
    /// # Errors
    /// There is no such layout, registry or image, or several fit.
    pub fn find(&mut self, io: &Io, operand: &Operand) -> Result<Readable, Error> {
        let Operand::Registry(name) = operand else {
            let found = self.layouts.resolve_row(io, operand);
            let (image, row) = found.map_err(|error| with_registry_hint(error, operand))?;
            return Ok(Readable { descriptor: image.descriptor.clone(), lies: Lies::Layout(image, row) });
        };
        let repository = self.registries.get_or_insert_with(|| self.registry.registries(io)).repository(name);
        let descriptor = repository.resolve(name)?;
        Ok(Readable { descriptor, lies: Lies::Registry(Box::new(repository), name.clone()) })
    }
}

/// Who writes a registry's name may mean the registry.
fn with_registry_hint(error: Error, operand: &Operand) -> Error {
    let Operand::Local(local) = operand else { return error };
    let elsewhere = local.directory.is_some() || error.failure().hint().is_some();
    match &local.lookup.name {
        Some(name) if error.class() == Class::NotFound && !elsewhere && !hub::is_hub(name.registry()) => {
            error.with_hint(format_args!("to read it from its registry: {REGISTRY}{name}"))
        }
        _ => error,
    }
}
