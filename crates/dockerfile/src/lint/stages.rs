//! Rules about `FROM`.

use std::collections::HashSet;

use super::rule::{
    FROM_PLATFORM_FLAG_CONST_DISALLOWED, INVALID_BASE_IMAGE_PLATFORM, INVALID_DEFAULT_ARG_IN_FROM,
    REDUNDANT_TARGET_PLATFORM, UNDEFINED_ARG_IN_FROM,
};
use super::{LintInput, Linter};
use crate::dockerfile::Dockerfile;
use crate::expansion::{Expander, Names, Variables};
use crate::graph::{Graph, LinkedStage, Place};
use crate::platform::Platform;
use crate::quote::quoted;
use crate::reference::is_reference;
use crate::scope::{BuildArgs, PlatformArgs, Scope};
use crate::span::Span;
use crate::stage::Stage;
use crate::suggestion::nearest;

/// With the defaults of all arguments, every `FROM` names an image.
pub(super) fn check_defaults(
    linter: &mut Linter,
    dockerfile: &Dockerfile,
    globals: &Scope,
    expander: &Expander,
) {
    let mut scope = globals.clone();
    let none = BuildArgs::new();
    let args = &dockerfile.global_args;
    if args.iter().any(|step| scope.declare_global(&step.instruction, &none, expander).is_err()) {
        return;
    }
    for stage in &dockerfile.stages {
        let base = &stage.from.instruction.base;
        let Ok(name) = expander.word(base, &scope, &mut Names::default()) else { return };
        if !is_reference(&name) {
            let message =
                format!("Default value for ARG {} results in empty or invalid base image name", base.text);
            linter.warn(INVALID_DEFAULT_ARG_IN_FROM, &stage.from, base.span, message);
        }
    }
}

pub(super) fn check(
    linter: &mut Linter,
    dockerfile: &Dockerfile,
    graph: &Graph,
    globals: &Scope,
    input: &LintInput<'_>,
) {
    let declared = dockerfile.global_args.iter().flat_map(|step| &step.instruction.declarations);
    let mut known: HashSet<&str> = declared.map(|declaration| declaration.name.text.as_str()).collect();
    known.extend(globals.names());
    for (stage, linked) in dockerfile.stages.iter().zip(&graph.stages) {
        linter.enter(&stage.from.comments);
        undefined(linter, stage, stage.from.instruction.base.span, &linked.base_names, &known);
        if let (Some(written), Some((_, expanded))) = (&stage.from.instruction.platform, &linked.platform) {
            undefined(linter, stage, written.span, &linked.platform_names, &known);
            redundant_platform(linter, stage, linked, globals);
            constant_platform(linter, stage, linked, input);
            debug_assert_eq!(written.span, expanded.span);
        }
    }
    linter.leave();
    for (stage, linked) in dockerfile.stages.iter().zip(&graph.stages) {
        base_platform(linter, stage, linked, input);
    }
}

fn undefined(linter: &mut Linter, stage: &Stage, span: Span, names: &Names, known: &HashSet<&str>) {
    for name in names.unmatched.iter().filter(|name| !known.contains(name.as_str())) {
        let mut candidates: Vec<&str> =
            known.iter().copied().take(if linter.still_guesses() { 1024 } else { 0 }).collect();
        candidates.sort_unstable();
        let guess = nearest(name, candidates);
        let guess = guess.map(|guess| format!(" (did you mean {guess}?)")).unwrap_or_default();
        let message = format!("FROM argument '{name}' is not declared{guess}");
        linter.warn(UNDEFINED_ARG_IN_FROM, &stage.from, span, message);
    }
}

fn redundant_platform(linter: &mut Linter, stage: &Stage, linked: &LinkedStage, globals: &Scope) {
    let (Some(written), Some((_, expanded))) = (&stage.from.instruction.platform, &linked.platform) else {
        return;
    };
    let names = &linked.platform_names;
    let is_target = names.matched.iter().eq(["TARGETPLATFORM"]) && names.unmatched.is_empty();
    if is_target && globals.get("TARGETPLATFORM") == Some(&expanded.text) {
        let message = format!(
            "Setting platform to predefined {} in FROM is redundant as this is the default behavior",
            written.text
        );
        linter.warn(REDUNDANT_TARGET_PLATFORM, &stage.from, written.span, message);
    }
}

/// A platform that is no variable, in a stage whose name does not speak of it.
fn constant_platform(linter: &mut Linter, stage: &Stage, linked: &LinkedStage, input: &LintInput<'_>) {
    let Some((platform, expanded)) = &linked.platform else { return };
    if linked.platform_names != Names::default() {
        return;
    }
    let name = stage.name().unwrap_or_default();
    let (os, architecture) = parts(platform, input.build_platform);
    if name.contains(os) || name.contains(architecture) {
        return;
    }
    let message = format!("FROM --platform flag should not use constant value {}", quoted(&expanded.text));
    linter.warn(FROM_PLATFORM_FLAG_CONST_DISALLOWED, &stage.from, expanded.span, message);
}

/// An image that is there for another platform only.
fn base_platform(linter: &mut Linter, stage: &Stage, linked: &LinkedStage, input: &LintInput<'_>) {
    let Place::Image(name) = &linked.base else { return };
    let Some(image) = (input.base)(name) else { return };
    let target = input.target_platform;
    let wanted = match &linked.platform {
        Some((platform, _)) => {
            let (os, architecture) = parts(platform, input.build_platform);
            let (os, architecture) = (os.to_owned(), architecture.to_owned());
            PlatformArgs { os, architecture, variant: platform.variant.clone(), ..PlatformArgs::default() }
        }
        None => target.clone(),
    };
    let actual = &image.platform;
    if !actual.os.is_empty() && (wanted.os != actual.os || wanted.architecture != actual.architecture) {
        let message = format!(
            "Base image {name} was pulled with platform \"{actual}\", expected \"{wanted}\" for current build"
        );
        linter.warn(INVALID_BASE_IMAGE_PLATFORM, &stage.from, linked.base_name.span, message);
    }
}

/// System and architecture; what is not said is this machine's.
fn parts<'p>(platform: &'p Platform, own: &'p PlatformArgs) -> (&'p str, &'p str) {
    let or = |part: &'p str, own: &'p str| if part.is_empty() { own } else { part };
    (or(&platform.os, &own.os), or(&platform.architecture, &own.architecture))
}
