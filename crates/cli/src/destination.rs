//! NAME and DEST operands: what an image is to be called, alone or as one of many (docs/contract.md).

use crate::error::{Error, usage};
use crate::image::Image;
use image_format::{ImageName, NameError, Tag};
use std::collections::BTreeMap;
use transfer::Naming;

/// Where images go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Ends in `/`: each image's repository, without its host, and its tag follow.
    Prefix(String),
    /// A name; whether it has a tag matters.
    Name(ImageName),
    /// Where each image's own name says.
    Own,
}

/// What a destination without a tag means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untagged {
    /// `:latest`, as docker tag: for NAME.
    Latest,
    /// Each image keeps its own, `latest` where it has none: for DEST.
    Keep,
}

impl Destination {
    /// Reads a NAME or DEST.
    ///
    /// # Errors
    /// It is no name, or has a digest: the image says that.
    pub fn parse(text: &str) -> Result<Destination, Error> {
        if let Some(prefix) = text.strip_suffix('/') {
            if prefix.trim_matches('/').is_empty() {
                return Err(Error::usage(format_args!(
                    "{text}: a prefix of nothing; expected HOST/ or HOST/PATH/"
                )));
            }
            // any name behind it tells whether it is a prefix of names
            ImageName::parse_untagged(&format!("{prefix}/x")).map_err(|error| usage(error).at(text))?;
            return Ok(Destination::Prefix(text.to_owned()));
        }
        if let Some((host, port)) = text.split_once(':')
            && !text.contains('/')
            && (host == "localhost" || host.contains('.'))
            && port.bytes().all(|byte| byte.is_ascii_digit())
        {
            // docker takes it for the tag of an image on Docker Hub; nobody means that
            let error = Error::usage(format_args!("{text}: a registry without a name"));
            return Err(error.with_hint(format_args!(
                "write {text}/ to put it before each image's name, or {text}/NAME"
            )));
        }
        let name = ImageName::parse_untagged(text).map_err(|error| with_hint(text, error))?;
        if name.digest().is_some() {
            return Err(Error::usage(format_args!("{text}: a new name has no digest; expected NAME[:TAG]")));
        }
        Ok(Destination::Name(name))
    }

    /// Must all images be known before the first of them is named? In one repository two easily meet; where each keeps
    /// its own, one after the other will do.
    pub fn needs_all(&self) -> bool {
        matches!(self, Destination::Name(_))
    }

    /// What the images of an archive are called there.
    pub fn naming(&self) -> Naming<'_> {
        match self {
            Destination::Own => Naming::Own,
            Destination::Name(name) => Naming::One(name.unpinned()),
            Destination::Prefix(_) => {
                Naming::Each(Box::new(|own| self.name_for(own, Untagged::Keep).map_err(Error::into_failure)))
            }
        }
    }

    /// What a new image is called, which has no name of its own; `what` it is.
    ///
    /// # Errors
    /// A prefix has nothing to be put before.
    pub fn name_of_new(&self, what: &str) -> Result<Option<ImageName>, Error> {
        match self {
            Destination::Own => Ok(None),
            other => other.name_for(None, Untagged::Latest).map(Some).map_err(|error| error.at(what)),
        }
    }

    /// What this image is called there.
    ///
    /// # Errors
    /// A prefix needs the image's own name.
    pub fn name_of(&self, image: &Image, untagged: Untagged) -> Result<ImageName, Error> {
        self.name_for(image.image_name(), untagged).map_err(|error| error.at(image.to_text()))
    }

    /// What every image is called there, whatever its own name.
    fn only_name(&self, untagged: Untagged) -> Option<ImageName> {
        match self {
            Destination::Name(name) if name.tag().is_some() || untagged == Untagged::Latest => {
                Some(name.unpinned())
            }
            _ => None,
        }
    }

    /// What an image with this name of its own is called there.
    ///
    /// # Errors
    /// A prefix needs the image's own name.
    pub fn name_for(&self, own: Option<&ImageName>, untagged: Untagged) -> Result<ImageName, Error> {
        let tag = own.and_then(ImageName::tag);
        match self {
            Destination::Name(name) if name.tag().is_some() => Ok(name.clone()),
            Destination::Name(name) => Ok(match untagged {
                Untagged::Latest => name.unpinned(),
                Untagged::Keep => name.tagged(tag.cloned().unwrap_or_default()),
            }),
            Destination::Own => own.cloned().ok_or_else(|| {
                Error::usage("has no name that says where to").with_hint("say it: --to REGISTRY/NAME:TAG")
            }),
            Destination::Prefix(prefix) => {
                let own = own.ok_or_else(|| {
                    Error::usage(format_args!(
                        "has no name to put behind {prefix}; expected a name without / at its end"
                    ))
                })?;
                let tag = tag.cloned().unwrap_or_default();
                format!("{prefix}{}:{tag}", own.repository()).parse().map_err(usage)
            }
        }
    }
}

/// A name for each image, in their order; several destinations give each image several names. So many were `asked`
/// for: not all of them may have been found.
///
/// # Errors
/// Two images would land on one name: nothing may be done then.
pub fn assign<'a>(
    images: &'a [Image],
    asked: usize,
    destinations: &[Destination],
    untagged: Untagged,
) -> Result<Vec<(ImageName, &'a Image)>, Error> {
    // the one that is there would have what another was meant to have
    if asked > 1
        && images.len() < asked
        && let Some(name) = destinations.iter().find_map(|destination| destination.only_name(untagged))
    {
        return Err(Error::usage(format_args!("{name}: {asked} images would have this name"))
            .with_hint("a name that ends in / keeps each image's own repository and tag"));
    }
    let mut holders: BTreeMap<ImageName, &Image> = BTreeMap::new();
    let mut assigned = Vec::with_capacity(images.len() * destinations.len());
    for image in images {
        for destination in destinations {
            let name = destination.name_of(image, untagged)?;
            match holders.insert(name.clone(), image) {
                Some(other) if other.descriptor.digest != image.descriptor.digest => {
                    return Err(Error::usage(format_args!(
                        "{name}: two images would have this name: {} and {}",
                        other.to_text(),
                        image.to_text()
                    ))
                    .with_hint("a name that ends in / keeps each image's own repository and tag"));
                }
                Some(_) => {}
                None => assigned.push((name, image)),
            }
        }
    }
    Ok(assigned)
}

/// `@` instead of `:` and a stray scheme are what users type.
fn with_hint(text: &str, error: NameError) -> Error {
    let error = usage(error).at(text);
    match text.split_once("://") {
        Some((_, name)) if name.parse::<ImageName>().is_ok() => error.with_hint(format_args!("write {name}")),
        _ => error,
    }
}

/// Reads a NAME that stands for one image alone.
///
/// # Errors
/// It is no name, or a prefix.
pub fn single_name(text: &str) -> Result<ImageName, Error> {
    match Destination::parse(text)? {
        Destination::Name(name) => Ok(name.tagged(name.tag().cloned().unwrap_or_else(Tag::default))),
        Destination::Prefix(_) | Destination::Own => {
            Err(Error::usage(format_args!("{text}: a prefix; expected NAME[:TAG]")))
        }
    }
}
