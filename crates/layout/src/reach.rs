//! Which blobs the rows of an index reach.

use crate::Error;
use crate::layout::Layout;
use crate::snapshot::Snapshot;
use image_format::{
    Algorithm, Class, Descriptor, Digest, Failure, MAX_MANIFEST_BYTES, MediaType, Node, Place, Walk, parts,
    walk,
};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What was reached so far.
struct Reached {
    blobs: HashSet<Digest>,
    walk: Walk,
}

impl Default for Reached {
    fn default() -> Reached {
        Reached { blobs: HashSet::new(), walk: Walk::without_limit() }
    }
}

/// Everything that any row reaches.
///
/// A manifest that is missing (a sparse index) reaches nothing; one that is here and broken is an error, since
/// nobody knows what it needs.
pub(crate) fn from_rows(layout: &Layout, snapshot: &Snapshot) -> Result<HashSet<Digest>, Failure> {
    let mut reached = Reached::default();
    for row in snapshot.rows() {
        match row.descriptor() {
            Some(descriptor) => follow(layout, &descriptor, &mut reached, refuse)?,
            // Whatever it is meant to be, the images that it speaks of are kept.
            None => {
                for digest in mentioned(row.json) {
                    follow(layout, &of_unknown_type(digest), &mut reached, refuse)?;
                }
            }
        }
    }
    Ok(reached.blobs)
}

/// Everything that `roots` reach, themselves included; what a broken manifest needs is left out.
pub(crate) fn from_roots(layout: &Layout, roots: &[Descriptor]) -> Result<HashSet<Digest>, Failure> {
    let mut reached = Reached::default();
    for root in roots {
        follow(layout, root, &mut reached, |_| Ok(()))?;
    }
    Ok(reached.blobs)
}

fn refuse(broken: Failure) -> Result<(), Failure> {
    Err(broken)
}

/// A blob that somebody mentions without saying what it is.
fn of_unknown_type(digest: Digest) -> Descriptor {
    Descriptor::new(MediaType::from(""), digest, 0)
}

fn follow(
    layout: &Layout,
    root: &Descriptor,
    reached: &mut Reached,
    broken: impl Fn(Failure) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Reached { blobs, walk } = reached;
    walk.from(root, &mut |place: Place<'_>| {
        blobs.insert(place.descriptor.digest);
        needs(layout, place.descriptor).or_else(|failure| broken(failure).map(|()| Vec::new()))
    })
}

/// What the blob behind a descriptor needs. Of a document of an unknown type, that is everything that it mentions.
fn needs(layout: &Layout, descriptor: &Descriptor) -> Result<Vec<Descriptor>, Failure> {
    let kind = &descriptor.media_type;
    let stated = kind.is_document();
    let leaf = kind.is_config() || kind.as_str().contains(".layer.") || kind.as_str().contains(".rootfs.");
    let Some(size) = layout.size_of(&descriptor.digest)?.filter(|_| !leaf) else { return Ok(Vec::new()) };
    if size > MAX_MANIFEST_BYTES {
        let problem = format!("a manifest of {size} bytes; expected at most {MAX_MANIFEST_BYTES}");
        return if stated { Err(broken(layout, &descriptor.digest, problem)) } else { Ok(Vec::new()) };
    }
    let bytes = layout.read_small(&descriptor.digest)?;
    if stated || Node::media_type_of(&bytes).is_some() {
        let node = Node::parse(kind, bytes);
        return node
            .map(|node| node.children())
            .map_err(|error| broken(layout, &descriptor.digest, error.to_string()));
    }
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let document = text.trim_start().starts_with('{');
    Ok(if document { mentioned(text).into_iter().map(of_unknown_type).collect() } else { Vec::new() })
}

/// Every digest that stands somewhere in a JSON text.
fn mentioned(json: &str) -> BTreeSet<Digest> {
    let mut found = digests_in(json);
    if json.contains('\\') {
        let plain = serde_json::from_str::<serde_json::Value>(json).map(|value| value.to_string());
        found.extend(digests_in(&plain.unwrap_or_default()));
    }
    found
}

fn digests_in(text: &str) -> BTreeSet<Digest> {
    let mut found = BTreeSet::new();
    for algorithm in Algorithm::ALL {
        for (at, prefix) in text.match_indices(&format!("{algorithm}:")) {
            let digest = text.get(at..at + prefix.len() + 2 * algorithm.length());
            found.extend(digest.and_then(|digest| digest.parse::<Digest>().ok()));
        }
    }
    found
}

fn broken(layout: &Layout, digest: &Digest, problem: String) -> Failure {
    let path = layout.path().join(crate::path::blob(digest));
    Failure::from(Error::Broken { path, problem })
        .with_hint("nothing was collected, since what it needs is not known; oci-fsck shows what is wrong")
}

/// The blobs of one image: each digest and its size.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Manifests, configs and layers, each once.
    pub blobs: BTreeMap<Digest, u64>,
    /// Manifests that an index names and the layout lacks.
    pub missing: Vec<Digest>,
}

impl Reach {
    /// The sum of all blobs in bytes, as far as 64 bits can say it.
    pub fn bytes(&self) -> u64 {
        self.blobs.values().copied().fold(0, u64::saturating_add)
    }
}

impl Layout {
    /// All that `root` reaches. Sizes are the descriptors'; configs and layers are not looked at.
    ///
    /// # Errors
    /// A manifest is not what its descriptor says, or indexes nest too deep.
    pub fn reachable(&self, root: &Descriptor) -> Result<Reach, Failure> {
        let mut reach = Reach::default();
        walk(root, &mut |place: Place<'_>| {
            let (digest, size) = (place.descriptor.digest, place.descriptor.size);
            match parts(self, place.descriptor) {
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
}
