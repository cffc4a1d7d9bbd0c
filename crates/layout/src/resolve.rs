//! From what a user wrote to a row: canonical name, then the text itself, then an ID (docs/contract.md).

use crate::layout::Layout;
use crate::snapshot::{Image, Row, Snapshot};
use crate::{Error, path};
use image_format::{Claim, Descriptor, Digest, ImageName, MAX_MANIFEST_BYTES, Manifest, Node};
use std::collections::BTreeSet;

/// The shortest ID that is looked up.
const SHORTEST_ID: usize = 4;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    /// The name as written, without `@DIGEST`: a bare tag or a `ref.name` is found by it, or an ID.
    pub verbatim: Option<String>,
    /// The name, normalised, where it is one.
    pub name: Option<ImageName>,
    /// What exactly is meant, wherever the name points now.
    pub digest: Option<Digest>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The name that the image was found by, or holds.
    pub name: Option<Claim>,
    /// The manifest or index.
    pub descriptor: Descriptor,
    /// The row that it was found by, as its place in `index.json`; `None` for an index's child.
    pub row: Option<usize>,
    /// Does the name point to another digest than the one that was asked for?
    pub moved: bool,
}

impl Layout {
    /// Finds an image in `snapshot`.
    ///
    /// # Errors
    /// There is none, or several have an ID that begins so, or that tag.
    pub fn resolve(&self, snapshot: &Snapshot, lookup: &Lookup) -> Result<Found, Error> {
        let by_name = match named_row(snapshot, lookup) {
            Some(found) => Some(found),
            None => by_short_tag(snapshot, lookup)?,
        };
        if let Some(digest) = &lookup.digest {
            return self.resolve_digest(snapshot, lookup, digest, by_name);
        }
        if let Some((claim, row)) = by_name {
            let descriptor = row.descriptor().ok_or_else(|| self.broken_row(&row))?;
            return Ok(Found { name: Some(claim), descriptor, row: Some(row.position), moved: false });
        }
        let id = lookup.verbatim.as_deref().filter(|text| is_id(text));
        match id.map(|id| self.resolve_id(snapshot, id)).transpose()?.flatten() {
            Some(found) => Ok(found),
            None => match self.whole_id(id)? {
                Some(descriptor) => Ok(Found { name: None, descriptor, row: None, moved: false }),
                None => Err(Error::NoImage(not_found(snapshot, lookup))),
            },
        }
    }

    /// The manifest of this whole digest, though no row names it any more.
    fn whole_id(&self, id: Option<&str>) -> Result<Option<Descriptor>, Error> {
        let digest = id.filter(|id| id.len() == 64).and_then(|id| format!("sha256:{id}").parse().ok());
        Ok(digest.map(|digest: Digest| self.describe_manifest(&digest)).transpose()?.flatten())
    }

