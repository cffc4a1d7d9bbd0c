//! Rules about what instructions come to, one after the other: follows the variables of each stage.

use std::sync::Arc;

use super::rule::{
    COPY_IGNORED_FILE, EXPOSE_INVALID_FORMAT, EXPOSE_PROTO_CASING, JSON_ARGS_RECOMMENDED,
    LEGACY_KEY_VALUE_FORMAT, MULTIPLE_INSTRUCTIONS_DISALLOWED, SECRETS_USED_IN_ARG_OR_ENV, UNDEFINED_VAR,
    WORKDIR_RELATIVE_PATH,
};
use super::secret::is_secret;
use super::{BaseImage, LintInput, Linter, Rule, ignored_source};
use crate::diagnostic::Diagnostic;
use crate::dockerfile::Dockerfile;
use crate::expand::Expansion;
use crate::expansion::{Expander, Variables};
use crate::graph::{Graph, Place};
use crate::instruction::{Arg, CommandLine, Finding, Instruction, Sources, ports};
use crate::keyword::Keyword;
use crate::origin::Origin;
use crate::quote::quoted;
use crate::scope::Scope;
use crate::span::{Span, Word};
use crate::stage::Stage;
use crate::statement::Pair;
use crate::step::Step;
use crate::suggestion::nearest;

/// What a stage hands on to one that is built on it.
struct State {
    scope: Scope,
    /// The environment it began with is known.
    is_known: bool,
    has_shell: bool,
    has_workdir: bool,
}

/// A stage's state at its end.
struct Ended {
    scope: Arc<Scope>,
    is_known: bool,
    has_shell: bool,
    has_workdir: bool,
}

impl Ended {
    fn of(state: State) -> Ended {
        let State { scope, is_known, has_shell, has_workdir } = state;
        Ended { scope: Arc::new(scope), is_known, has_shell, has_workdir }
    }

    /// The state that a stage on this one begins with.
    fn begin(&self) -> State {
        let Ended { is_known, has_shell, has_workdir, .. } = *self;
        State { scope: Scope::of_stage(self.scope.clone()), is_known, has_shell, has_workdir }
    }
}

/// Walks through one stage.
struct Walk<'w> {
    linter: &'w mut Linter,
    globals: &'w Scope,
    expander: &'w Expander,
    input: &'w LintInput<'w>,
    state: State,
    /// The last instruction of a kind of which only the last counts.
    last: Vec<(Keyword, Step)>,
}

pub(super) fn stages(
    linter: &mut Linter,
    dockerfile: &Dockerfile,
    graph: &Graph,
    globals: &Scope,
    expander: &Expander,
    input: &LintInput<'_>,
) -> Result<(), Diagnostic> {
    let mut states: Vec<Ended> = Vec::new();
    for (stage, linked) in dockerfile.stages.iter().zip(&graph.stages) {
        let (state, triggers) = match &linked.base {
            Place::Scratch => (begin(Some(BaseImage::default()), input), Vec::new()),
            Place::Stage(base) => (states[*base].begin(), own_triggers(&dockerfile.stages[*base])),
            Place::Image(name) => {
                let image = (input.base)(name);
                let triggers = image.as_ref().map(|image| image.triggers.clone()).unwrap_or_default();
                (begin(image, input), triggers)
            }
        };
        let mut walk = Walk { linter, globals, expander, input, state, last: Vec::new() };
        for trigger in triggers {
            walk.step(&of_trigger(&trigger, stage)?)?;
        }
        for step in &stage.steps {
            walk.step(step)?;
        }
        states.push(Ended::of(walk.state));
        graph.check_order(stage.index)?;
    }
    Ok(())
}

fn begin(image: Option<BaseImage>, input: &LintInput<'_>) -> State {
    let is_known = image.is_some();
    let image = image.unwrap_or_default();
    let environment = image.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let scope = Scope::of_image(environment, &input.target_platform.os);
    State { scope, is_known, has_shell: image.has_shell, has_workdir: false }
}

fn own_triggers(stage: &Stage) -> Vec<String> {
    let expression = |step: &Step| match &step.instruction {
        Instruction::Onbuild(onbuild) => Some(onbuild.expression.clone()),
        _ => None,
    };
    stage.steps.iter().filter_map(expression).collect()
}

/// The trigger, in the place of the stage's `FROM`.
fn of_trigger(expression: &str, stage: &Stage) -> Result<Step, Diagnostic> {
    let place = |error: Diagnostic| Diagnostic { span: stage.from.span, ..error };
    let step = Step::of_trigger(expression).map_err(place)?;
    let name = Word::new(step.name.text.clone(), stage.from.name.span);
    Ok(Step { name, lines: stage.from.lines.clone(), span: stage.from.span, comments: Vec::new(), ..step })
}

