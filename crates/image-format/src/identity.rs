//! The identities of a layer's content, each a type of its own so that swapping them does not compile.

use crate::{Algorithm, Digest};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The digest of a layer's *uncompressed* tar.
///
/// Spec: image-spec, config.md, "Layer DiffID".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiffId(Digest);

impl DiffId {
    /// Takes the digest of an uncompressed layer tar.
    pub fn new(digest: Digest) -> DiffId {
        DiffId(digest)
    }

    /// The digest itself.
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The identity of a stack of layers, applied in order.
///
/// Spec: image-spec, config.md, "Layer ChainID".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(Digest);

impl ChainId {
    /// The chain of a single, bottom layer: its DiffID.
    pub fn bottom(diff_id: &DiffId) -> ChainId {
        ChainId(diff_id.0)
    }

    /// The chain with one more layer on top.
    pub fn next(&self, diff_id: &DiffId) -> ChainId {
        ChainId(Digest::of(Algorithm::Sha256, format!("{} {}", self.0, diff_id.0).as_bytes()))
    }

    /// The chain of all layers, bottom first; `None` where there is no layer.
    pub fn of(diff_ids: &[DiffId]) -> Option<ChainId> {
        let (bottom, above) = diff_ids.split_first()?;
        Some(above.iter().fold(ChainId::bottom(bottom), |chain, diff_id| chain.next(diff_id)))
    }

    /// The digest itself.
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_the_hash_of_the_chain_below_and_the_diff_id() {
        let [a, b, c] = ["a", "b", "c"].map(|layer| DiffId::new(Digest::sha256(layer.as_bytes())));
        let ab = Digest::sha256(format!("{a} {b}").as_bytes());
        let abc = Digest::sha256(format!("{ab} {c}").as_bytes());
        assert_eq!(ChainId::of(&[]), None);
        assert_eq!(ChainId::of(&[a]).unwrap().digest(), a.digest());
        assert_eq!(ChainId::of(&[a, b]).unwrap().digest(), &ab);
        assert_eq!(ChainId::of(&[a, b, c]).unwrap().digest(), &abc);
    }
}