    fn resolve_digest(
        &self,
        snapshot: &Snapshot,
        lookup: &Lookup,
        digest: &Digest,
        by_name: Option<(Claim, Row<'_>)>,
    ) -> Result<Found, Error> {
        if let Some((claim, row)) = &by_name
            && let Some(descriptor) = row.descriptor()
            && descriptor.digest == *digest
        {
            return Ok(Found {
                name: Some(claim.clone()),
                descriptor,
                row: Some(row.position),
                moved: false,
            });
        }
        let asked = by_name
            .map(|(claim, _)| claim)
            .or_else(|| lookup.name.as_ref().map(|name| Claim::Name(name.unpinned())));
        let moved = asked.is_some();
        if let Some(position) = snapshot.with_digest(digest).first() {
            let row = snapshot.row(*position);
            let descriptor = row.descriptor().ok_or_else(|| self.broken_row(&row))?;
            let holds = || row.claim().map(|(claim, _)| claim);
            return Ok(Found { name: asked.or_else(holds), descriptor, row: Some(*position), moved });
        }
        if let Some(descriptor) = self.describe_manifest(digest)? {
            return Ok(Found { name: asked, descriptor, row: None, moved });
        }
        let by_config = if asked.is_none() { self.resolve_id(snapshot, &digest.hex())? } else { None };
        by_config.ok_or_else(|| Error::NoImage(not_found(snapshot, lookup)))
    }

    /// A manifest or index that no row names: a child of an index.
    fn describe_manifest(&self, digest: &Digest) -> Result<Option<Descriptor>, Error> {
        let Some(size) = self.size_of(digest)?.filter(|size| *size <= MAX_MANIFEST_BYTES) else {
            return Ok(None);
        };
        let bytes = self.read_small(digest)?;
        Ok(Node::media_type_of(&bytes).map(|media_type| Descriptor::new(media_type, *digest, size)))
    }

    /// By a prefix of the manifest's digest or of the config's, which is docker's IMAGE ID.
    fn resolve_id(&self, snapshot: &Snapshot, id: &str) -> Result<Option<Found>, Error> {
        let images = snapshot.images();
        let matching: Vec<&Image> = images
            .iter()
            .filter(|image| {
                image.descriptor.digest.hex().starts_with(id)
                    || self.image_id(&image.descriptor).is_some_and(|config| config.hex().starts_with(id))
            })
            .collect();
        let digests: BTreeSet<Digest> = matching.iter().map(|image| image.descriptor.digest).collect();
        if digests.len() > 1 {
            let candidates = matching.iter().map(|image| pinned(image)).collect();
            return Err(Error::Ambiguous { id: id.to_owned(), candidates });
        }
        Ok(matching.first().map(|image| Found {
            name: image.name.clone(),
            descriptor: image.descriptor.clone(),
            row: Some(image.position),
            moved: false,
        }))
    }

    /// The digest of the image's config, docker's IMAGE ID; `None` for an index, or where the manifest is missing.
    pub fn image_id(&self, descriptor: &Descriptor) -> Option<Digest> {
        if descriptor.media_type.is_index() {
            return None;
        }
        let manifest: Manifest = serde_json::from_slice(&self.read_small(&descriptor.digest).ok()?).ok()?;
        Some(manifest.config.digest)
    }

    fn broken_row(&self, row: &Row<'_>) -> Error {
        Error::Broken {
            path: self.path().join(path::INDEX),
            problem: format!("row {} is not a descriptor", row.position),
        }
    }
}

/// The row of the repository that was asked for, without a tag, that holds this digest alone: `NAME@DIGEST`.
pub(crate) fn pinned_row<'a>(snapshot: &'a Snapshot, lookup: &Lookup) -> Option<(ImageName, Row<'a>)> {
    let (digest, name) = (lookup.digest.as_ref()?, lookup.name.as_ref()?);
    let last = lookup.verbatim.as_deref().and_then(|text| text.rsplit('/').next()).unwrap_or_default();
    if last.contains(':') {
        return None;
    }
    let rows = snapshot.with_digest(digest);
    rows.iter().find_map(|position| {
        let row = snapshot.row(*position);
        let pinned = row.descriptor()?.pinned_name()?;
        (pinned.locator() == name.locator()).then_some((pinned, row))
    })
}

/// A bare tag that stands beside a full name, where no other row has it.
fn by_short_tag<'a>(snapshot: &'a Snapshot, lookup: &Lookup) -> Result<Option<(Claim, Row<'a>)>, Error> {
    let Some(tag) = lookup.verbatim.as_deref().filter(|tag| !tag.is_empty()) else { return Ok(None) };
    let mut rows = snapshot.with_short_tag(tag);
    if let Some(digest) = &lookup.digest {
        rows.retain(|(_, row)| row.digest().as_ref() == Some(digest));
    }
    if rows.len() > 1 && lookup.digest.is_none() {
        let names = rows.iter().map(|(claim, _)| claim.to_string()).collect();
        return Err(Error::AmbiguousTag { tag: tag.to_owned(), names });
    }
    Ok(rows.pop())
}

pub(crate) fn named_row<'a>(snapshot: &'a Snapshot, lookup: &Lookup) -> Option<(Claim, Row<'a>)> {
    let canonical = lookup.name.as_ref().map(|name| Claim::Name(name.unpinned()));
    let verbatim = lookup.verbatim.clone().map(Claim::Verbatim);
    [canonical, verbatim]
        .into_iter()
        .flatten()
        .find_map(|claim| Some((claim.clone(), snapshot.find(&claim)?)))
}

fn is_id(text: &str) -> bool {
    text.len() >= SHORTEST_ID && text.len() <= 128 && text.bytes().all(is_hex)
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn pinned(image: &Image) -> String {
    let name = image.name.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{name}@{}", image.descriptor.digest)
}

fn not_found(snapshot: &Snapshot, lookup: &Lookup) -> String {
    const MOST: usize = 8;
    if let Some(digest) = &lookup.digest {
        return format!("{digest}: no such image in this layout");
    }
    let text = lookup.verbatim.clone().unwrap_or_default();
    let mut tags = lookup.name.as_ref().map(|name| snapshot.tags_of(name)).unwrap_or_default();
    if tags.is_empty() {
        let short = text.len() < SHORTEST_ID && !text.is_empty() && text.bytes().all(is_hex);
        let least = if short { format!("; an ID has {SHORTEST_ID} letters at least") } else { String::new() };
        return format!("{text}: no such image in this layout{least}");
    }
    if tags.len() > MOST {
        let more = tags.len() - MOST;
        tags.truncate(MOST);
        tags.push(format!("{more} more"));
    }
    format!("{text}: no such tag; this layout has: {}", tags.join(", "))
}
