//! What the manifests that came first say about the blobs that follow.

use image_format::{Descriptor, Digest, Index, MediaType, Node};
use std::collections::{HashMap, HashSet};

/// What a blob is to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nobody has said anything about it yet.
    Unknown,
    /// A layer in plain tar.
    PlainLayer,
    /// Something to be kept as it is.
    Verbatim,
    /// Nothing: all manifests are here, and none refers to it.
    Nothing,
}

/// The blobs that the documents so far refer to.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    roles: HashMap<Digest, Role>,
    /// Manifests and indexes that have not come yet.
    awaited: HashSet<Digest>,
    known: bool,
}

impl Wanted {
    /// `index.json` has come. Of several the last counts: what an earlier one said is forgotten.
    pub(crate) fn index(&mut self, bytes: &[u8]) {
        *self = Wanted::default();
        let Ok(index) = serde_json::from_slice::<Index>(bytes) else { return };
        self.known = true;
        self.children(&index.manifests);
    }

    /// A blob has come that may be a manifest that is waited for.
    pub(crate) fn document(&mut self, digest: &Digest, bytes: &[u8]) {
        if !self.awaited.remove(digest) {
            return;
        }
        let kind = Node::media_type_of(bytes).unwrap_or(MediaType::OciManifest);
        if let Ok(node) = Node::parse(&kind, bytes.to_vec()) {
            self.children(&node.children());
        }
    }

    pub(crate) fn role(&self, digest: &Digest) -> Role {
        match self.roles.get(digest) {
            Some(role) => *role,
            None if self.known && self.awaited.is_empty() => Role::Nothing,
            None => Role::Unknown,
        }
    }

    fn children(&mut self, children: &[Descriptor]) {
        for child in children {
            let document = child.media_type.is_document();
            let plain = child.media_type.is_plain_layer();
            let role = if plain { Role::PlainLayer } else { Role::Verbatim };
            if self.roles.insert(child.digest, role).is_none() && document {
                self.awaited.insert(child.digest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_format::Raw;

    fn index(layers: &[&[u8]]) -> Vec<u8> {
        let row = |layer: &&[u8]| Descriptor::new(MediaType::OciLayer, Digest::sha256(layer), 1);
        Raw::write(Index::new(layers.iter().map(row).collect())).into_bytes()
    }

    #[test]
    fn of_several_indexes_the_last_counts_and_nothing_of_the_others_is_kept() {
        let mut wanted = Wanted::default();
        wanted.index(&index(&[b"a", b"b"]));
        wanted.index(&index(&[b"c"]));
        assert_eq!(wanted.roles.len(), 1);
        assert_eq!(wanted.role(&Digest::sha256(b"a")), Role::Nothing);
        assert_eq!(wanted.role(&Digest::sha256(b"c")), Role::PlainLayer);
        wanted.index(b"broken");
        assert_eq!(wanted.role(&Digest::sha256(b"c")), Role::Unknown);
    }
}
