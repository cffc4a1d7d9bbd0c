//! The images of a layout as `oci-images` lists them: docker's columns, filters and patterns.

use crate::age::human_age;
use crate::ambient::Place;
use crate::clock;
use crate::error::Error;
use crate::glob::Glob;
use crate::image::Image;
use crate::io::Io;
use crate::size::human_size;
use crate::table::{Align, Table};
use crate::weight::{Reach, Weights};
use image_format::{Digest, ImageName, Node};
use layout::{Claim, Snapshot};
use std::collections::BTreeMap;
use std::str::FromStr;

/// One name of an image, or an image without one.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The image.
    pub image: Image,
    /// The config's digest; an index has its own.
    pub id: Digest,
    /// When it was made; of an index, the image for this host or else its first.
    pub created: Option<String>,
    labels: BTreeMap<String, String>,
    /// Its blobs; none where its manifest cannot be read.
    pub reach: Reach,
}

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
            ("reference", pattern) => Ok(Filter::Reference(Pattern::new(pattern))),
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

/// A pattern of image names: it matches the short or the full name, with its tag or without.
#[derive(Clone, Debug)]
pub struct Pattern(Glob);

impl Pattern {
    /// Every text is a pattern.
    pub fn new(text: &str) -> Pattern {
        Pattern(Glob::new(text))
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

fn tag(name: &ImageName) -> &str {
    name.tag().map_or("latest", |tag| tag.as_str())
}

/// Every name of `snapshot`, newest image first. What cannot be read is warned of, and listed all the same.
pub fn list(io: &Io, place: &Place, snapshot: &Snapshot) -> Vec<Listed> {
    let mut known: BTreeMap<Digest, Listed> = BTreeMap::new();
    let mut all = Vec::new();
    for row in snapshot.images() {
        let image = Image { place: place.clone(), name: row.name, descriptor: row.descriptor, moved: false };
        let listed = known.entry(image.descriptor.digest).or_insert_with(|| look_at(io, &image));
        all.push(Listed { image, ..listed.clone() });
    }
    let time = |listed: &Listed| listed.created.as_deref().and_then(clock::parse).unwrap_or(i64::MIN);
    all.sort_by_cached_key(|listed| {
        (std::cmp::Reverse(time(listed)), listed.image.name.as_ref().map(ToString::to_string))
    });
    all
}

fn look_at(io: &Io, image: &Image) -> Listed {
    let reach = Reach::of(&image.place, &image.descriptor).unwrap_or_else(|error| {
        io.messages().warn(format_args!("{}: {error}", image.to_text()));
        Reach::default()
    });
    let mut listed = Listed {
        image: image.clone(),
        id: image.descriptor.digest,
        created: None,
        labels: BTreeMap::new(),
        reach,
    };
    let Ok(config) = config_of(image) else { return listed };
    if !image.descriptor.media_type.is_index() {
        listed.id = config.0;
    }
    listed.created = config.1.created;
    listed.labels = config.1.config.and_then(|exec| exec.labels).unwrap_or_default();
    listed
}

/// Of an index, that of this host's image, or else of its first.
fn config_of(image: &Image) -> Result<(Digest, image_format::ImageConfig), Error> {
    let manifest = image.manifest(None).or_else(|error| match image.node() {
        Ok(Node::Index(index)) if !index.manifests.is_empty() => {
            Image { descriptor: index.manifests[0].clone(), ..image.clone() }.manifest(None)
        }
        _ => Err(error),
    });
    let (_, manifest) = manifest?;
    Ok((manifest.config.digest, image.config_of(&manifest)?.value().clone()))
}

/// Whether an image is wanted.
type Test = Box<dyn Fn(&Listed) -> bool>;

/// Does any of the patterns match, and every filter? `made` finds the time of an image that a filter names.
///
/// # Errors
/// A filter names an image that is not there.
pub fn select(
    all: Vec<Listed>,
    patterns: &[Pattern],
    filters: &[Filter],
    mut made: impl FnMut(&str) -> Result<i64, Error>,
) -> Result<Vec<Listed>, Error> {
    let mut tests: Vec<Test> = Vec::new();
    let time = |listed: &Listed| listed.created.as_deref().and_then(clock::parse);
    for filter in filters.iter().cloned() {
        tests.push(match filter {
            Filter::Dangling(wanted) => Box::new(move |listed| listed.image.name.is_none() == wanted),
            Filter::Label(key, value) => Box::new(move |listed| {
                listed.labels.get(&key).is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
            }),
            Filter::Before(image) => {
                let limit = made(&image)?;
                Box::new(move |listed| time(listed).is_some_and(|time| time < limit))
            }
            Filter::Since(image) => {
                let limit = made(&image)?;
                Box::new(move |listed| time(listed).is_some_and(|time| time > limit))
            }
            Filter::Reference(pattern) => Box::new(move |listed| pattern.matches(listed.image.name.as_ref())),
        });
    }
    let named = |listed: &Listed| {
        patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(listed.image.name.as_ref()))
    };
    Ok(all.into_iter().filter(|listed| named(listed) && tests.iter().all(|test| test(listed))).collect())
}

impl Listed {
    /// When it was made, in seconds since 1970.
    ///
    /// # Errors
    /// Its config does not say.
    pub fn time_of(io: &Io, image: &Image) -> Result<i64, Error> {
        let created = look_at(io, image).created;
        created
            .as_deref()
            .and_then(clock::parse)
            .ok_or_else(|| Error::usage(format_args!("{}: does not say when it was made", image.to_text())))
    }

