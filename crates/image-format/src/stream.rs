//! Images as one stream: what a pipe offers, and what is said before its first blob.

use crate::{Descriptor, Digest, Failure, ImageName, Node};
use std::io::Read;

/// What a stream says about the blob that comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it is called there; for a tar the entry's name, without a leading `./`.
    pub name: String,
    /// The digest that the name claims, for the receiver to check.
    pub digest: Option<Digest>,
    /// How many bytes follow.
    pub size: u64,
    /// The entry that this one is only another name of; it has no bytes of its own.
    pub link: Option<String>,
}

/// Blobs in an order of the sender's choice, each to be read before the next.
pub trait Stream {
    /// The next blob and its bytes; `None` once the stream was read to its very end. What was left of the blob
    /// before is skipped.
    ///
    /// # Errors
    /// The stream is not what it should be, or cannot be read.
    fn next(&mut self) -> Result<Option<(Offer, &mut (dyn Read + Send))>, Failure>;
}

/// An image that a sink will receive, said before its first blob ([`crate::Sink::begin`]).
#[derive(Clone, Debug)]
pub struct Root {
    /// The manifest or index.
    pub descriptor: Descriptor,
    /// What the image is called; empty where it has no name.
    pub names: Vec<ImageName>,
    /// The manifests and indexes that it consists of, children before parents.
    pub documents: Vec<(Descriptor, Node)>,
}