impl Walk<'_> {
    fn step(&mut self, step: &Step) -> Result<(), Diagnostic> {
        self.linter.enter(&step.comments);
        if let Instruction::Arg(arg) = &step.instruction {
            return self.arg(step, arg);
        }
        let expanded = step.expand(self.expander, &self.state.scope)?;
        self.undefined(step, &expanded.undefined);
        match &expanded.instruction {
            Instruction::Env(pairs) => self.env(step, pairs),
            Instruction::Label(pairs) => self.legacy_pairs(step, pairs),
            Instruction::Workdir(path) => self.workdir(step, path),
            Instruction::Cmd(command) | Instruction::Entrypoint(command) => self.command(step, command),
            Instruction::Healthcheck(_) => self.once(step),
            Instruction::Expose(expose) => self.expose(step, &expose.words)?,
            Instruction::Shell(_) => self.state.has_shell = true,
            Instruction::Copy(copy) if copy.from.is_none() => self.sources(step, &copy.sources, "Copy"),
            Instruction::Add(add) => self.sources(step, &add.sources, "Add"),
            _ => {}
        }
        Ok(())
    }

    fn warn(&mut self, rule: &'static Rule, step: &Step, span: Span, message: String) {
        self.linter.warn(rule, step, span, message);
    }

    fn undefined(&mut self, step: &Step, undefined: &[Word]) {
        if !self.state.is_known {
            return;
        }
        for name in undefined.iter().filter(|name| !self.state.scope.is_declared(name)) {
            let guess =
                if self.linter.still_guesses() { nearest(name, self.state.scope.names()) } else { None };
            let guess = guess.map(|guess| format!(" (did you mean ${guess}?)")).unwrap_or_default();
            let message = format!("Usage of undefined variable '${}'{guess}", name.text);
            self.linter.warn(UNDEFINED_VAR, step, name.span, message);
        }
    }

    fn arg(&mut self, step: &Step, arg: &Arg) -> Result<(), Diagnostic> {
        self.linter.declare(arg);
        // one by one, since each sees those before it
        for declaration in &arg.declarations {
            self.secret(step, "ARG", &declaration.name);
            let given = self.input.build_args.contains_key(&declaration.name.text);
            if let Some(default) = declaration.default.as_ref().filter(|_| !given) {
                let mut expansion = Expansion::new(self.expander, &self.state.scope);
                expansion.word(default)?;
                let undefined = expansion.undefined;
                self.undefined(step, &undefined);
            }
            let one = Arg { declarations: vec![declaration.clone()] };
            self.state.scope.declare(&one, self.globals, self.input.build_args, self.expander)?;
        }
        Ok(())
    }

    fn env(&mut self, step: &Step, pairs: &[Pair]) {
        for pair in pairs {
            self.legacy_pairs(step, std::slice::from_ref(pair));
            self.secret(step, "ENV", &pair.name);
            self.state.scope.set(&pair.name, pair.value.text.clone());
        }
    }

    fn legacy_pairs(&mut self, step: &Step, pairs: &[Pair]) {
        for pair in pairs.iter().filter(|pair| pair.is_legacy) {
            let name = &step.name.text;
            let message =
                format!("\"{name} key=value\" should be used instead of legacy \"{name} key value\" format");
            self.warn(LEGACY_KEY_VALUE_FORMAT, step, pair.name.span.to(pair.value.span), message);
        }
    }

    fn secret(&mut self, step: &Step, keyword: &str, name: &Word) {
        if is_secret(name) {
            let message =
                format!("Do not use ARG or ENV instructions for sensitive data ({keyword} {})", quoted(name));
            self.warn(SECRETS_USED_IN_ARG_OR_ENV, step, name.span, message);
        }
    }

    /// Only the first counts: it makes those behind it right or wrong.
    fn workdir(&mut self, step: &Step, path: &Word) {
        if !self.state.has_workdir && !path.starts_with('/') {
            let message = format!(
                "Relative workdir {} can have unexpected results if the base image changes",
                quoted(path)
            );
            self.warn(WORKDIR_RELATIVE_PATH, step, path.span, message);
        }
        self.state.has_workdir = true;
    }

    fn command(&mut self, step: &Step, command: &CommandLine) {
        self.once(step);
        if let (CommandLine::Shell(line), false) = (command, self.state.has_shell) {
            let message = format!(
                "JSON arguments recommended for {} to prevent unintended behavior related to OS signals",
                step.name.text
            );
            self.warn(JSON_ARGS_RECOMMENDED, step, line.span, message);
        }
    }

    /// Tells of the instruction before, which is the one that does not count.
    fn once(&mut self, step: &Step) {
        let keyword = step.instruction.keyword();
        if let Some(at) = self.last.iter().position(|(last, _)| *last == keyword) {
            let (_, before) = self.last.swap_remove(at);
            let message = format!(
                "Multiple {} instructions should not be used in the same stage because only the last one will be used",
                step.name.text
            );
            let span = before.name.span;
            self.warn(MULTIPLE_INSTRUCTIONS_DISALLOWED, &before, span, message);
        }
        self.last.push((keyword, step.clone()));
    }

    fn expose(&mut self, step: &Step, words: &[Word]) -> Result<(), Diagnostic> {
        for word in words {
            let (_, findings) = ports(std::slice::from_ref(word))?;
            for (finding, port) in findings {
                let (rule, message) = match finding {
                    Finding::ProtocolCasing => (
                        EXPOSE_PROTO_CASING,
                        format!("Defined protocol '{port}' in EXPOSE instruction should be lowercase"),
                    ),
                    Finding::HostPart => (
                        EXPOSE_INVALID_FORMAT,
                        format!(
                            "EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'"
                        ),
                    ),
                };
                self.warn(rule, step, word.span, message);
            }
        }
        Ok(())
    }

    fn sources(&mut self, step: &Step, sources: &Sources, verb: &str) {
        let Some(ignore) = self.input.ignore else { return };
        for path in sources.paths.iter().filter(|path| Origin::of(path) == Origin::Local) {
            if let Some(file) = ignored_source(path, ignore) {
                let message =
                    format!("Attempting to {verb} file {} that is excluded by .dockerignore", quoted(&file));
                self.warn(COPY_IGNORED_FILE, step, path.span, message);
            }
        }
    }
}
