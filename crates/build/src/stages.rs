//! The stages of a build, each carried out once.

use crate::base::Base;
use crate::build::Build;
use crate::context::Context;
use crate::copy::{Request, Source, Unpack};
use crate::created_by;
use crate::draft::Draft;
use crate::error::Error;
use crate::layer_limit::{self, MAX_LAYERS};
use crate::listener::{Outcome, StepName};
use crate::options::NamedContext;
use crate::plan::{Plan, no_run};
use crate::tree::Tree;
use crate::work::{LayerMaker, Work};
use crate::workdir::Directories;
use dockerfile::{Instruction, Place, Stage, Step, Word, nearest};
use image_format::{Class, Failure, ImageName, Platform};
use layer::TreePath;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// The stages of one platform's build, as far as they are done.
pub(crate) struct Stages<'b> {
    pub(crate) build: &'b Build<'b>,
    pub(crate) plan: &'b Plan,
    /// The platform that is built for, where it is one of several.
    pub(crate) shown_platform: Option<String>,
    pub(crate) platform: &'b Platform,
    pub(crate) done: Vec<OnceLock<Draft<'b>>>,
    images: Mutex<BTreeMap<(String, Platform), Arc<Base>>>,
}

/// Where `COPY` takes files from.
pub(crate) enum Files<'b> {
    Context(&'b Context),
    Tree(Arc<Tree<'b>>),
}

impl<'b> Stages<'b> {
    pub(crate) fn new(
        build: &'b Build<'b>,
        plan: &'b Plan,
        platform: &'b Platform,
        one_of_several: bool,
    ) -> Stages<'b> {
        Stages {
            build,
            plan,
            shown_platform: one_of_several.then(|| platform.to_string()),
            platform,
            done: plan.graph.stages.iter().map(|_| OnceLock::new()).collect(),
            images: Mutex::default(),
        }
    }

    /// Carries out a stage; those that it needs are done.
    pub(crate) fn carry_out(&self, index: usize) -> Result<Draft<'b>, Error> {
        let stage = &self.build.dockerfile.stages[index];
        let context = stage.name().and_then(|name| self.build.options.context(&name));
        let (mut draft, triggers) = match context {
            Some(context) => (self.replaced(stage, context)?, Vec::new()),
            None => self.begun(stage)?,
        };
        let steps = layer_limit::steps(stage, self.build.options);
        layer_limit::check_steps(draft.tree.layers().len(), steps)?;
        let total = 1 + triggers.len() + steps.len();
        let from = self.step_name(stage, 1, total, &stage.from.text, &draft);
        self.build.listener.begins(&from);
        self.build.listener.ends(&from, Outcome::Done, std::time::Duration::ZERO);
        let mut number = 1;
        draft.trigger_place = Some(stage.from.span);
        for trigger in &triggers {
            number += 1;
            let of_trigger = |error: Error| error.of_trigger(trigger, stage.from.span);
            let step = Step::of_trigger(trigger).map_err(Error::from).map_err(of_trigger)?;
            let name = self.step_name(stage, number, total, &step.text, &draft);
            self.heard(&name, || self.step(&mut draft, &step)).map_err(of_trigger)?;
        }
        draft.trigger_place = None;
        for step in steps {
            number += 1;
            let name = self.step_name(stage, number, total, &step.text, &draft);
            self.heard(&name, || self.step(&mut draft, step)).map_err(|error| error.at(step.span))?;
        }
        draft.tree.forget_names();
        Ok(draft)
    }

    fn heard(&self, name: &StepName, step: impl FnOnce() -> Result<Outcome, Error>) -> Result<(), Error> {
        self.build.listener.advance(0)?;
        self.build.listener.begins(name);
        let begun = Instant::now();
        let outcome = step()?;
        self.build.listener.ends(name, outcome, begun.elapsed());
        Ok(())
    }

    fn step_name(
        &self,
        stage: &Stage,
        number: usize,
        total: usize,
        text: &str,
        draft: &Draft<'b>,
    ) -> StepName {
        StepName {
            stage: stage.label(),
            platform: self.shown_platform.clone(),
            number,
            total,
            text: self.plan.expander.shown(text, &draft.scope),
        }
    }

    /// A stage whose name `--build-context` gives something else.
    fn replaced(&self, stage: &Stage, context: &'b NamedContext) -> Result<Draft<'b>, Error> {
        let platform = self.platform_of(stage);
        self.of_context(context, &platform).map_err(|error| error.at(stage.from.span))
    }

    /// What `FROM` gives, and the triggers that it brings.
    fn begun(&self, stage: &Stage) -> Result<(Draft<'b>, Vec<String>), Error> {
        let linked = &self.plan.graph.stages[stage.index];
        let platform = self.platform_of(stage);
        let mut draft = match &linked.base {
            Place::Scratch => Draft::scratch(self.tree(Vec::new()), self.platform),
            Place::Stage(other) => {
                let other = self.stage(*other)?;
                let triggers = other.config.config.as_ref().and_then(|exec| exec.on_build.clone());
                return Ok((Draft::of_stage(other), triggers.unwrap_or_default()));
            }
            Place::Image(name) => match self.build.options.context(name) {
                Some(context) => self.of_context(context, &platform),
                None => self.of_image(name, &platform).map_err(|error| self.no_image(name, error)),
            }
            .map_err(|error| error.at(linked.base_name.span))?,
        };
        let triggers = draft.exec().on_build.take();
        Ok((draft, triggers.unwrap_or_default()))
    }

    fn of_context(&self, context: &'b NamedContext, platform: &Platform) -> Result<Draft<'b>, Error> {
        match context {
            NamedContext::Image(reference) => self.of_image(reference, platform),
            NamedContext::Files(context) => {
                let mut draft = Draft::scratch(self.tree(Vec::new()), platform);
                self.copy_all(&mut draft, context)?;
                Ok(draft)
            }
        }
    }

    /// All files of a context, at the root.
    fn copy_all(&self, draft: &mut Draft<'b>, context: &'b Context) -> Result<Outcome, Error> {
        let word = |text: &str| Word::new(text, dockerfile::Span::default());
        let base = draft.tree.clone();
        let request = Request {
            sources: vec![Source::Context { path: word("."), context }],
            destination: word("/"),
            workdir: "/".to_owned(),
            chown: None,
            chmod: None,
            link: false,
            parents: false,
            exclude: Vec::new(),
            checksum: None,
            unpack: Unpack::Never,
            keep_git_dir: None,
            base: &base,
            epoch: self.build.options.epoch,
        };
        self.layer_of(draft, request, "COPY . / # buildkit".to_owned())
    }

    fn of_image(&self, reference: &str, platform: &Platform) -> Result<Draft<'b>, Error> {
        let base = self.base_image(reference, platform)?;
        Ok(Draft::of_image(&base, self.tree(base.layers.clone()), platform))
    }

    /// The image, looked for once a platform.
    fn base_image(&self, reference: &str, platform: &Platform) -> Result<Arc<Base>, Error> {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (reference.to_owned(), platform.clone());
        if let Some(base) = images.get(&key) {
            return Ok(base.clone());
        }
        let base = Arc::new(self.build.bases.base(reference, platform)?);
        images.insert(key, base.clone());
        Ok(base)
    }

    fn tree(&self, layers: Vec<image_format::Layer>) -> Tree<'b> {
        Tree::new(self.build.sink.layout(), layers, self.build.indexes.clone())
    }

    pub(crate) fn stage(&self, index: usize) -> Result<&Draft<'b>, Error> {
        let missing = || Failure::new(Class::Failed, "a stage is used before it is done");
        Ok(self.done[index].get().ok_or_else(missing)?)
    }

    /// Where `COPY --from` takes files from.
    pub(crate) fn files(&self, place: &Place, platform: &Platform) -> Result<Files<'b>, Error> {
        let context = match place {
            Place::Scratch => return Ok(Files::Tree(Arc::new(self.tree(Vec::new())))),
            Place::Stage(other) => return Ok(Files::Tree(self.stage(*other)?.tree.clone())),
            Place::Image(name) => (name, self.build.options.context(name)),
        };
        let reference = match context {
            (_, Some(NamedContext::Files(context))) => return Ok(Files::Context(context)),
            (_, Some(NamedContext::Image(reference))) => reference,
            (name, None) => name,
        };
        let base = self.base_image(reference, platform).map_err(|error| self.no_image(reference, error))?;
        Ok(Files::Tree(Arc::new(self.tree(base.layers.clone()))))
    }

    /// What `name` may have been meant to be, where there is no such image.
    fn no_image(&self, name: &str, error: Error) -> Error {
        let Error::Failure(failure) = error else { return error };
        if !matches!(failure.class(), Class::NotFound | Class::NotAuthorised | Class::Unavailable) {
            return failure.into();
        }
        let stages: Vec<String> = self.build.dockerfile.stages.iter().filter_map(Stage::name).collect();
        let is_word = !name.contains(['/', ':', '@', '.']);
        match nearest(&name.to_lowercase(), stages.iter().map(String::as_str)) {
            Some(stage) => failure.with_hint(format_args!("did you mean the stage {stage}?")).into(),
            None if is_word && failure.hint().is_none() => failure
                .with_hint(format_args!("{name} is no stage and not in the layout, so a registry was asked"))
                .into(),
            None => failure.into(),
        }
    }

    /// `FROM --platform`, what it does not say being this machine's; else the platform that is built for.
    fn platform_of(&self, stage: &Stage) -> Platform {
        let Some((platform, _)) = &self.plan.graph.stages[stage.index].platform else {
            return self.platform.clone();
        };
        let own = &self.build.options.build_platform;
        let or = |text: &str, own: &str| if text.is_empty() { own.to_owned() } else { text.to_owned() };
        let variant = if platform.architecture.is_empty() {
            own.variant.clone()
        } else {
            Some(platform.variant.clone()).filter(|variant| !variant.is_empty())
        };
        Platform::new(
            &or(&platform.os, &own.os),
            &or(&platform.architecture, &own.architecture),
            variant.as_deref(),
        )
    }

    fn step(&self, draft: &mut Draft<'b>, step: &Step) -> Result<Outcome, Error> {
        let instruction = step.expand(&self.plan.expander, &draft.scope)?.instruction;
        if self.is_beyond(draft, &instruction)? {
            draft.is_whole = false;
            return Ok(Outcome::Foreseen { key: None, cached: false });
        }
        match instruction {
            Instruction::Copy(copy) => return self.copy(draft, &copy),
            Instruction::Add(add) => return self.add(draft, &add),
            Instruction::Workdir(path) => return self.workdir(draft, &path),
            Instruction::Run(_) | Instruction::From(_) => return Err(no_run(step.name.span).into()),
            Instruction::Arg(arg) => {
                let Build { options, .. } = self.build;
                let globals = &self.plan.globals;
                let declared =
                    draft.scope.declare(&arg, globals, &options.build_args, &self.plan.expander)?;
                draft.note(created_by::args(&declared.args));
            }
            Instruction::Cmd(command) => draft.cmd(&command),
            Instruction::Entrypoint(command) => draft.entrypoint(&command),
            Instruction::Env(pairs) => draft.env(&pairs),
            Instruction::Expose(expose) => draft.expose(&expose)?,
            Instruction::Healthcheck(check) => draft.healthcheck(&check),
            Instruction::Label(pairs) => draft.label(&pairs),
            Instruction::Maintainer(name) => draft.maintainer(&name),
            Instruction::Onbuild(onbuild) => draft.onbuild(&onbuild.expression),
            Instruction::Shell(words) => draft.set_shell(&words),
            Instruction::Stopsignal(signal) => draft.stopsignal(&signal),
            Instruction::User(user) => draft.set_user(&user),
            Instruction::Volume(paths) => draft.volume(&paths),
        }
        Ok(Outcome::Done)
    }

    /// Does its layer depend on one that a dry run does not make?
    fn is_beyond(&self, draft: &Draft<'b>, instruction: &Instruction) -> Result<bool, Error> {
        let makes_layer =
            matches!(instruction, Instruction::Copy(_) | Instruction::Add(_) | Instruction::Workdir(_));
        if !makes_layer || draft.is_whole && !self.build.dry_run {
            return Ok(false);
        }
        for need in self.build.dockerfile.needs(instruction)? {
            if let Place::Stage(other) = need.place
                && !self.stage(other)?.is_whole
            {
                return Ok(true);
            }
        }
        Ok(!draft.is_whole)
    }

    /// A layer, empty where the directory is there already; none at all for the root.
    ///
    /// <https://docs.docker.com/reference/dockerfile/#workdir>
    fn workdir(&self, draft: &mut Draft<'b>, word: &Word) -> Result<Outcome, Error> {
        let path = match word.starts_with('/') {
            true => TreePath::of(word.as_bytes()),
            false => TreePath::of(format!("{}/{}", draft.working_directory(), word.text).as_bytes()),
        };
        // what is absolute stays as it is written, as BuildKit has it
        let absolute = match word.starts_with('/') {
            true => word.text.clone(),
            false => format!("/{}", String::from_utf8_lossy(path.as_bytes())),
        };
        draft.exec().working_dir = Some(absolute.clone());
        let created_by = format!("WORKDIR {absolute}");
        if path.is_root() {
            draft.note(created_by);
            return Ok(Outcome::Done);
        }
        let below = draft.tree.clone();
        let time = self.build.options.epoch.unwrap_or(0);
        let user = word.with(draft.user());
        let work = Directories { path, user, time, below: &below };
        self.push(draft, Box::new(work), created_by)
    }

    /// Puts the layer of `work` on the draft.
    pub(crate) fn push(
        &self,
        draft: &mut Draft<'b>,
        work: Box<dyn Work + '_>,
        created_by: String,
    ) -> Result<Outcome, Error> {
        if draft.tree.layers().len() >= MAX_LAYERS {
            return Err(layer_limit::too_many().into());
        }
        let Build { sink, cache, options, listener, dry_run, .. } = *self.build;
        if dry_run {
            let maker = LayerMaker { sink, cache, options, listener };
            let (key, layer) = maker.foreseen(work, &draft.tree)?;
            let cached = layer.is_some();
            draft.is_whole = cached;
            layer.into_iter().for_each(|layer| draft.push_layer(layer, created_by.clone()));
            return Ok(Outcome::Foreseen { key: Some(key), cached });
        }
        let (layer, outcome) = LayerMaker { sink, cache, options, listener }.layer(work, &draft.tree)?;
        draft.push_layer(layer, created_by);
        Ok(outcome)
    }
}

impl crate::options::Options {
    /// What `--build-context` gives for `name`, whether it is written as an image's name or as a word.
    pub fn context(&self, name: &str) -> Option<&NamedContext> {
        let exact = self.contexts.get(name).or_else(|| self.contexts.get(&name.to_lowercase()));
        exact.or_else(|| {
            let wanted: ImageName = name.parse().ok()?;
            let is_it = |other: &&String| other.parse::<ImageName>().is_ok_and(|other| other == wanted);
            self.contexts.get(self.contexts.keys().find(is_it)?)
        })
    }
}
