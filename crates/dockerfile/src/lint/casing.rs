//! Rules about how instructions and stages are written, each looked at alone or all together.

use std::collections::BTreeSet;

use super::rule::{
    CONSISTENT_INSTRUCTION_CASING, DUPLICATE_STAGE_NAME, FROM_AS_CASING, INVALID_DEFINITION_DESCRIPTION,
    MAINTAINER_DEPRECATED, NO_EMPTY_CONTINUATION, RESERVED_STAGE_NAME, STAGE_NAME_CASING,
};
use super::{Linter, Rule};
use crate::dockerfile::Dockerfile;
use crate::instruction::{Arg, From, Instruction};
use crate::quote::quoted;
use crate::stage::Stage;
use crate::step::Step;

pub(super) fn check(linter: &mut Linter, dockerfile: &Dockerfile) {
    empty_continuations(linter, dockerfile);
    for step in &dockerfile.global_args {
        linter.enter(&step.comments);
        arg(linter, step, &step.instruction);
    }
    for stage in &dockerfile.stages {
        linter.enter(&stage.from.comments);
        from(linter, stage);
        for step in &stage.steps {
            linter.enter(&step.comments);
            instruction(linter, step);
        }
    }
    linter.leave();
    stage_names(linter, dockerfile);
    instruction_casing(linter, dockerfile);
}

fn empty_continuations(linter: &mut Linter, dockerfile: &Dockerfile) {
    for (span, line) in &dockerfile.empty_continuations {
        linter.warn_at(NO_EMPTY_CONTINUATION, *line..=*line, *span, "Empty continuation line".into());
    }
}

fn instruction(linter: &mut Linter, step: &Step) {
    match &step.instruction {
        Instruction::Maintainer(_) => {
            let message = "Maintainer instruction is deprecated in favor of using label";
            linter.warn(MAINTAINER_DEPRECATED, step, step.name.span, message.into());
        }
        Instruction::Arg(declared) => arg(linter, step, declared),
        _ => {}
    }
}

fn from(linter: &mut Linter, stage: &Stage) {
    let step = &stage.from;
    if let Some(alias) = &step.instruction.alias {
        let name = &alias.name.text;
        if *name != name.to_lowercase() {
            let message = format!("Stage name '{name}' should be lowercase");
            linter.warn(STAGE_NAME_CASING, step, alias.name.span, message);
        }
        as_casing(linter, step);
    }
    let name: Vec<String> = stage.name().into_iter().collect();
    description(linter, step, "FROM", &name);
}

fn as_casing(linter: &mut Linter, step: &Step<From>) {
    let Some(alias) = &step.instruction.alias else { return };
    let (from, keyword) = (&step.name.text, &alias.keyword.text);
    let differs = if *from == from.to_lowercase() {
        *keyword != keyword.to_lowercase()
    } else {
        *from == from.to_uppercase() && *keyword != keyword.to_uppercase()
    };
    if differs {
        let message = format!("'{keyword}' and '{from}' keywords' casing do not match");
        linter.warn(FROM_AS_CASING, step, alias.keyword.span, message);
    }
}

fn arg<T>(linter: &mut Linter, step: &Step<T>, arg: &Arg) {
    let names: Vec<String> = arg.declarations.iter().map(|d| d.name.text.clone()).collect();
    description(linter, step, "ARG", &names);
}

/// The last comment above a definition is about one of `names`.
fn description<T>(linter: &mut Linter, step: &Step<T>, keyword: &str, names: &[String]) {
    let (Some(comment), Some(first)) = (step.comments.last(), names.first()) else { return };
    let about = comment.text.split(' ').next().unwrap_or_default();
    if names.iter().any(|name| name == about) {
        return;
    }
    let example = if names.len() > 1 { "<arg_key>" } else { first };
    let message = format!("Comment for {keyword} should follow the format: `# {example} <description>`");
    linter.warn(INVALID_DEFINITION_DESCRIPTION, step, comment.span, message);
}

fn stage_names(linter: &mut Linter, dockerfile: &Dockerfile) {
    let mut seen = BTreeSet::new();
    for stage in &dockerfile.stages {
        let (Some(name), Some(alias)) = (stage.name(), &stage.from.instruction.alias) else { continue };
        let mut warn = |rule: &'static Rule, message| {
            linter.warn(rule, &stage.from, alias.name.span, message);
        };
        if matches!(name.as_str(), "context" | "scratch") {
            let message =
                format!("Stage name should not use the same name as reserved stage {}", quoted(&name));
            warn(RESERVED_STAGE_NAME, message);
        }
        if seen.contains(&name) {
            let message = format!("Duplicate stage name {}, stage names should be unique", quoted(&name));
            warn(DUPLICATE_STAGE_NAME, message);
        }
        seen.insert(name);
    }
}

fn instruction_casing(linter: &mut Linter, dockerfile: &Dockerfile) {
    let steps = |stage: &Stage| -> Vec<String> {
        let names = stage.steps.iter().map(|step| step.name.text.clone());
        std::iter::once(stage.from.name.text.clone()).chain(names).collect()
    };
    let names: Vec<String> = dockerfile.stages.iter().flat_map(steps).collect();
    let lower = names.iter().filter(|name| **name == name.to_lowercase()).count();
    let upper = names.iter().filter(|name| **name == name.to_uppercase()).count();
    let is_lower = lower > upper;
    for stage in &dockerfile.stages {
        casing_of(linter, &stage.from, is_lower);
        for step in &stage.steps {
            casing_of(linter, step, is_lower);
        }
    }
}

fn casing_of<T>(linter: &mut Linter, step: &Step<T>, is_lower: bool) {
    let name = &step.name.text;
    let (right, casing) =
        if is_lower { (name.to_lowercase(), "lowercase") } else { (name.to_uppercase(), "uppercase") };
    if right != *name {
        let message = format!("Command '{name}' should match the case of the command majority ({casing})");
        linter.warn(CONSISTENT_INSTRUCTION_CASING, step, step.name.span, message);
    }
}
