//! docker's build checks: all that `--check` prints, and a line for each after a build.

use crate::Args;
use crate::input::Input;
use build::{NamedContext, Options};
use cli::{Error, Io, Layouts, Operand};
use dockerfile::{BaseImage, Dockerfile, Lint, LintInput, PlatformArgs, Warning};
use image_format::{Class, Failure, Platform};
use std::cell::RefCell;
use std::ffi::OsStr;

/// After a build so many are told; `--check` shows all.
const MOST_TOLD: usize = 20;

/// What is checked, and with what.
pub(crate) struct Checks<'c> {
    pub(crate) args: &'c Args,
    pub(crate) input: &'c Input,
    pub(crate) dockerfile: &'c Dockerfile,
    pub(crate) options: &'c Options,
}

/// A warning: `docs/schemas/check.json`.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'w> {
    rule: &'w str,
    message: &'w str,
    #[serde(skip_serializing_if = "str::is_empty")]
    url: &'w str,
    file: &'w str,
    line: usize,
    last_line: usize,
}

impl Checks<'_> {
    /// `--check`: what is found, as docker prints it; a finding is status 1.
    pub(crate) fn print(&self, io: &mut Io) -> Result<(), Error> {
        let lint = self.lint(io);
        if io.output().is_json() {
            in_order(&lint).into_iter().try_for_each(|warning| io.output().object(&self.object(warning)))?;
        } else {
            io.output().bytes(lint.report(&self.input.name, &self.input.text).as_bytes())?;
        }
        io.output().flush()?;
        match (&lint.error, lint.warnings.len()) {
            (Some(error), _) => Err(self.input.tell(io, error.clone().into())),
            (None, 0) => Ok(()),
            (None, _) => {
                Err(Error::from(Failure::new(Class::Failed, "the build checks found something")).reported())
            }
        }
    }

    /// Before a build: refuses it where `# check=error=true` forbids what is found.
    pub(crate) fn before(&self, io: &Io) -> Result<(), Error> {
        if self.dockerfile.directives.check.is_none() {
            return Ok(());
        }
        let lint = self.lint(io);
        if lint.fails {
            self.tell(io, &lint);
        }
        verdict(&lint)
    }

    /// After a build, when its bases are here: tells what is found.
    pub(crate) fn after(&self, io: &Io) -> Result<(), Error> {
        let lint = self.lint(io);
        self.tell(io, &lint);
        if !lint.unused_args.is_empty() {
            let names = lint.unused_args.join(" ");
            io.messages().warn(format_args!("build-args [{names}] were not consumed: no ARG declares them"));
        }
        verdict(&lint)
    }

    fn tell(&self, io: &Io, lint: &Lint) {
        let (name, messages) = (&self.input.name, io.messages());
        for Warning { rule, message, lines, .. } in in_order(lint).into_iter().take(MOST_TOLD) {
            messages.warn(format_args!("{name}:{}: {}: {message}", lines.start(), rule.name));
        }
        if let Some(more @ 1..) = lint.warnings.len().checked_sub(MOST_TOLD) {
            messages.warn(format_args!("{name}: {more} more; {} --check shows all", io.tool()));
        }
    }

    fn object<'w>(&'w self, warning: &'w Warning) -> Object<'w> {
        Object {
            rule: warning.rule.name,
            message: &warning.message,
            url: warning.rule.url,
            file: &self.input.name,
            line: *warning.lines.start(),
            last_line: *warning.lines.end(),
        }
    }

    fn lint(&self, io: &Io) -> Lint {
        let target = self.args.platform.first().cloned().unwrap_or_else(Platform::host);
        let [build_platform, target_platform] = [&self.options.build_platform, &target].map(platform_args);
        let layouts = RefCell::new(self.args.layout.layouts());
        self.dockerfile.lint(&LintInput {
            build_args: &self.options.build_args,
            build_platform: &build_platform,
            target_platform: &target_platform,
            target: self.args.target.as_deref().unwrap_or_default(),
            ignore: Some(self.input.context().ignore()),
            base: &|name| self.base(io, &mut layouts.borrow_mut(), name, &target),
        })
    }

    /// What is known of the image `name` without asking a registry.
    fn base(&self, io: &Io, layouts: &mut Layouts, name: &str, platform: &Platform) -> Option<BaseImage> {
        let reference = match self.options.context(name) {
            Some(NamedContext::Files(_)) => return Some(BaseImage::default()),
            Some(NamedContext::Image(reference)) => reference,
            None => name,
        };
        let reference = reference.strip_prefix("docker://").unwrap_or(reference);
        let image = layouts.resolve(io, &Operand::parse(OsStr::new(reference)).ok()?).ok()?;
        let parts = image.editable(Some(platform)).or_else(|_| image.editable(None));
        let exec = parts.ok()?.1.config.value().config.clone().unwrap_or_default();
        let pair = |entry: &String| {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            (name.to_owned(), value.to_owned())
        };
        Some(BaseImage {
            environment: exec.env.iter().flatten().map(pair).collect(),
            has_shell: exec.shell.is_some(),
            triggers: exec.on_build.unwrap_or_default(),
            // a build takes none of another platform than it needs
            platform: PlatformArgs::default(),
        })
    }
}

/// By line, as docker prints them.
fn in_order(lint: &Lint) -> Vec<&Warning> {
    let mut warnings: Vec<&Warning> = lint.warnings.iter().collect();
    warnings.sort_by_key(|warning| *warning.lines.start());
    warnings
}

/// Is it an error to have found this?
fn verdict(lint: &Lint) -> Result<(), Error> {
    if !lint.fails {
        return Ok(());
    }
    let mut rules: Vec<&str> = in_order(lint).into_iter().map(|warning| warning.rule.name).collect();
    rules.dedup();
    let failure =
        Failure::new(Class::Failed, format_args!("lint violation found for rules: {}", rules.join(", ")));
    Err(failure.with_hint("the Dockerfile says check=error=true: a warning is an error").into())
}

fn platform_args(platform: &Platform) -> PlatformArgs {
    PlatformArgs {
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone().unwrap_or_default(),
        ..PlatformArgs::default()
    }
}
