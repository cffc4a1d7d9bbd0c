//! Is everything in the layout what it says? Every blob is hashed, every row followed.

mod blobs;
mod problem;
mod rows;

pub use blobs::{CheckLayer, Decompressed};
pub use problem::{Note, Problem};

use crate::layout::Layout;
use crate::storage::Hold;
use crate::{Error, path};
use image_format::{Algorithm, Digest, Failure};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

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
    /// For each blob that has a problem, an image that needs it: its name, or its digest. None needs one that is not
    /// in here.
    pub images: BTreeMap<Digest, String>,
    /// Is a manifest or index missing or broken, so that nobody knows which blobs it needs?
    pub needs_unknown: bool,
}

impl Check {
    /// Of a blob that is another one altogether nothing else need be said.
    fn drop_consequences(&mut self) {
        let altered = |problem: &Problem| match problem {
            Problem::Altered(digest) => Some(*digest),
            _ => None,
        };
        let altered: BTreeSet<Digest> = self.problems.iter().filter_map(altered).collect();
        self.problems.retain(|problem| match problem {
            Problem::Size { digest, .. } | Problem::Malformed(digest, _) => !altered.contains(digest),
            _ => true,
        });
    }
}

impl Layout {
    /// Checks everything, on `threads` threads.
    ///
    /// The rows are read once; what other processes add meanwhile is not seen, and blobs that they remove meanwhile
    /// are looked for again before they count as missing.
    ///
    /// # Errors
    /// `index.json` or a directory cannot be read at all.
    pub fn check(&self, layers: &dyn CheckLayer, threads: NonZeroUsize) -> Result<Check, Failure> {
        let snapshot = self.snapshot()?;
        let mut check = Check::default();
        self.check_names(&mut check)?;
        rows::contradictions(&snapshot, &mut check);
        let needed = rows::follow(self, &snapshot, &mut check)?;
        let mut check = self.check_blobs(&needed, layers, threads, check)?;
        self.recheck_missing(&mut check)?;
        check.drop_consequences();
        check.images = needed.images_of(&snapshot, check.problems.iter().filter_map(Problem::digest));
        Ok(check)
    }

    /// A collection may have run between the rows and the blobs: what the rows of now do not need is not missing.
    fn recheck_missing(&self, check: &mut Check) -> Result<(), Failure> {
        let missing = |problem: &Problem| matches!(problem, Problem::Missing(_));
        if !check.problems.iter().any(missing) {
            return Ok(());
        }
        let _lock = self.lock(Hold::Shared).ok();
        self.stop.check()?;
        let mut again = Check::default();
        rows::follow(self, &self.snapshot()?, &mut again)?;
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
                let regular = || -> Result<bool, Error> {
                    let stat = self.storage.stat(&format!("{prefix}/{name}"));
                    Ok(stat.map_err(Error::io(self.path()))?.is_some())
                };
                if name.starts_with('.') {
                    check.notes.insert(Note::Leftover(format!("{prefix}/{name}")));
                } else if digest.is_err() || !regular()? {
                    check.problems.insert(Problem::Misnamed(format!("{prefix}/{name}")));
                }
            }
        }
        Ok(())
    }
}