    /// Repository and tag, as docker shows them.
    fn name(&self) -> [String; 2] {
        const NONE: &str = "<none>";
        match &self.image.name {
            None => [NONE.to_owned(), NONE.to_owned()],
            Some(Claim::Verbatim(text)) => [NONE.to_owned(), text.clone()],
            Some(Claim::Name(name)) => [name.familiar_repository(), tag(name).to_owned()],
        }
    }

    /// The name as docker shows it.
    pub fn familiar(&self) -> String {
        match &self.image.name {
            None => format!("<none>@{}", self.image.descriptor.digest.short()),
            Some(Claim::Verbatim(text)) => text.clone(),
            Some(Claim::Name(name)) => format!("{}:{}", name.familiar_repository(), tag(name)),
        }
    }

    fn id(&self, whole: bool) -> String {
        if whole { self.id.to_string() } else { self.id.short() }
    }

    fn size(&self) -> String {
        let partial = if self.reach.missing.is_empty() { "" } else { " partial" };
        format!("{}{partial}", human_size(self.reach.bytes()))
    }
}

/// Docker's table of images.
pub fn table(io: &mut Io, images: &[Listed], digests: bool, whole: bool) -> Table {
    let mut columns = vec![
        ("REPOSITORY", Align::Left),
        ("TAG", Align::Left),
        ("IMAGE ID", Align::Left),
        ("CREATED", Align::Left),
    ];
    if digests {
        columns.insert(2, ("DIGEST", Align::Left));
    }
    columns.push(("SIZE", Align::Right));
    let now = io.clock().now();
    let mut table = Table::new(&columns, io.output().is_terminal());
    for listed in images {
        let mut cells = listed.name().to_vec();
        if digests {
            cells.push(listed.image.descriptor.digest.to_string());
        }
        cells.extend([listed.id(whole), human_age(listed.created.as_deref(), now), listed.size()]);
        table.row(cells);
    }
    table
}

/// What sharing saves: for each image the bytes that others need too, and those that only it needs.
pub fn df_table(io: &mut Io, images: &[Listed], weights: &Weights) -> Table {
    let columns = [
        ("REPOSITORY", Align::Left),
        ("TAG", Align::Left),
        ("IMAGE ID", Align::Left),
        ("SIZE", Align::Right),
        ("SHARED", Align::Right),
        ("UNIQUE", Align::Right),
    ];
    let mut table = Table::new(&columns, io.output().is_terminal());
    for listed in images {
        let (size, unique) = (listed.reach.bytes(), weights.unique(&listed.reach));
        let [repository, tag] = listed.name();
        table.row([
            repository,
            tag,
            listed.id(false),
            human_size(size),
            human_size(size - unique),
            human_size(unique),
        ]);
    }
    let (total, shared) = weights.total_and_shared();
    let row = ["all images", "", "", &human_size(total), &human_size(shared), &human_size(total - shared)];
    table.row(row.map(str::to_owned));
    let saved = human_size(weights.unshared() - total);
    table.row(["saved by sharing", "", "", &saved, "", ""].map(str::to_owned));
    table
}
