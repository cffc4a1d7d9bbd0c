//! What a repository is asked for: a tag or a digest.

use image_format::{Digest, ImageName, Tag};
use std::fmt;

/// A tag or a digest in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference<'a> {
    /// What the tag points at now.
    Tag(&'a Tag),
    /// Exactly this manifest.
    Digest(&'a Digest),
}

impl<'a> Reference<'a> {
    /// What a name means: its digest, which says *what*, before its tag (docs/contract.md).
    ///
    /// Every [`ImageName`] has one of the two, but for those of [`ImageName::parse_untagged`]; these mean
    /// `latest`.
    pub fn of(name: &'a ImageName) -> Reference<'a> {
        static LATEST: std::sync::LazyLock<Tag> = std::sync::LazyLock::new(Tag::default);
        match (name.digest(), name.tag()) {
            (Some(digest), _) => Reference::Digest(digest),
            (None, Some(tag)) => Reference::Tag(tag),
            (None, None) => Reference::Tag(&LATEST),
        }
    }

    pub(crate) fn digest(self) -> Option<&'a Digest> {
        match self {
            Reference::Tag(_) => None,
            Reference::Digest(digest) => Some(digest),
        }
    }

    /// `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@DIGEST`.
    pub(crate) fn within(self, locator: &str) -> String {
        match self {
            Reference::Tag(tag) => format!("{locator}:{tag}"),
            Reference::Digest(digest) => format!("{locator}@{digest}"),
        }
    }
}

impl<'a> From<&'a Tag> for Reference<'a> {
    fn from(tag: &'a Tag) -> Reference<'a> {
        Reference::Tag(tag)
    }
}

impl<'a> From<&'a Digest> for Reference<'a> {
    fn from(digest: &'a Digest) -> Reference<'a> {
        Reference::Digest(digest)
    }
}

impl<'a> From<&'a ImageName> for Reference<'a> {
    fn from(name: &'a ImageName) -> Reference<'a> {
        Reference::of(name)
    }
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Tag(tag) => tag.fmt(f),
            Reference::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_beats_a_tag() {
        let digest = Digest::sha256(b"x");
        let name: ImageName = format!("a.example/b:1@{digest}").parse().unwrap();
        assert_eq!(Reference::of(&name), Reference::Digest(&digest));
        let name: ImageName = "debian".parse().unwrap();
        assert_eq!(Reference::of(&name).to_string(), "latest");
    }
}
