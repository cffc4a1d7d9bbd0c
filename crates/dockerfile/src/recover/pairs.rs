//! `NAME=value` several times in a line, whose values stand without quotes, and so may hold anything.

use super::{Recovered, written};

/// Names and the values that the config has for them in the end.
pub(super) type Known = [(String, String)];

/// `rest` is what follows the keyword.
pub(super) fn recovered(keyword: &str, rest: &str, known: &Known) -> Recovered {
    let mut recovered = Recovered::default();
    let mut words = vec![keyword.to_owned()];
    for (name, value, is_sure) in taken_apart(rest, known) {
        match value.map(|value| (value, written::value(value))) {
            None => words.push(name.to_owned()),
            Some((_, Some(written))) => words.push(format!("{name}={written}")),
            Some((value, None)) => {
                let shown = crate::quoted(value);
                recovered.unknown.push(format!("{name} is {shown}, which no Dockerfile can say"));
            }
        }
        if !is_sure {
            recovered
                .unknown
                .push(format!("where the value of {name} ends is a guess: quotes are not recorded"));
        }
    }
    recovered.instruction = (words.len() > 1).then(|| words.join(" "));
    recovered
}

/// Name, value, and whether the value certainly ends there.
fn taken_apart<'a>(text: &'a str, known: &Known) -> Vec<(&'a str, Option<&'a str>, bool)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((name, values)) = name_of(rest) else {
            let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
            found.push((word, None, true));
            rest = behind.trim_start();
            continue;
        };
        let ends: Vec<usize> = ends_of_value(values).collect();
        let in_the_end = known.iter().find(|(known, _)| known == name);
        let sure = ends.iter().find(|end| in_the_end.is_some_and(|(_, value)| value == &values[..**end]));
        let end = sure.copied().unwrap_or(ends[0]);
        found.push((name, Some(&values[..end]), sure.is_some() || ends.len() == 1));
        rest = values[end..].trim_start();
    }
    found
}

/// Where a value may end: before another name, and at the end of the line.
fn ends_of_value(values: &str) -> impl Iterator<Item = usize> {
    let before_name =
        values.match_indices(' ').map(|(at, _)| at).filter(|at| name_of(&values[at + 1..]).is_some());
    before_name.chain([values.len()])
}

/// The name that the text begins with, and what follows its `=`.
fn name_of(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('=')?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_.-/".contains(letter);
    (!name.is_empty() && name.chars().all(plain)).then_some((name, rest))
}
