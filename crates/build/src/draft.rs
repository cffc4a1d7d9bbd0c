//! A stage's image while it is made: its config, its layers, and the variables that instructions see.

use crate::base::Base;
use crate::created_by::COMMENT;
use crate::tree::Tree;
use dockerfile::{DEFAULT_PATH, Scope, Span, Word};
use image_format::{Digest, ExecConfig, History, ImageConfig, ImageName, Layer, Platform};
use std::sync::Arc;

/// What a stage has come to so far.
#[derive(Clone)]
pub(crate) struct Draft<'a> {
    /// The config without its `rootfs`, which is the tree's.
    pub(crate) config: ImageConfig,
    /// The layers.
    pub(crate) tree: Arc<Tree<'a>>,
    /// The variables.
    pub(crate) scope: Scope,
    /// How many of the lines of history are the base image's.
    pub(crate) base_history: usize,
    /// The image that it all stands on.
    pub(crate) base: Option<Origin>,
    /// What the stage is built for.
    pub(crate) platform: Platform,
    /// Of a dry run: are all of its layers there?
    pub(crate) is_whole: bool,
    /// Has this stage set `CMD`? `ENTRYPOINT` resets it otherwise.
    pub(crate) sets_command: bool,
    /// What stands for every place while a trigger is carried out, whose own places are in another text.
    pub(crate) trigger_place: Option<Span>,
}

/// Which image it was.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) name: Option<ImageName>,
    pub(crate) digest: Digest,
}

impl<'a> Draft<'a> {
    /// `FROM scratch`: nothing, but that a path is searched and work begins at the root, as BuildKit has it.
    pub(crate) fn scratch(tree: Tree<'a>, platform: &Platform) -> Draft<'a> {
        let exec = ExecConfig {
            env: Some(vec![format!("PATH={DEFAULT_PATH}")]),
            working_dir: Some("/".to_owned()),
            ..ExecConfig::default()
        };
        let config = ImageConfig {
            architecture: platform.architecture.clone(),
            os: platform.os.clone(),
            variant: platform.variant.clone(),
            config: Some(exec),
            ..ImageConfig::default()
        };
        Draft {
            config,
            tree: Arc::new(tree),
            scope: Scope::of_image([], &platform.os),
            base_history: 0,
            base: None,
            platform: platform.clone(),
            is_whole: true,
            sets_command: false,
            trigger_place: None,
        }
    }

    /// `FROM` an image, whose layers `tree` has.
    pub(crate) fn of_image(base: &Base, tree: Tree<'a>, platform: &Platform) -> Draft<'a> {
        let mut config = base.config.clone();
        let exec = config.config.get_or_insert_default();
        let env = exec.env.get_or_insert_default();
        let sets_path = env.iter().any(|variable| variable.starts_with("PATH="));
        if !sets_path && config.os != "windows" {
            env.push(format!("PATH={DEFAULT_PATH}"));
        }
        let variables = env.iter().map(|variable| variable.split_once('=').unwrap_or((variable, "")));
        Draft {
            scope: Scope::of_image(variables, &platform.os),
            base_history: config.history.len(),
            base: Some(Origin { name: base.name.clone(), digest: base.digest }),
            tree: Arc::new(tree),
            platform: platform.clone(),
            is_whole: true,
            sets_command: false,
            trigger_place: None,
            config,
        }
    }

    /// `FROM` another stage: all that it has, and its variables; its triggers have run by then.
    pub(crate) fn of_stage(stage: &Draft<'a>) -> Draft<'a> {
        let scope = Scope::of_stage(Arc::new(stage.scope.clone()));
        let mut draft = Draft { scope, sets_command: false, ..stage.clone() };
        draft.exec().on_build = None;
        draft
    }

    /// How a container of it runs.
    pub(crate) fn exec(&mut self) -> &mut ExecConfig {
        self.config.config.get_or_insert_default()
    }

    /// `WorkingDir`; absolute.
    pub(crate) fn working_directory(&self) -> &str {
        let set = self.config.config.as_ref().and_then(|exec| exec.working_dir.as_deref());
        set.filter(|path| !path.is_empty()).unwrap_or("/")
    }

    /// `USER`; empty for nobody in particular.
    pub(crate) fn user(&self) -> &str {
        self.config.config.as_ref().and_then(|exec| exec.user.as_deref()).unwrap_or_default()
    }

    /// The word, where the Dockerfile has it.
    pub(crate) fn placed(&self, word: &Word) -> Word {
        Word::new(word.text.clone(), self.trigger_place.unwrap_or(word.span))
    }

    /// A line of history that leaves no layer.
    pub(crate) fn note(&mut self, created_by: String) {
        self.push_history(created_by, true);
    }

    /// A layer, and its line of history.
    pub(crate) fn push_layer(&mut self, layer: Layer, created_by: String) {
        self.tree = Arc::new(self.tree.with(layer));
        self.push_history(created_by, false);
    }

    fn push_history(&mut self, created_by: String, is_empty: bool) {
        self.config.history.push(History {
            created_by: Some(created_by),
            comment: Some(COMMENT.to_owned()),
            empty_layer: is_empty.then_some(true),
            ..History::default()
        });
    }
}
