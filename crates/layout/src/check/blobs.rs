//! Every blob hashed, every layer that an image needs unpacked, side by side.

use super::rows::Needed;
use super::{Check, Note, Problem};
use crate::layout::Layout;
use crate::{Error, path};
use image_format::{Algorithm, DiffId, Digest, Failure, in_parallel};
use std::io::Read;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

/// What a layer is once it is decompressed.
#[derive(Clone, Debug)]
pub struct Decompressed {
    /// How it was compressed: `gzip`, `zstd`, whatever else, or `plain`.
    pub form: String,
    /// The digest of its plain tar.
    pub diff_id: DiffId,
    /// Why it is no tar that can be unpacked; `None` where it is one.
    pub refused: Option<String>,
}

/// Looks into a layer: it is decompressed, which this crate cannot do.
pub trait CheckLayer: Sync {
    /// What the layer is.
    ///
    /// # Errors
    /// It does not decompress.
    fn look(&self, layer: Box<dyn Read + Send>, algorithm: Algorithm) -> std::io::Result<Decompressed>;
}

impl Layout {
    /// Adds to `check` what is wrong with the blobs.
    pub(super) fn check_blobs(
        &self,
        needed: &Needed,
        layers: &dyn CheckLayer,
        threads: NonZeroUsize,
        check: Check,
    ) -> Result<Check, Failure> {
        let blobs = self.blobs()?;
        let found = Mutex::new(check);
        in_parallel(&blobs, threads, |digest| self.check_blob(digest, needed, layers, &found))?;
        Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
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
                problems.extend(self.check_layer(&key, digest, expected, needed, layers)?);
            }
        } else {
            problems.push(Problem::Altered(*digest));
        }
        let mut check = found.lock().unwrap_or_else(PoisonError::into_inner);
        check.blobs += 1;
        check.bytes += stat.size;
        check.problems.extend(problems);
        if !needed.reached.contains_key(digest) && !needed.kept.contains(digest) {
            check.notes.insert(Note::Unreferenced(*digest, stat.size));
        }
        Ok(())
    }

    fn check_layer(
        &self,
        key: &str,
        digest: &Digest,
        expected: &DiffId,
        needed: &Needed,
        layers: &dyn CheckLayer,
    ) -> Result<Vec<Problem>, Failure> {
        let blob = self.storage.read(key, 0).map_err(Error::io(self.path().join(key)))?;
        let Ok(look) = layers.look(Box::new(blob), expected.digest().algorithm()) else {
            return Ok(vec![Problem::DiffId { digest: *digest, expected: *expected, found: None }]);
        };
        let types = needed.layer_types.get(digest).into_iter().flatten();
        let mut problems: Vec<Problem> = types
            .filter(|kind| kind.layer_form().is_some_and(|form| form != look.form))
            .map(|kind| Problem::LayerType {
                digest: *digest,
                expected: kind.clone(),
                found: look.form.clone(),
            })
            .collect();
        if look.diff_id != *expected {
            problems.push(Problem::DiffId {
                digest: *digest,
                expected: *expected,
                found: Some(look.diff_id),
            });
        } else if let Some(why) = look.refused.filter(|_| needed.layer_types.contains_key(digest)) {
            problems.push(Problem::Layer(*digest, why));
        }
        Ok(problems)
    }

    fn digest_of(&self, key: &str, algorithm: Algorithm) -> std::io::Result<Digest> {
        Digest::of_reader(algorithm, self.storage.read(key, 0)?)
    }
}
