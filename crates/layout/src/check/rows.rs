//! The rows of `index.json`, and all that they lead to.

use super::{Check, Note, Problem};
use crate::layout::Layout;
use crate::reach;
use crate::snapshot::Snapshot;
use image_format::{
    Class, Descriptor, DiffId, Digest, Failure, ImageConfig, MAX_INDEX_DEPTH, Manifest, MediaType, Node,
    Place, Platform, Visitor, Walk,
};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What the rows need.
#[derive(Default)]
pub(super) struct Needed {
    /// Each blob, and the first row that needs it.
    pub(super) reached: BTreeMap<Digest, usize>,
    /// What each layer must unpack to.
    pub(super) diff_ids: BTreeMap<Digest, BTreeSet<DiffId>>,
    /// What manifests say that each of them is that is to be unpacked: the layers of attestations are no tars.
    pub(super) layer_types: BTreeMap<Digest, BTreeSet<MediaType>>,
    /// What a collection leaves: of rows that say nothing known, all that they speak of.
    pub(super) kept: HashSet<Digest>,
    /// What rows and indexes say of manifests and indexes; of their platforms, what rows say.
    described: BTreeSet<(Digest, MediaType, Option<Platform>)>,
    /// What those say of themselves.
    own: BTreeMap<Digest, Own>,
}

/// What a manifest or index says of itself.
struct Own {
    media_type: Option<MediaType>,
    /// The config's.
    platform: Option<Platform>,
}

impl Needed {
    /// Adds to `check` where the one says something else than the other.
    fn compare(&self, check: &mut Check) {
        for (digest, kind, platform) in &self.described {
            let Some(own) = self.own.get(digest) else { continue };
            if let Some(found) = own.media_type.clone().filter(|found| found != kind) {
                check.problems.insert(Problem::MediaType { digest: *digest, expected: kind.clone(), found });
            }
            if let (Some(expected), Some(found)) = (platform, &own.platform)
                && expected.is_known()
                && !expected.agrees_with(found)
            {
                let (expected, found) = (expected.clone(), found.clone());
                check.problems.insert(Problem::Platform { digest: *digest, expected, found });
            }
        }
    }

    /// An image that needs each blob, as its row calls it.
    pub(super) fn images_of<'a>(
        &self,
        snapshot: &Snapshot,
        blobs: impl Iterator<Item = &'a Digest>,
    ) -> BTreeMap<Digest, String> {
        let image = |blob: &Digest| {
            let row = snapshot.row(*self.reached.get(blob)?);
            row.claim().map(|(claim, _)| claim.to_string()).or_else(|| Some(format!("@{}", row.digest()?)))
        };
        blobs.filter_map(|blob| Some((*blob, image(blob)?))).collect()
    }
}

/// Finds rows that are no descriptors, and names that are claimed for several images.
pub(super) fn contradictions(snapshot: &Snapshot, check: &mut Check) {
    let mut claims = BTreeMap::new();
    for row in snapshot.rows() {
        let Some(descriptor) = row.descriptor() else {
            check.problems.insert(Problem::Row(row.position));
            continue;
        };
        let Some((claim, rank)) = row.claim() else { continue };
        let other = claims.insert((claim.to_string(), rank), descriptor.digest);
        if other.is_some_and(|other| other != descriptor.digest) {
            check.problems.insert(Problem::Contradiction(claim.to_string()));
        }
    }
}

/// Follows every row.
pub(super) fn follow(layout: &Layout, snapshot: &Snapshot, check: &mut Check) -> Result<Needed, Failure> {
    let (mut needed, mut walk) = (Needed::default(), Walk::without_limit());
    for (row, descriptor) in snapshot.rows().filter_map(|row| Some((row.position, row.descriptor()?))) {
        if descriptor.media_type.is_docker() {
            check.notes.insert(Note::DockerMediaType(descriptor.digest));
        }
        let mut follower = Follower { layout, row, needed: &mut needed, check: &mut *check };
        if follower.is_here(&descriptor, None)? {
            walk.from(&descriptor, &mut follower)?;
        }
    }
    needed.compare(check);
    match reach::from_rows(layout, snapshot) {
        Ok(kept) => needed.kept = kept,
        // then nothing is collected
        Err(failure) if failure.class() == Class::Integrity => check.needs_unknown = true,
        Err(failure) => return Err(failure),
    }
    Ok(needed)
}

