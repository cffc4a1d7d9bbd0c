//! Stages of `COPY` and `ADD` alone, built without anything else, and shown as lines.

use super::{Fetched, Prepared, Remote, Request, Source, Unpack, prepare};
use crate::{Context, Error, Tree};
use cache::Cache;
use dockerfile::{
    BuildArgs, Dockerfile, Expander, Ignore, Instruction, Origin, PlatformArgs, Scope, Sources, Word,
};
use image_format::{Class, DiffId, Digest, Failure, Layer, MediaType, MemoryStore, Observer, Silent};
use layer::{Indexes, Kind, Time, View, ViewNode};
use std::io::Read as _;
use std::path::Path;

/// A builder of stages from one context.
pub(super) struct Builder {
    pub(super) store: MemoryStore,
    pub(super) context: Context,
    pub(super) epoch: Option<i64>,
}

/// What `http://host/` has: its bytes and its time.
pub(super) struct OneFile(pub(super) Vec<u8>, pub(super) Option<Time>);

impl Remote for OneFile {
    fn fetch(&self, url: &str, _: &dyn Observer) -> Result<Fetched, Failure> {
        if url.ends_with("/missing") {
            return Err(Failure::new(Class::NotFound, format_args!("{url}: 404")));
        }
        Ok(Fetched { content: Box::new(std::io::Cursor::new(self.0.clone())), modified: self.1 })
    }
}

impl Builder {
    pub(super) fn new(directory: &Path, ignore: &str) -> Builder {
        Builder::with(directory, ignore, None)
    }

    pub(super) fn with(directory: &Path, ignore: &str, cache: Option<&Cache>) -> Builder {
        let context = Context::open(directory, Ignore::parse(ignore.as_bytes()).unwrap(), cache).unwrap();
        Builder { store: MemoryStore::new(), context, epoch: None }
    }

    /// The layers of the last stage; `--from=0` is the first.
    pub(super) fn layers(&self, steps: &str) -> Result<Vec<Layer>, Error> {
        let mut stages: Vec<Vec<Layer>> = vec![Vec::new()];
        for (instruction, is_first) in instructions(steps) {
            if is_first {
                stages.push(Vec::new());
            }
            let layers = stages.last().cloned().unwrap();
            let tar = self.step(&instruction, &layers, &stages[0], |prepared| {
                let known = prepared.key();
                let mut tar = Vec::new();
                let key = prepared.write(&mut tar, &Silent)?;
                assert!(known.is_none_or(|known| known == key));
                Ok(tar)
            })?;
            // an empty tar
            if tar.len() > 1024 {
                stages.last_mut().unwrap().push(self.layer(tar));
            }
        }
        Ok(stages.pop().unwrap())
    }

    pub(super) fn layer(&self, tar: Vec<u8>) -> Layer {
        let diff_id = DiffId::new(Digest::sha256(&tar));
        Layer { descriptor: self.store.put(MediaType::OciLayer, tar), diff_id }
    }

