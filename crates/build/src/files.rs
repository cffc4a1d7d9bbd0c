//! `COPY` and `ADD` as steps of a stage: where their files come from, and what the history says.

use crate::build::Build;
use crate::copy::{self, Prepared, Request, Source, Unpack};
use crate::draft::Draft;
use crate::error::Error;
use crate::listener::{Listener, Outcome};
use crate::stages::{Files, Stages};
use crate::work::Work;
use dockerfile::{Add, Copy, Instruction, Origin, Sources, Word};
use image_format::{Digest, Observer};
use std::io::Write;

impl<'b> Stages<'b> {
    /// <https://docs.docker.com/reference/dockerfile/#copy>
    pub(crate) fn copy(&self, draft: &mut Draft<'b>, copy: &Copy) -> Result<Outcome, Error> {
        let files = match &copy.from {
            None => Files::Context(self.build.context),
            Some(from) => {
                let needs = self.build.dockerfile.needs(&Instruction::Copy(copy.clone()))?;
                let need = needs.into_iter().next();
                let place = need.map(|need| need.place).unwrap_or(dockerfile::Place::Scratch);
                self.files(&place, &draft.platform).map_err(|error| error.at(from.span))?
            }
        };
        let base = draft.tree.clone();
        let local = |path: &Word| match &files {
            Files::Context(context) => Source::Context { path: path.clone(), context },
            Files::Tree(tree) => Source::Tree { path: path.clone(), tree },
        };
        let request = Request {
            sources: all(&copy.sources, local),
            destination: draft.placed(&copy.sources.destination),
            workdir: draft.working_directory().to_owned(),
            chown: copy.chown.as_ref().map(|owner| draft.placed(owner)),
            chmod: copy.chmod.clone(),
            link: copy.link,
            parents: copy.parents,
            exclude: copy.exclude.clone(),
            checksum: None,
            unpack: Unpack::Never,
            keep_git_dir: None,
            base: &base,
            epoch: self.build.options.epoch,
        };
        let flags = Flags { parents: copy.parents, chown: &copy.chown, chmod: &copy.chmod };
        self.layer_of(draft, request, created_by("COPY", &flags, &copy.sources))
    }

    /// <https://docs.docker.com/reference/dockerfile/#add>
    pub(crate) fn add(&self, draft: &mut Draft<'b>, add: &Add) -> Result<Outcome, Error> {
        let base = draft.tree.clone();
        let context = self.build.context;
        let local = |path: &Word| match Origin::of(path) {
            Origin::Local => Source::Context { path: path.clone(), context },
            Origin::Http => Source::Url(path.clone()),
            Origin::Git => Source::Git(path.clone()),
        };
        let request = Request {
            sources: all(&add.sources, local),
            destination: draft.placed(&add.sources.destination),
            workdir: draft.working_directory().to_owned(),
            chown: add.chown.as_ref().map(|owner| draft.placed(owner)),
            chmod: add.chmod.clone(),
            link: add.link,
            parents: false,
            exclude: add.exclude.clone(),
            checksum: add.checksum.clone(),
            unpack: match add.unpack {
                None => Unpack::Local,
                Some(true) => Unpack::Always,
                Some(false) => Unpack::Never,
            },
            keep_git_dir: add.keep_git_dir,
            base: &base,
            epoch: self.build.options.epoch,
        };
        let flags = Flags { parents: false, chown: &add.chown, chmod: &add.chmod };
        self.layer_of(draft, request, created_by("ADD", &flags, &add.sources))
    }

    pub(crate) fn layer_of(
        &self,
        draft: &mut Draft<'b>,
        request: Request<'_, '_>,
        created_by: String,
    ) -> Result<Outcome, Error> {
        let Build { remote, listener, .. } = *self.build;
        let prepared = copy::prepare(&request, remote, listener)?;
        self.push(draft, Box::new(prepared), created_by)
    }
}

impl Work for Prepared<'_, '_> {
    fn outline(&self) -> Digest {
        Prepared::outline(self)
    }

    fn key(&self) -> Option<Digest> {
        Prepared::key(self)
    }

    fn read_key(&mut self, observer: &dyn Observer) -> Result<Digest, Error> {
        Prepared::read_key(self, observer)
    }

    fn place(&self) -> Option<Digest> {
        Some(Prepared::place(self))
    }

    fn sees_below(&self) -> bool {
        !self.is_independent()
    }

    fn write(self: Box<Self>, tar: &mut dyn Write, listener: &dyn Listener) -> Result<Digest, Error> {
        Prepared::write(*self, tar, listener)
    }
}

fn all<'r, 't>(sources: &'r Sources, path: impl Fn(&Word) -> Source<'r, 't>) -> Vec<Source<'r, 't>> {
    let documents = sources.documents.iter().map(Source::Document);
    sources.paths.iter().map(path).chain(documents).collect()
}

/// What of the flags the history names.
struct Flags<'f> {
    parents: bool,
    chown: &'f Option<Word>,
    chmod: &'f Option<Word>,
}

/// `COPY --chown=1 a <<b /c # buildkit`.
fn created_by(keyword: &str, flags: &Flags<'_>, sources: &Sources) -> String {
    let mut line = keyword.to_owned();
    let mut add = |text: String| {
        line.push(' ');
        line.push_str(&text);
    };
    if flags.parents {
        add("--parents".to_owned());
    }
    for (flag, value) in [("chown", flags.chown), ("chmod", flags.chmod)] {
        if let Some(value) = value {
            add(format!("--{flag}={}", value.text));
        }
    }
    sources.paths.iter().for_each(|path| add(path.text.clone()));
    sources.documents.iter().for_each(|document| add(format!("<<{}", document.name.text)));
    add(sources.destination.text.clone());
    line.push_str(" # buildkit");
    line
}
