//! `COPY` and `ADD`: files from where they lie into a layer.

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
