//! What a name in `FROM`, `COPY --from` and `RUN --mount=from=` means.

use super::{LinkedStage, Need, Place, StageNames};
use crate::diagnostic::Diagnostic;
use crate::dockerfile::Dockerfile;
use crate::expand::cannot;
use crate::expansion::{Expander, Names};
use crate::instruction::Instruction;
use crate::platform::Platform;
use crate::reference::is_reference;
use crate::scope::Scope;
use crate::span::Word;
use crate::stage::Stage;
use crate::step::Step;
use crate::suggestion::nearest;

pub(super) fn link(
    stage: &Stage,
    dockerfile: &Dockerfile,
    globals: &Scope,
    expander: &Expander,
) -> Result<LinkedStage, Diagnostic> {
    let from = &stage.from.instruction;
    let (mut base_names, mut platform_names) = (Names::default(), Names::default());
    let name = expander.word(&from.base, globals, &mut base_names);
    let base_name = from.base.with(name.map_err(|error| cannot(&from.base, &error))?);
    let platform = match &from.platform {
        Some(word) => Some(platform(word, globals, expander, &mut platform_names)?),
        None => None,
    };
    let base = base(&base_name, &dockerfile.stages[..stage.index], &from.base)?;
    Ok(LinkedStage { base, base_name, platform, needs: Vec::new(), base_names, platform_names })
}

/// A stage defined before, by its name as it is in lower case; else an image.
fn base(name: &Word, before: &[Stage], written: &Word) -> Result<Place, Diagnostic> {
    if name.is_empty() {
        let message = format!("base name ({}) should not be blank", written.text);
        return Err(Diagnostic::new(name.span, message).expected("an image or a stage"));
    }
    if let Some(stage) = before.iter().rfind(|stage| stage.name().as_deref() == Some(&name.text)) {
        return Ok(Place::Stage(stage.index));
    }
    image(name)
}

fn image(name: &Word) -> Result<Place, Diagnostic> {
    if name.text == "scratch" {
        return Ok(Place::Scratch);
    }
    // a layout, `oci:DIR:NAME`, is no reference of docker's
    if is_reference(name) || name.starts_with("oci:") {
        return Ok(Place::Image(name.text.clone()));
    }
    let message = format!("failed to parse stage name {:?}: invalid reference format", name.text);
    let error = Diagnostic::new(name.span, message).expected("an image such as debian:12, or a stage");
    let is_upper = is_reference(&name.text.to_lowercase());
    Err(if is_upper { error.hint("names of images are in lower case") } else { error })
}

fn platform(
    word: &Word,
    globals: &Scope,
    expander: &Expander,
    names: &mut Names,
) -> Result<(Platform, Word), Diagnostic> {
    let text = expander.word(word, globals, names).map_err(|error| cannot(word, &error))?;
    if text.is_empty() {
        return Err(Diagnostic::new(
            word.span,
            format!("empty platform value from expression {}", word.text),
        ));
    }
    let unknown = || {
        Diagnostic::new(word.span, format!("failed to parse platform {text}"))
            .expected("os/architecture[/variant]")
    };
    Ok((Platform::parse(&text).ok_or_else(unknown)?, word.with(text)))
}

/// What the `ONBUILD`s of a stage say.
pub(super) fn triggers(base: &Stage) -> Vec<&Instruction> {
    fn trigger(step: &Step) -> Option<&Instruction> {
        match &step.instruction {
            Instruction::Onbuild(onbuild) => Some(&onbuild.trigger),
            _ => None,
        }
    }
    base.steps.iter().filter_map(trigger).collect()
}

/// What one instruction takes from elsewhere.
pub(super) fn needs(
    instruction: &Instruction,
    dockerfile: &Dockerfile,
    names: &StageNames,
) -> Result<Vec<Need>, Diagnostic> {
    match instruction {
        Instruction::Copy(copy) => match &copy.from {
            Some(from) => Ok(vec![Need { place: copied(from, dockerfile, names)?, span: from.span }]),
            None => Ok(Vec::new()),
        },
        Instruction::Run(run) => {
            let froms =
                run.mount_flags.iter().filter_map(|flag| Some((flag.from.as_ref()?, flag.value.span)));
            froms
                .map(|(from, span)| Ok(Need { place: named(&Word::new(from, span), names)?, span }))
                .collect()
        }
        _ => Ok(Vec::new()),
    }
}

fn copied(from: &Word, dockerfile: &Dockerfile, names: &StageNames) -> Result<Place, Diagnostic> {
    let plain = Expander::new(dockerfile.directives.escape).word(from, &(), &mut Names::default());
    if plain.as_deref() != Ok(from.text.as_str()) {
        let message = "variable expansion is not supported for --from";
        return Err(Diagnostic::new(from.span, message)
            .expected("a stage, its number, or an image")
            .hint("define a new stage with FROM, which sees the ARGs of the global scope"));
    }
    match from.text.parse::<i64>() {
        Ok(number) => match usize::try_from(number).ok().filter(|n| *n < dockerfile.stages.len()) {
            Some(stage) => Ok(Place::Stage(stage)),
            None => Err(Diagnostic::new(from.span, format!("invalid stage index {number}"))
                .expected(format!("a number from 0 to {}", dockerfile.stages.len() - 1))),
        },
        Err(_) => named(from, names),
    }
}

fn named(from: &Word, names: &StageNames) -> Result<Place, Diagnostic> {
    let lower = from.text.to_lowercase();
    if let Some(stage) = names.get(&lower) {
        return Ok(Place::Stage(*stage));
    }
    let guess = || nearest(&lower, names.keys().map(String::as_str)).map(str::to_owned);
    image(from).map_err(|error| error.meant(guess()))
}
