//! How many bytes the images of a layout hold, and how many of them no other image needs.

use crate::ambient::Place;
use crate::error::Error;
use image_format::{Class, Descriptor, Digest, Place as At, parts, walk};
use layout::Snapshot;
use std::collections::{BTreeMap, HashMap};

/// The blobs of one image: each digest and its size.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Manifests, configs and layers, each once.
    pub blobs: BTreeMap<Digest, u64>,
    /// Manifests that an index names and the layout lacks.
    pub missing: Vec<Digest>,
}

impl Reach {
    /// All that `descriptor` reaches in the layout. Sizes are the descriptors'; layers are not looked at.
    ///
    /// # Errors
    /// A manifest is not what its descriptor says, or indexes nest too deep.
    pub fn of(place: &Place, descriptor: &Descriptor) -> Result<Reach, Error> {
        let mut reach = Reach::default();
        walk(descriptor, &mut |at: At<'_>| {
            let (digest, size) = (at.descriptor.digest, at.descriptor.size);
            match parts(place.layout(), at.descriptor) {
                Err(failure) if failure.class() == Class::NotFound => {
                    reach.missing.push(digest);
                    Ok(Vec::new())
                }
                found => {
                    reach.blobs.insert(digest, size);
                    found
                }
            }
        })?;
        Ok(reach)
    }

    /// The sum of all blobs in bytes.
    pub fn bytes(&self) -> u64 {
        self.blobs.values().sum()
    }
}

/// What all images of a layout reach. Reading it costs a look at every manifest.
#[derive(Debug, Default)]
pub struct Weights {
    /// By the digest of the image's row; names of one digest are one image.
    images: HashMap<Digest, Reach>,
    /// How many images need a blob.
    needed: HashMap<Digest, usize>,
}

impl Weights {
    /// Reads the manifests of every image in `snapshot`. One that cannot be read weighs nothing.
    pub fn of(place: &Place, snapshot: &Snapshot) -> Weights {
        let mut weights = Weights::default();
        for image in snapshot.images() {
            if weights.images.contains_key(&image.descriptor.digest) {
                continue;
            }
            let reach = Reach::of(place, &image.descriptor).unwrap_or_default();
            for digest in reach.blobs.keys() {
                *weights.needed.entry(*digest).or_default() += 1;
            }
            weights.images.insert(image.descriptor.digest, reach);
        }
        weights
    }

    /// What an image reaches; `None` for one without a row of its own.
    pub fn reach(&self, image: &Digest) -> Option<&Reach> {
        self.images.get(image)
    }

    /// How many bytes of `reach` only this image needs.
    pub fn unique(&self, reach: &Reach) -> u64 {
        let alone = |digest: &Digest| self.needed.get(digest).is_none_or(|count| *count <= 1);
        reach.blobs.iter().filter(|(digest, _)| alone(digest)).map(|(_, size)| size).sum()
    }

    /// The bytes of all blobs together, each counted once, and of those that several images need.
    pub fn total_and_shared(&self) -> (u64, u64) {
        let all: HashMap<&Digest, u64> = self
            .images
            .values()
            .flat_map(|reach| &reach.blobs)
            .map(|(digest, size)| (digest, *size))
            .collect();
        let shared =
            all.iter().filter(|(digest, _)| self.needed.get(**digest).is_some_and(|count| *count > 1));
        (all.values().sum(), shared.map(|(_, size)| size).sum())
    }

    /// How many bytes the images would hold if they shared nothing.
    pub fn unshared(&self) -> u64 {
        self.images.values().map(Reach::bytes).sum()
    }
}
