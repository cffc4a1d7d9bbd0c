//! Is everything in the layout what it says? Every blob is hashed, every row followed.

use crate::layout::Layout;
use crate::snapshot::Snapshot;
use crate::storage::Hold;
use crate::{Error, path};
use image_format::{
    Algorithm, Descriptor, DiffId, Digest, Failure, ImageConfig, MAX_INDEX_DEPTH, Manifest, Node,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Problem {
    /// The blob's content has another digest.
    Altered(Digest),
    /// A descriptor says another size than the blob has.
    Size {
        /// The blob.
        digest: Digest,
        /// What the descriptor says, in bytes.
        expected: u64,
        /// What is there, in bytes.
        found: u64,
    },
    /// The blob is needed and not there.
    Missing(Digest),
    /// A manifest, index or config is not of its form.
    Malformed(Digest, String),
    /// The layer unpacks to something else than the config says.
    DiffId {
        /// The layer's blob.
        digest: Digest,
        /// What the config says.
        expected: DiffId,
        /// What it unpacks to; `None`: it does not unpack.
        found: Option<DiffId>,
    },
    /// The manifest's layers and the config's DiffIDs do not correspond.
    LayerCount(Digest),
    /// A file under `blobs/` whose name is no digest.
    Misnamed(String),
    /// Two rows of the same rank claim one name for different images.
    Contradiction(String),
    /// A row of `index.json` is not a descriptor.
    Row(usize),
}

/// Things that are right, but worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Note {
    /// No row reaches the blob; `oci-gc` would take it.
    Unreferenced(Digest, u64),
    /// Older tools do not find an image of docker's media types in a layout.
    DockerMediaType(Digest),
    /// Some children of the index are not here.
    Partial(Digest),
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// How many blobs were hashed.
    pub blobs: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// What is wrong.
    pub problems: BTreeSet<Problem>,
    /// What is worth knowing.
    pub notes: BTreeSet<Note>,
}

/// Finds a layer's DiffID: it is decompressed, which this crate cannot do.
pub trait CheckLayer: Sync {
    /// The digest of the layer's plain tar.
    ///
    /// # Errors
    /// It does not decompress.
    fn diff_id(&self, layer: Box<dyn Read + Send>, algorithm: Algorithm) -> std::io::Result<DiffId>;
}

impl Layout {
    /// Checks everything, on `threads` threads.
    ///
    /// The rows are read once; what other processes add meanwhile is not seen, and blobs that they remove meanwhile
    /// are looked for again before they count as missing.
    ///
    /// # Errors
    /// `index.json` or a directory cannot be read at all.
    pub fn check(&self, layers: &dyn CheckLayer, threads: usize) -> Result<Check, Failure> {
        let snapshot = self.snapshot()?;
        let mut check = Check::default();
        self.check_names(&mut check)?;
        check_rows(&snapshot, &mut check);
        let needed = self.follow_rows(&snapshot, &mut check)?;
        let blobs = self.blobs()?;
        let found = Mutex::new(check);
        in_parallel(&blobs, threads, |digest| self.check_blob(digest, &needed, layers, &found))?;
        let mut check = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.recheck_missing(&mut check)?;
        Ok(check)
    }

    /// A collection may have run between the rows and the blobs: what the rows of now do not need is not missing.
    fn recheck_missing(&self, check: &mut Check) -> Result<(), Failure> {
        let missing = |problem: &Problem| matches!(problem, Problem::Missing(_));
        if !check.problems.iter().any(missing) {
            return Ok(());
        }
        let _lock = self.storage.lock(Hold::Shared).ok();
        let mut again = Check::default();
        self.follow_rows(&self.snapshot()?, &mut again)?;
        check.problems.retain(|problem| !missing(problem) || again.problems.contains(problem));
        Ok(())
    }

    fn check_names(&self, check: &mut Check) -> Result<(), Error> {
        for directory in self.storage.list(path::BLOBS).map_err(Error::io(self.path()))? {
            let known = Algorithm::ALL.iter().any(|algorithm| algorithm.as_str() == directory);
            if !known {
                check.problems.insert(Problem::Misnamed(format!("{}/{directory}", path::BLOBS)));
                continue;
            }
            let prefix = format!("{}/{directory}", path::BLOBS);
            for name in self.storage.list(&prefix).map_err(Error::io(self.path()))? {
                let digest = format!("{directory}:{name}").parse::<Digest>();
                let regular = || self.storage.stat(&format!("{prefix}/{name}")).ok().flatten().is_some();
                if digest.is_err() || !regular() {
                    check.problems.insert(Problem::Misnamed(format!("{prefix}/{name}")));
                }
            }
        }
        Ok(())
    }

    /// Follows every row, and returns what each needed layer must unpack to.
    fn follow_rows(&self, snapshot: &Snapshot, check: &mut Check) -> Result<Needed, Failure> {
        let mut needed = Needed::default();
        for descriptor in snapshot.rows().filter_map(|row| row.descriptor()) {
            if descriptor.media_type.is_docker() {
                check.notes.insert(Note::DockerMediaType(descriptor.digest));
            }
            self.follow(&descriptor, None, 0, &mut needed, check)?;
        }
        Ok(needed)
    }

