//! How many layers an image may have: counted before any is made.

use crate::options::Options;
use dockerfile::{Diagnostic, Dockerfile, Graph, Instruction, Place, Stage, Step};
use image_format::{Class, Failure};

/// An image of more layers nobody can run.
pub(crate) const MAX_LAYERS: usize = 500;
const HINT: &str = "one COPY takes several sources, and makes one layer";

/// One layer more is too many.
pub(crate) fn too_many() -> Failure {
    Failure::new(Class::Failed, message()).with_hint(HINT)
}

fn message() -> String {
    format!("more than {MAX_LAYERS} layers; docker runs images of up to 125")
}

/// The stages of the list `needed`, each after those that it is built on; those of images are not known yet.
///
/// # Errors
/// At the first instruction that would make a layer too many.
pub(crate) fn check(
    dockerfile: &Dockerfile,
    options: &Options,
    graph: &Graph,
    needed: &[usize],
) -> Result<(), Diagnostic> {
    let mut layers = vec![0; dockerfile.stages.len()];
    for index in needed {
        let stage = &dockerfile.stages[*index];
        let below = match graph.stages[*index].base {
            Place::Stage(other) => layers[other],
            Place::Scratch | Place::Image(_) => 0,
        };
        layers[*index] = check_steps(below, steps(stage, options))?;
    }
    Ok(())
}

/// Those that are carried out: none of a stage that `--build-context` replaces.
pub(crate) fn steps<'s>(stage: &'s Stage, options: &Options) -> &'s [Step] {
    let is_replaced = stage.name().is_some_and(|name| options.context(&name).is_some());
    if is_replaced { &[] } else { &stage.steps }
}

/// How many layers `steps` leave on so many `below`, but for those of `WORKDIR`, which may leave none.
///
/// # Errors
/// At the first that would make a layer too many.
pub(crate) fn check_steps(below: usize, steps: &[Step]) -> Result<usize, Diagnostic> {
    let makes_layer = |step: &&Step| {
        matches!(step.instruction, Instruction::Copy(_) | Instruction::Add(_) | Instruction::Run(_))
    };
    let makers = steps.iter().filter(makes_layer);
    match makers.clone().nth(MAX_LAYERS.saturating_sub(below)) {
        Some(step) => Err(Diagnostic::new(step.name.span, message()).hint(HINT)),
        None => Ok(below + makers.count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps_of(copies: usize) -> Dockerfile {
        let copies = "COPY a /\nENV A=1\nWORKDIR /w\n".repeat(copies);
        Dockerfile::parse(&format!("FROM scratch\n{copies}")).unwrap()
    }

    #[test]
    fn the_first_instruction_that_is_too_many_is_named_whatever_lies_below() {
        for (below, copies, line) in
            [(0, 501, Some(1502)), (0, 500, None), (499, 2, Some(5)), (600, 1, Some(2)), (600, 0, None)]
        {
            let dockerfile = steps_of(copies);
            let result = check_steps(below, &dockerfile.stages[0].steps);
            let text = format!("FROM scratch\n{}", "COPY a /\nENV A=1\nWORKDIR /w\n".repeat(copies));
            match line {
                Some(line) => assert_eq!(result.unwrap_err().line(&text), line, "{below} {copies}"),
                None => assert_eq!(result, Ok(below + copies)),
            }
        }
    }
}