struct Follower<'a> {
    layout: &'a Layout,
    row: usize,
    needed: &'a mut Needed,
    check: &'a mut Check,
}

impl Visitor for Follower<'_> {
    fn enter(&mut self, place: Place<'_>) -> Result<Vec<Descriptor>, Failure> {
        let (descriptor, digest) = (place.descriptor, place.descriptor.digest);
        if !descriptor.media_type.is_document() {
            return Ok(Vec::new());
        }
        if place.depth > MAX_INDEX_DEPTH {
            self.malformed(digest, format!("indexes nest deeper than {MAX_INDEX_DEPTH}"));
        }
        let node = match self.read(descriptor) {
            Ok(node) => node,
            Err(problem) => {
                self.check.needs_unknown = true;
                self.malformed(digest, problem);
                return Ok(Vec::new());
            }
        };
        let mut here = Vec::new();
        for part in node.children() {
            if self.is_here(&part, Some(descriptor))? {
                here.push(part);
            }
        }
        let (media_type, platform) = match &node {
            Node::Index(index) => (index.media_type.clone(), None),
            Node::Manifest(manifest) => {
                (manifest.media_type.clone(), self.compare_config(&digest, manifest)?)
            }
        };
        self.needed.own.insert(digest, Own { media_type, platform });
        Ok(here)
    }
}

impl Follower<'_> {
    /// Whether the blob is in the layout, and as long as it should be, is noted for each who names it.
    fn is_here(&mut self, descriptor: &Descriptor, parent: Option<&Descriptor>) -> Result<bool, Failure> {
        let digest = descriptor.digest;
        self.needed.reached.entry(digest).or_insert(self.row);
        if descriptor.media_type.is_document() {
            // an index may offer one image for machines that it does not name
            let platform = descriptor.platform.clone().filter(|_| parent.is_none());
            let said = (digest, descriptor.media_type.clone(), platform);
            self.needed.described.insert(said);
        }
        let Some(found) = self.layout.size_of(&digest)? else {
            match parent.filter(|parent| parent.media_type.is_index()) {
                // A sparse index is legal: image-layout.md, "blobs directory MAY be missing referenced blobs".
                Some(index) => self.check.notes.insert(Note::Partial(index.digest)),
                None => {
                    self.check.needs_unknown |= descriptor.media_type.is_document();
                    self.check.problems.insert(Problem::Missing(digest))
                }
            };
            return Ok(false);
        };
        if found != descriptor.size {
            self.check.problems.insert(Problem::Size { digest, expected: descriptor.size, found });
        }
        Ok(true)
    }

    fn read(&self, descriptor: &Descriptor) -> Result<Node, String> {
        let bytes = self.layout.read_small(&descriptor.digest).map_err(|error| error.to_string())?;
        Node::parse(&descriptor.media_type, bytes).map_err(|error| error.to_string())
    }

    /// The config's DiffIDs are what the manifest's layers must unpack to. Returns the config's platform.
    fn compare_config(&mut self, digest: &Digest, manifest: &Manifest) -> Result<Option<Platform>, Failure> {
        let (config, kind) = (manifest.config.digest, &manifest.config.media_type);
        if kind.is_layer() || kind.is_document() {
            self.check.problems.insert(Problem::ConfigType(*digest, kind.clone()));
        }
        if !kind.is_config() || self.layout.size_of(&config)?.is_none() {
            return Ok(None);
        }
        let bytes = match self.layout.read_small(&config) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.malformed(config, error.to_string());
                return Ok(None);
            }
        };
        let parsed = match serde_json::from_slice::<ImageConfig>(&bytes) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.malformed(config, format!("not an image config: {error}"));
                return Ok(None);
            }
        };
        if parsed.rootfs.diff_ids.len() != manifest.layers.len() {
            self.check.problems.insert(Problem::LayerCount(*digest));
            return Ok(parsed.platform());
        }
        for (layer, diff_id) in manifest.layers.iter().zip(&parsed.rootfs.diff_ids) {
            self.needed.diff_ids.entry(layer.digest).or_default().insert(*diff_id);
            if layer.media_type.is_layer() {
                let types = self.needed.layer_types.entry(layer.digest).or_default();
                types.insert(layer.media_type.clone());
            }
        }
        Ok(parsed.platform())
    }

    fn malformed(&mut self, digest: Digest, problem: String) {
        self.check.problems.insert(Problem::Malformed(digest, problem));
    }
}
