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
    /// `index.json` has come.
    pub(crate) fn index(&mut self, bytes: &[u8]) {
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
            let plain = matches!(child.media_type, MediaType::OciLayer | MediaType::DockerLayer);
            let role = if plain { Role::PlainLayer } else { Role::Verbatim };
            if self.roles.insert(child.digest, role).is_none() && document {
                self.awaited.insert(child.digest);
            }
        }
    }
}
