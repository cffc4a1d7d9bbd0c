//! What decides a layer, as one digest.

use super::files::{Content, Node, Sum};
use image_format::{Algorithm, Digest, DigestHasher};
use layer::{Device, Kind, Metadata};

/// A change of what goes into keys, or of what a layer is made of them, takes a new number.
const VERSION: &[u8] = b"ociutils copy 1";

/// Takes fields, each with its length, so that no two sequences of fields are the same bytes.
pub(crate) struct KeyHasher(DigestHasher);

impl KeyHasher {
    pub(crate) fn new() -> KeyHasher {
        let mut hasher = KeyHasher(DigestHasher::new(Algorithm::Sha256));
        hasher.bytes(VERSION);
        hasher
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.number(flag.into());
    }

    pub(crate) fn option(&mut self, value: Option<&[u8]>) {
        self.flag(value.is_some());
        self.bytes(value.unwrap_or_default());
    }

    pub(crate) fn sum(&mut self, sum: &Sum) {
        self.0.update(sum);
    }

    /// All of a node but its content's bytes and its time.
    pub(crate) fn node(&mut self, node: &Node) {
        match &node.kind {
            Kind::File { size, .. } => (self.number(0), self.number(*size)),
            Kind::HardLink { target } => (self.number(1), self.bytes(target)),
            Kind::Symlink { target } => (self.number(2), self.bytes(target)),
            Kind::CharacterDevice(device) => (self.number(3), self.device(device)),
            Kind::BlockDevice(device) => (self.number(4), self.device(device)),
            Kind::Fifo => (self.number(5), ()),
            Kind::Directory => (self.number(6), ()),
        };
        let Metadata { mode, uid, gid, mtime: _, xattrs } = &node.metadata;
        for number in [mode, uid, gid] {
            self.number((*number).into());
        }
        self.number(xattrs.len() as u64);
        for (name, value) in xattrs {
            self.bytes(name);
            self.bytes(value);
        }
    }

    fn device(&mut self, device: &Device) {
        self.number(device.major.into());
        self.number(device.minor.into());
    }

    pub(crate) fn finish(self) -> Digest {
        self.0.finish()
    }
}

/// What a content is, where that is known without reading it.
pub(crate) fn known_sum(content: &Content, diff_id: impl Fn(u32) -> Digest) -> Option<Sum> {
    match content {
        Content::OnDisk { digest, .. } => digest.as_deref().copied(),
        Content::Downloaded(sum) => Some(*sum),
        Content::Held(bytes) => Some(sum_of(&Digest::sha256(bytes))),
        // the place in a tar that is known by its digest says what is there
        Content::InLayer { place: (layer, offset), .. } => {
            let place = [diff_id(*layer).as_bytes(), &offset.to_le_bytes()].concat();
            Some(sum_of(&Digest::sha256(&place)))
        }
        Content::OfStage { .. } | Content::Stored { .. } | Content::Nothing => None,
    }
}

/// The bytes of a SHA-256.
pub(crate) fn sum_of(digest: &Digest) -> Sum {
    let mut sum = Sum::default();
    let bytes = digest.as_bytes();
    let length = bytes.len().min(sum.len());
    sum[..length].copy_from_slice(&bytes[..length]);
    sum
}
