//! BuildKit's build checks: what is let in, and yet not what its author means.
//!
//! <https://docs.docker.com/reference/build-checks/>

mod casing;
mod config;
mod ignored;
mod report;
mod rule;
mod secret;
mod stages;
mod walk;

use std::collections::HashSet;
use std::ops::RangeInclusive;

pub use config::LintConfig;
pub use ignored::ignored_source;
pub use rule::{RULES, Rule};

use crate::diagnostic::Diagnostic;
use crate::directive::check_in_comment;
use crate::dockerfile::Dockerfile;
use crate::expansion::{Expander, Variables as _};
use crate::graph::Graph;
use crate::ignore::Ignore;
use crate::instruction::Arg;
use crate::scope::{BuildArgs, PlatformArgs, Scope, is_predefined};
use crate::span::{Span, Word};
use crate::step::Step;

/// Something that a rule finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The rule.
    pub rule: &'static Rule,
    /// What BuildKit says of it, word for word.
    pub message: String,
    /// The place it is about.
    pub span: Span,
    /// The lines that BuildKit names: those of the instruction.
    pub lines: RangeInclusive<usize>,
}

impl Warning {
    /// The same as something to show.
    pub fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::new(self.span, format!("{}: {}", self.rule.name, self.message));
        if self.rule.url.is_empty() { diagnostic } else { diagnostic.hint(self.rule.url) }
    }
}

/// What is known of an image that a stage is built on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseImage {
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// Whether it sets a shell.
    pub has_shell: bool,
    /// Its `ONBUILD` triggers.
    pub triggers: Vec<String>,
    /// Its platform.
    pub platform: PlatformArgs,
}

/// What the rules need to know besides the Dockerfile.
pub struct LintInput<'i> {
    /// What `--build-arg` gives.
    pub build_args: &'i BuildArgs,
    /// The platform of this machine.
    pub build_platform: &'i PlatformArgs,
    /// The platform to build for.
    pub target_platform: &'i PlatformArgs,
    /// The target stage; empty for the last.
    pub target: &'i str,
    /// The context's ignore file, for `CopyIgnoredFile`.
    pub ignore: Option<&'i Ignore>,
    /// What is known of an image. Of a stage on an image that is not known, variables without a value are not
    /// told: its environment may have them.
    pub base: &'i dyn Fn(&str) -> Option<BaseImage>,
}

/// What the rules find, and the error that ended them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lint {
    /// In the order in which BuildKit finds them.
    pub warnings: Vec<Warning>,
    /// Why the Dockerfile cannot be built, where the rules found that out.
    pub error: Option<Diagnostic>,
    /// Whether a warning fails the build: `# check=error=true`.
    pub fails: bool,
    /// Build arguments that nothing declares; none where an error ended the rules.
    pub unused_args: Vec<String>,
}

impl Dockerfile {
    /// Applies all rules to all stages, as `docker build --check`.
    pub fn lint(&self, input: &LintInput<'_>) -> Lint {
        let mut linter = Linter::default();
        let error = linter.run(self, input).err();
        let fails = linter.config.error && !linter.warnings.is_empty();
        Lint { fails, warnings: linter.warnings, error, unused_args: linter.unused_args }
    }
}

/// What is found beyond this many warnings is not told.
const WARNING_LIMIT: usize = 10_000;

/// Gathers warnings.
#[derive(Default)]
struct Linter {
    config: LintConfig,
    /// What the comments above the instruction say that is looked at.
    own: LintConfig,
    warnings: Vec<Warning>,
    /// Names that an `ARG` declares, triggers' too.
    declared: HashSet<String>,
    unused_args: Vec<String>,
}

impl Linter {
    fn run(&mut self, dockerfile: &Dockerfile, input: &LintInput<'_>) -> Result<(), Diagnostic> {
        if let Some(check) = &dockerfile.directives.check {
            self.config = LintConfig::parse(check).map_err(|problem| {
                Diagnostic::new(check.span, format!("failed to parse check options: {problem}"))
            })?;
        }
        casing::check(self, dockerfile);
        let expander = Expander::new(dockerfile.directives.escape);
        let stage = Some(input.target).filter(|target| !target.is_empty()).map(str::to_owned);
        let stage = stage.or_else(|| dockerfile.stages.last()?.name()).unwrap_or_default();
        let mut globals =
            Scope::global(input.build_platform, input.target_platform, &stage, input.build_args);
        stages::check_defaults(self, dockerfile, &globals, &expander);
        for step in &dockerfile.global_args {
            self.declare(&step.instruction);
            globals.declare_global(&step.instruction, input.build_args, &expander)?;
        }
        let graph = Graph::new(dockerfile, &globals, &expander)?;
        stages::check(self, dockerfile, &graph, &globals, input);
        walk::stages(self, dockerfile, &graph, &globals, &expander, input)?;
        let is_used = |name: &&String| {
            self.declared.contains(*name) || is_predefined(name) || globals.get(name).is_some()
        };
        self.unused_args = input.build_args.keys().filter(|name| !is_used(name)).cloned().collect();
        Ok(())
    }

    fn declare(&mut self, arg: &Arg) {
        self.declared.extend(arg.declarations.iter().map(|declaration| declaration.name.text.clone()));
    }

    /// The instruction with these comments is looked at: the first `# check=…` of them counts for it.
    fn enter(&mut self, comments: &[Word]) {
        let own = comments.iter().find_map(|comment| check_in_comment(comment));
        self.own = own.and_then(|own| LintConfig::parse(own).ok()).unwrap_or_default();
    }

    /// The whole file is looked at.
    fn leave(&mut self) {
        self.own = LintConfig::default();
    }

    /// A finding at `span` of `step`.
    fn warn<T>(&mut self, rule: &'static Rule, step: &Step<T>, span: Span, message: String) {
        self.warn_at(rule, step.lines.clone(), span, message);
    }

    fn warn_at(&mut self, rule: &'static Rule, lines: RangeInclusive<usize>, span: Span, message: String) {
        if self.config.reports(&self.own, rule) && self.warnings.len() < WARNING_LIMIT {
            self.warnings.push(Warning { rule, message, span, lines });
        }
    }

    /// Guesses take time, and nobody reads a hundred.
    fn still_guesses(&self) -> bool {
        self.warnings.len() < 100
    }
}

#[cfg(test)]
mod tests;
