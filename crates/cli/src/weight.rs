//! How many bytes the images of a layout hold, and how many of them no other image needs.

use crate::ambient::Place;
use image_format::Digest;
use layout::{Reach, Snapshot};
use std::collections::HashMap;

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
            let reach = place.layout().reachable(&image.descriptor).unwrap_or_default();
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
        sum(reach.blobs.iter().filter(|(digest, _)| alone(digest)).map(|(_, size)| *size))
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
        (sum(all.values().copied()), sum(shared.map(|(_, size)| *size)))
    }

    /// How many bytes the images would hold if they shared nothing.
    pub fn unshared(&self) -> u64 {
        sum(self.images.values().map(Reach::bytes))
    }
}

/// Sizes are what descriptors say, and those may say anything.
fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}
