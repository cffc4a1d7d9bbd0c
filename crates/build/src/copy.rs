//! `COPY` and `ADD`: files from where they lie into a layer.
//!
//! - [`prepare()`] finds what a [`Request`] means: what its sources lead to (`matching`), what lies below
//!   (`select`), in a directory or in the layers of a stage alike (`files`, `staged`). It reads no content that is known.
//! - [`Prepared`] has the key: a digest over all that decides the layer (`key`).
//! - [`Prepared::write`] puts it into the tree of the stage (`place`, `target`, archives `unpack`) and writes the
//!   layer's tar, reading each file once (`read`).
//!
//! What goes where is what BuildKit of docker 28 does; the tests in tests/peers hold the two equal. On purpose other than it:
//! - Times ([`Prepared::write`]): the same files make the same layer, wherever and whenever they were checked out.
//! - `--link` makes directories of the whole destination, as the public reference says; docker with its own store of layers
//!   does not, and follows symlinks there.
//! - Holes of sparse files are zeros in the layer, since a copy of the context may have lost them. Of attributes only those
//!   in `user.` are taken from a context.

mod files;
mod items;
mod key;
mod matching;
pub(crate) mod owner;
mod part;
mod place;
mod prepare;
mod prepared;
mod read;
mod remote;
mod select;
mod staged;
pub(crate) mod target;
mod unpack;
mod write;

pub(crate) use files::{Content, Files, Node, Stamp, Sum, real_path};
pub(crate) use prepare::check_stays_inside;
pub use prepare::prepare;
pub use prepared::Prepared;
pub use remote::{Fetched, Offline, Remote};
pub(crate) use select::{Selection, select};

use crate::context::Context;
use crate::tree::Tree;
use dockerfile::{Document, Word};

/// What a `COPY` or an `ADD` asks for, its variables expanded. Each word knows its place, for errors.
pub struct Request<'r, 't> {
    /// What is copied, in order; never empty.
    pub sources: Vec<Source<'r, 't>>,
    /// Where to, as it is written: relative to `workdir`; a `/` at its end means a directory.
    pub destination: Word,
    /// The stage's working directory; absolute.
    pub workdir: String,
    /// `--chown`: names are those of `base`.
    pub chown: Option<Word>,
    /// `--chmod`; [`dockerfile::Chmod`] reads it.
    pub chmod: Option<Word>,
    /// `--link`: the layer does not depend on `base`.
    pub link: bool,
    /// `--parents`.
    pub parents: bool,
    /// `--exclude`.
    pub exclude: Vec<Word>,
    /// `--checksum`.
    pub checksum: Option<Word>,
    /// Which archives are unpacked.
    pub unpack: Unpack,
    /// `--keep-git-dir`, where given.
    pub keep_git_dir: Option<bool>,
    /// What the stage has so far. Whoever looks at its view waits for its layers to be read.
    pub base: &'r Tree<'t>,
    /// Seconds since 1970 that no file is younger than: `SOURCE_DATE_EPOCH`, or `--timestamp`.
    pub epoch: Option<i64>,
}

/// Which archives are unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpack {
    /// None: `COPY`, `ADD --unpack=false`.
    Never,
    /// Those that are files of the context: `ADD`.
    Local,
    /// Those behind URLs too: `ADD --unpack`.
    Always,
}

/// Where files come from.
pub enum Source<'r, 't> {
    /// The context, or one given by `--build-context`.
    Context {
        /// A path or a pattern in it.
        path: Word,
        /// It.
        context: &'r Context,
    },
    /// A stage or an image.
    Tree {
        /// A path or a pattern in it.
        path: Word,
        /// It.
        tree: &'r Tree<'t>,
    },
    /// A heredoc.
    Document(&'r Document),
    /// A URL of http or https.
    Url(Word),
    /// A git repository; [`dockerfile::GitSource`] reads it.
    Git(Word),
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod tests;