    fn follow(
        &self,
        descriptor: &Descriptor,
        parent: Option<&Digest>,
        depth: usize,
        needed: &mut Needed,
        check: &mut Check,
    ) -> Result<(), Failure> {
        let digest = descriptor.digest;
        let Some(found) = self.size_of(&digest)? else {
            match parent {
                // A sparse index is legal: image-layout.md, "blobs directory MAY be missing referenced blobs".
                Some(index) => check.notes.insert(Note::Partial(*index)),
                None => check.problems.insert(Problem::Missing(digest)),
            };
            return Ok(());
        };
        if found != descriptor.size {
            check.problems.insert(Problem::Size { digest, expected: descriptor.size, found });
        }
        if !needed.reached.insert(digest) || depth > MAX_INDEX_DEPTH {
            return Ok(());
        }
        if !descriptor.media_type.is_manifest() && !descriptor.media_type.is_index() {
            return Ok(());
        }
        let node =
            match self.read_small(&digest).map_err(|error| error.to_string()).and_then(|bytes| {
                Node::parse(&descriptor.media_type, bytes).map_err(|error| error.to_string())
            }) {
                Ok(node) => node,
                Err(problem) => {
                    check.problems.insert(Problem::Malformed(digest, problem));
                    return Ok(());
                }
            };
        match &node {
            Node::Index(index) => {
                for child in &index.manifests {
                    self.follow(child, Some(&digest), depth + 1, needed, check)?;
                }
            }
            Node::Manifest(manifest) => self.follow_manifest(&digest, manifest, needed, check)?,
        }
        Ok(())
    }

    fn follow_manifest(
        &self,
        digest: &Digest,
        manifest: &Manifest,
        needed: &mut Needed,
        check: &mut Check,
    ) -> Result<(), Failure> {
        for blob in
            std::iter::once(&manifest.config).chain(&manifest.layers).filter(|blob| !blob.is_foreign())
        {
            self.follow(blob, None, 0, needed, check)?;
        }
        if !manifest.config.media_type.is_config() || self.size_of(&manifest.config.digest)?.is_none() {
            return Ok(());
        }
        let config = self.read_small(&manifest.config.digest)?;
        match serde_json::from_slice::<ImageConfig>(&config) {
            Ok(config) if config.rootfs.diff_ids.len() != manifest.layers.len() => {
                check.problems.insert(Problem::LayerCount(*digest));
            }
            Ok(config) => {
                for (layer, diff_id) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
                    needed.diff_ids.entry(layer.digest).or_default().insert(*diff_id);
                }
            }
            Err(error) => {
                let problem = format!("not an image config: {error}");
                check.problems.insert(Problem::Malformed(manifest.config.digest, problem));
            }
        }
        Ok(())
    }

    fn check_blob(
        &self,
        digest: &Digest,
        needed: &Needed,
        layers: &dyn CheckLayer,
        found: &Mutex<Check>,
    ) -> Result<(), Failure> {
        let key = path::blob(digest);
        let path = self.path().join(&key);
        let Some(stat) = self.storage.stat(&key).map_err(Error::io(&path))? else { return Ok(()) };
        let mut problems = Vec::new();
        let content = match self.digest_of(&key, digest.algorithm()) {
            // A collection took it meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            result => result.map_err(Error::io(&path))?,
        };
        if content == *digest {
            for expected in needed.diff_ids.get(digest).into_iter().flatten() {
                problems.extend(self.check_diff_id(&key, digest, expected, layers)?);
            }
        } else {
            problems.push(Problem::Altered(*digest));
        }
        let mut check = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        check.blobs += 1;
        check.bytes += stat.size;
        check.problems.extend(problems);
        if !needed.reached.contains(digest) {
            check.notes.insert(Note::Unreferenced(*digest, stat.size));
        }
        Ok(())
    }

    fn check_diff_id(
        &self,
        key: &str,
        digest: &Digest,
        expected: &DiffId,
        layers: &dyn CheckLayer,
    ) -> Result<Option<Problem>, Failure> {
        let blob = self.storage.read(key, 0).map_err(Error::io(self.path().join(key)))?;
        let found = layers.diff_id(Box::new(blob), expected.digest().algorithm()).ok();
        let wrong = found.as_ref() != Some(expected);
        Ok(wrong.then_some(Problem::DiffId { digest: *digest, expected: *expected, found }))
    }

    fn digest_of(&self, key: &str, algorithm: Algorithm) -> std::io::Result<Digest> {
        Digest::of_reader(algorithm, self.storage.read(key, 0)?)
    }
}

/// What the rows need.
#[derive(Default)]
struct Needed {
    reached: BTreeSet<Digest>,
    diff_ids: BTreeMap<Digest, BTreeSet<DiffId>>,
}

fn check_rows(snapshot: &Snapshot, check: &mut Check) {
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

/// Runs `work` on every item, on as many threads; the first failure ends it.
fn in_parallel<T: Sync>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(failure) = work(item) {
                        next.store(items.len(), Ordering::Relaxed);
                        failed
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .get_or_insert(failure);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).map_or(Ok(()), Err)
}
