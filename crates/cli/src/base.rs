//! Which image another was made on.

use crate::ambient::Place;
use crate::image::{self, Image};
use image_format::{
    Base, Boundary, Claim, Descriptor, Digest, ExecConfig, ImageConfig, ImageName, Manifest, Raw, annotation,
    edit, image_for,
};
use layout::{Lookup, Snapshot};
use std::collections::HashSet;

/// A layout in which bases are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bases<'a> {
    pub(crate) place: &'a Place,
    pub(crate) snapshot: &'a Snapshot,
}

/// What the annotations `base.name` and `base.digest` of a manifest say.
struct Annotated<'a> {
    name: Option<&'a str>,
    digest: Option<Digest>,
}

/// What the image with these `parts` was made on: what its annotations say, if that is in the layout and fits; else the
/// image there that has the most in common with it.
///
/// What of the layout cannot be read is nobody's base.
pub(crate) fn find(parts: &edit::Image, bases: &Bases<'_>) -> Option<Base> {
    Annotated::of(&parts.manifest)
        .look_up(bases, parts)
        .or_else(|| bases.closest(parts))
        .or_else(|| annotated(parts))
}

/// What the annotations of the image with these `parts` say, wherever that is.
pub(crate) fn annotated(parts: &edit::Image) -> Option<Base> {
    Annotated::of(&parts.manifest).to_base()
}

impl Bases<'_> {
    fn find(&self, lookup: &Lookup, parts: &edit::Image) -> Option<Base> {
        let found = self.place.layout().resolve(self.snapshot, lookup).ok()?;
        let (boundary, exec) = self.boundary(&found.descriptor, parts)?;
        Some(self.base(found.name, found.descriptor, boundary, exec))
    }

    fn closest(&self, parts: &edit::Image) -> Option<Base> {
        let mut seen = HashSet::new();
        let mut best: Option<(Boundary, ExecConfig, usize)> = None;
        for row in self.snapshot.rows() {
            if !row.digest().is_some_and(|digest| seen.insert(digest)) {
                continue;
            }
            let Some(found) = row.descriptor().and_then(|root| self.boundary(&root, parts)) else { continue };
            if best.as_ref().is_none_or(|(best, ..)| found.0 > *best) {
                best = Some((found.0, found.1, row.position));
            }
        }
        let (boundary, exec, position) = best?;
        let row = self.snapshot.row(position);
        Some(self.base(row.claim().map(|(claim, _)| claim), row.descriptor()?, boundary, exec))
    }

    fn boundary(&self, root: &Descriptor, parts: &edit::Image) -> Option<(Boundary, ExecConfig)> {
        let layout = self.place.layout();
        let platform = parts.config.platform()?;
        let (_, manifest) = image_for(layout, root, Some(&platform)).ok()?;
        if manifest.config.digest == parts.manifest.config.digest {
            return None;
        }
        let config: Raw<ImageConfig> = image::config(layout, &manifest).ok()?;
        let boundary = Boundary::of(&config, &parts.manifest, &parts.config)?;
        Some((boundary, config.config.clone().unwrap_or_default()))
    }

    fn base(
        &self,
        name: Option<Claim>,
        descriptor: Descriptor,
        boundary: Boundary,
        exec: ExecConfig,
    ) -> Base {
        let digest = Some(descriptor.digest);
        let reference = Image::new(self.place, name, descriptor).to_text();
        Base { reference, digest, boundary: Some(boundary), exec: Some(exec) }
    }
}

impl Annotated<'_> {
    fn of(manifest: &Manifest) -> Annotated<'_> {
        let value = |key: &str| manifest.annotations.as_ref()?.get(key).map(String::as_str);
        let digest = value(annotation::BASE_DIGEST).and_then(|digest| digest.parse().ok());
        Annotated { name: value(annotation::BASE_NAME).filter(|name| !name.is_empty()), digest }
    }

    fn image_name(&self) -> Option<ImageName> {
        self.name.and_then(|name| name.parse().ok())
    }

    /// Under the name that the annotations say, or whatever other it has.
    fn look_up(&self, bases: &Bases<'_>, parts: &edit::Image) -> Option<Base> {
        let anywhere = Lookup { digest: Some(self.digest?), ..Lookup::default() };
        let named = self.image_name().map(|name| Lookup { name: Some(name), ..anywhere.clone() });
        named.and_then(|named| bases.find(&named, parts)).or_else(|| bases.find(&anywhere, parts))
    }

    fn to_base(&self) -> Option<Base> {
        let name = self.image_name();
        let reference = match (name, self.digest) {
            (Some(name), Some(digest)) => name.pinned(digest).to_string(),
            (Some(name), None) => name.to_string(),
            (None, Some(digest)) => format!("@{digest}"),
            (None, None) => return None,
        };
        Some(Base { reference, digest: self.digest, boundary: None, exec: None })
    }
}
