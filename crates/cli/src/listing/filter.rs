//! Which images are listed: patterns of names, and docker's filters.

use super::{Listed, tag};
use crate::error::Error;
use crate::glob::Glob;
use crate::operand::REGISTRY;
use image_format::Claim;
use std::str::FromStr;
use time::OffsetDateTime;

/// What is listed.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Has it no name?
    Dangling(bool),
    /// Has it this label, with this value?
    Label(String, Option<String>),
    /// Was it made before this image?
    Before(String),
    /// Was it made after this image?
    Since(String),
    /// Does its name match?
    Reference(Pattern),
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Filter, String> {
        const EXPECTED: &str =
            "expected dangling=true|false, label=KEY[=VALUE], before=IMAGE, since=IMAGE or reference=PATTERN";
        let (key, value) = text.split_once('=').ok_or(EXPECTED)?;
        match (key, value) {
            ("dangling", "true" | "1") => Ok(Filter::Dangling(true)),
            ("dangling", "false" | "0") => Ok(Filter::Dangling(false)),
            ("label", value) => Ok(match value.split_once('=') {
                Some((name, value)) => Filter::Label(name.to_owned(), Some(value.to_owned())),
                None => Filter::Label(value.to_owned(), None),
            }),
            ("before", image) => Ok(Filter::Before(image.to_owned())),
            ("since", image) => Ok(Filter::Since(image.to_owned())),
            ("reference", pattern) => {
                Pattern::parse(pattern).map(Filter::Reference).map_err(|error| error.to_string())
            }
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

/// A pattern of image names: it matches the short or the full name, with its tag or without.
#[derive(Clone, Debug)]
pub struct Pattern(Glob);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A bracket is not closed, or it is an image in a registry.
    pub fn parse(text: &str) -> Result<Pattern, Error> {
        let glob = Glob::new(text);
        if !glob.is_closed() {
            return Err(Error::usage(format_args!(
                "{text}: a bracket that is not closed; expected a pattern"
            )));
        }
        if text.starts_with(REGISTRY) {
            let error =
                Error::usage(format_args!("{text}: in a registry; expected a pattern of the layout's names"));
            return Err(error.with_hint("oci-inspect and oci-history look at images in registries"));
        }
        Ok(Pattern(glob))
    }

    fn matches(&self, name: Option<&Claim>) -> bool {
        match name {
            None => false,
            Some(Claim::Verbatim(text)) => self.0.matches(text),
            Some(Claim::Name(name)) => {
                [name.familiar_repository(), name.locator()].iter().any(|repository| {
                    self.0.matches(repository) || self.0.matches(&format!("{repository}:{}", tag(name)))
                })
            }
        }
    }
}

/// Whether an image is wanted.
type Test = Box<dyn Fn(&Listed) -> bool>;

/// Does any of the patterns match, and of each kind of filter one, as docker has it (but every label must be there)?
/// `made` finds the time of an image that a filter names.
///
/// # Errors
/// A filter names an image that is not there.
pub fn select(
    all: Vec<Listed>,
    patterns: &[Pattern],
    filters: &[Filter],
    mut made: impl FnMut(&str) -> Result<OffsetDateTime, Error>,
) -> Result<Vec<Listed>, Error> {
    let mut tests: Vec<Test> = Vec::new();
    let mut references = Vec::new();
    for filter in filters.iter().cloned() {
        tests.push(match filter {
            Filter::Dangling(wanted) => Box::new(move |listed| listed.image.name.is_none() == wanted),
            Filter::Label(key, value) => Box::new(move |listed| {
                listed.labels.get(&key).is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
            }),
            Filter::Before(image) => {
                let limit = made(&image)?;
                Box::new(move |listed| listed.time().is_some_and(|time| time < limit))
            }
            Filter::Since(image) => {
                let limit = made(&image)?;
                Box::new(move |listed| listed.time().is_some_and(|time| time > limit))
            }
            Filter::Reference(pattern) => {
                references.push(pattern);
                continue;
            }
        });
    }
    let named = |listed: &Listed, any: &[Pattern]| {
        any.is_empty() || any.iter().any(|pattern| pattern.matches(listed.image.name.as_ref()))
    };
    let wanted = |listed: &Listed| {
        named(listed, patterns) && named(listed, &references) && tests.iter().all(|test| test(listed))
    };
    Ok(all.into_iter().filter(wanted).collect())
}