    /// Prepares one instruction.
    pub(super) fn step<T>(
        &self,
        instruction: &Instruction,
        base: &[Layer],
        from: &[Layer],
        then: impl FnOnce(Prepared<'_, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let base = Tree::new(&self.store, base.to_vec(), Indexes::none());
        let from = Tree::new(&self.store, from.to_vec(), Indexes::none());
        let request = self.request(instruction, &base, &from);
        then(prepare(&request, &OneFile(b"remote".to_vec(), Some(Time::from_seconds(7))), &Silent)?)
    }

    fn request<'r>(
        &'r self,
        instruction: &'r Instruction,
        base: &'r Tree<'r>,
        from: &'r Tree<'r>,
    ) -> Request<'r, 'r> {
        let sources = |sources: &'r Sources, is_from: bool| -> Vec<Source<'r, 'r>> {
            let source = |word: &Word| match Origin::of(word) {
                Origin::Http => Source::Url(word.clone()),
                Origin::Git => Source::Git(word.clone()),
                Origin::Local if is_from => Source::Tree { path: word.clone(), tree: from },
                Origin::Local => Source::Context { path: word.clone(), context: &self.context },
            };
            let documents = sources.documents.iter().map(Source::Document);
            sources.paths.iter().map(source).chain(documents).collect()
        };
        let request = |list, of: &Sources| Request {
            sources: list,
            destination: of.destination.clone(),
            workdir: "/".into(),
            chown: None,
            chmod: None,
            link: false,
            parents: false,
            exclude: Vec::new(),
            checksum: None,
            unpack: Unpack::Never,
            keep_git_dir: None,
            base,
            epoch: self.epoch,
        };
        match instruction {
            Instruction::Copy(copy) => Request {
                chown: copy.chown.clone(),
                chmod: copy.chmod.clone(),
                link: copy.link,
                parents: copy.parents,
                exclude: copy.exclude.clone(),
                ..request(sources(&copy.sources, copy.from.is_some()), &copy.sources)
            },
            Instruction::Add(add) => Request {
                chown: add.chown.clone(),
                chmod: add.chmod.clone(),
                link: add.link,
                exclude: add.exclude.clone(),
                checksum: add.checksum.clone(),
                unpack: match add.unpack {
                    None => Unpack::Local,
                    Some(true) => Unpack::Always,
                    Some(false) => Unpack::Never,
                },
                ..request(sources(&add.sources, false), &add.sources)
            },
            other => panic!("{other:?}"),
        }
    }

    /// The files of the last stage: name, mode, owner, what it is.
    pub(super) fn build(&self, steps: &str) -> Result<Vec<String>, String> {
        let layers = self.layers(steps).map_err(|error| error.to_string())?;
        let view =
            View::new(&self.store, &layers, &Indexes::none(), &Silent).map_err(|error| error.to_string())?;
        let mut lines = Vec::new();
        below(&view.root(), "", &mut lines);
        lines.sort();
        Ok(lines)
    }
}

/// The instructions of stages on `scratch`, and whether each is the first of its stage; they know their lines.
pub(super) fn instructions(steps: &str) -> Vec<(Instruction, bool)> {
    let file = Dockerfile::parse(&format!("FROM scratch\n{steps}\n")).unwrap();
    let scope = Scope::global(&PlatformArgs::default(), &PlatformArgs::default(), "", &BuildArgs::new());
    let expander = Expander::new(file.directives.escape);
    let mut all = Vec::new();
    for (number, stage) in file.stages.iter().enumerate() {
        for (place, step) in stage.steps.iter().enumerate() {
            all.push((step.expand(&expander, &scope).unwrap().instruction, number > 0 && place == 0));
        }
    }
    all
}

fn below(node: &ViewNode<'_>, path: &str, lines: &mut Vec<String>) {
    for (name, child) in node.children() {
        let path = format!("{path}{}", String::from_utf8_lossy(name));
        let meta = child.metadata();
        let what = match child.kind() {
            Kind::Directory => "/".to_owned(),
            Kind::Symlink { target } => format!("-> {}", String::from_utf8_lossy(&target)),
            Kind::Fifo => "fifo".to_owned(),
            Kind::File { .. } => {
                let mut content = Vec::new();
                child.open().unwrap().read_to_end(&mut content).unwrap();
                format!("{:?}", String::from_utf8_lossy(&content).chars().take(20).collect::<String>())
            }
            other => format!("{other:?}"),
        };
        let xattrs: Vec<String> =
            meta.xattrs.keys().map(|name| format!(" {}", String::from_utf8_lossy(name))).collect();
        lines.push(format!("{path} {:o} {}:{} {what}{}", meta.mode, meta.uid, meta.gid, xattrs.concat()));
        below(&child, &format!("{path}/"), lines);
    }
}
