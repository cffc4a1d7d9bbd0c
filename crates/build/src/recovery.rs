//! The way back: the Dockerfile that an image's history amounts to.

use dockerfile::{DEFAULT_PATH, Outcome, Page, Recorded, Recovered, recover};
use image_format::{Base, ConfigDifference, ExecConfig, Unaccounted, edit, steps};

/// The Dockerfile that the history of the image with these `parts`, which is called `reference`, amounts to on top of its
/// base, whichever builder wrote it; what cannot be known stands in comments.
pub fn recovered_dockerfile(reference: &str, parts: &edit::Image, base: Option<&Base>) -> String {
    let mut below = base.and_then(|base| base.exec.clone()).unwrap_or_default();
    let said = parts.config.config.clone().unwrap_or_default();
    if said.env.iter().flatten().any(|variable| variable.starts_with("PATH=")) {
        // builders add it to a base that has none
        below.env.get_or_insert_with(|| vec![format!("PATH={DEFAULT_PATH}")]);
    }
    let recovered = recovered(parts, base, &below, &said);
    let mut page = Page::default();
    page.comment(&format!("what the history of {reference} amounts to"));
    triggers(base, &below, &mut page);
    from(base, &recovered, &mut page);
    recovered.iter().for_each(|line| page.recovered(line));
    let instructions = recovered.iter().filter_map(|line| line.instruction.as_deref());
    let unaccounted = Unaccounted::of(instructions, &below, &said);
    for trigger in &unaccounted.triggers {
        if trigger.contains('\n') {
            page.comment(&format!("not known: a trigger of several lines: {trigger}"));
            continue;
        }
        page.comment("not in the history, but in the config:");
        page.instruction(&format!("ONBUILD {trigger}"));
    }
    unaccounted.others.iter().for_each(|other| page.comment(&told(other)));
    page.text().to_owned()
}

/// Whoever builds the page again runs what the history below has run already.
fn triggers(base: Option<&Base>, below: &ExecConfig, page: &mut Page) {
    let triggers = below.on_build.as_deref().unwrap_or_default();
    if triggers.is_empty() || base.is_none_or(|base| base.boundary.is_none()) {
        return;
    }
    page.comment("FROM runs the triggers of this base again; what they did stands below it, too:");
    triggers.iter().for_each(|trigger| page.comment(&format!("ONBUILD {trigger}")));
}

fn from(base: Option<&Base>, recovered: &[Recovered], page: &mut Page) {
    let named = recovered.iter().find_map(|line| line.base.as_deref());
    match base {
        Some(Base { reference, boundary: Some(_), .. }) => page.instruction(&format!("FROM {reference}")),
        other => {
            if let Some(name) = other.map(|base| base.reference.as_str()).or(named) {
                page.comment(&format!("made on {name}, which is not here, so where that ends is not known"));
            }
            page.instruction("FROM scratch");
        }
    }
}

/// The lines above the base's.
fn recovered(
    parts: &edit::Image,
    base: Option<&Base>,
    below: &ExecConfig,
    said: &ExecConfig,
) -> Vec<Recovered> {
    let steps = steps(&parts.manifest, &parts.config);
    let of_base = base.and_then(|base| base.boundary).map_or(0, |boundary| boundary.steps);
    let recorded = steps[of_base..].iter().map(|step| Recorded {
        created_by: step.history.and_then(|line| line.created_by.as_deref()).unwrap_or_default(),
        comment: step.history.and_then(|line| line.comment.as_deref()).unwrap_or_default(),
        has_layer: step.layer.is_some(),
    });
    let shell = below.shell.clone().unwrap_or_else(|| ["/bin/sh", "-c"].map(str::to_owned).into());
    let pair =
        |entry: &String| entry.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let outcome = Outcome {
        env: said.env.iter().flatten().filter_map(pair).collect(),
        labels: said.labels.clone().into_iter().flatten().collect(),
    };
    recover(&recorded.collect::<Vec<_>>(), &shell, &outcome)
}

fn told(found: &ConfigDifference) -> String {
    let value = found.after.as_ref().map_or("nothing".to_owned(), |after| after.value.to_string());
    let name = found.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    format!("not in the history: the config's {}{name} is {value}", found.key)
}
