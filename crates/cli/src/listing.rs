//! The images of a layout as `oci-images` lists them.

mod filter;
mod table;
mod usage;

pub use filter::{Filter, Pattern, select};
pub use table::table;
pub use usage::print_usage;

use crate::ambient::Place;
use crate::clock;
use crate::error::Error;
use crate::image::{self, Image};
use crate::io::Io;
use crate::size::human_size;
use image_format::{
    Claim, Class, Descriptor, Digest, Failure, ImageName, Node, Source, image_for, read_node,
};
use layout::{Reach, Snapshot};
use std::collections::BTreeMap;
use time::OffsetDateTime;

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
    all.sort_by_cached_key(|listed| {
        (std::cmp::Reverse(listed.time()), listed.image.name.as_ref().map(ToString::to_string))
    });
    all
}

/// Are all rows of the index such that they can be listed?
///
/// # Errors
/// One is not a descriptor.
pub fn intact(place: &Place, snapshot: &Snapshot) -> Result<(), Error> {
    let Some(first) = snapshot.broken_rows().first().copied() else { return Ok(()) };
    let index = place.layout().path().join("index.json");
    let message = format!("{}: row {first} is not a descriptor", index.display());
    Err(Failure::new(Class::Integrity, message).with_hint("oci-fsck lists all that is wrong").into())
}

fn look_at(io: &Io, image: &Image) -> Listed {
    let reach = image.place.layout().reachable(&image.descriptor).unwrap_or_else(|error| {
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
    let Ok(config) = shown_config(image.place.layout(), &image.descriptor) else { return listed };
    if !image.descriptor.media_type.is_index() {
        listed.id = config.0;
    }
    listed.created = config.1.created;
    listed.labels = config.1.config.and_then(|exec| exec.labels).unwrap_or_default();
    listed
}

/// The config that tells of an image, and its digest; of an index, that of this host's image, or else of its first.
pub(crate) fn shown_config(
    source: &dyn Source,
    root: &Descriptor,
) -> Result<(Digest, image_format::ImageConfig), Error> {
    let manifest = image_for(source, root, None).or_else(|failure| match read_node(source, root) {
        Ok(Node::Index(index)) if !index.manifests.is_empty() => image_for(source, &index.manifests[0], None),
        _ => Err(failure),
    });
    let (_, manifest) = manifest?;
    Ok((manifest.config.digest, image::config(source, &manifest)?.value().clone()))
}

impl Listed {
    /// When the image was made.
    ///
    /// # Errors
    /// Its config does not say.
    pub fn time_of(io: &Io, image: &Image) -> Result<OffsetDateTime, Error> {
        look_at(io, image)
            .time()
            .ok_or_else(|| Error::usage(format_args!("{}: does not say when it was made", image.to_text())))
    }

    /// `None` where its config does not say.
    fn time(&self) -> Option<OffsetDateTime> {
        self.created.as_deref().and_then(clock::parse)
    }

    /// Repository and tag, as docker shows them.
    fn name(&self) -> [String; 2] {
        const NONE: &str = "<none>";
        match &self.image.name {
            None => {
                let repository = self.image.descriptor.pinned_name().map(|name| name.familiar_repository());
                [repository.unwrap_or_else(|| NONE.to_owned()), NONE.to_owned()]
            }
            Some(Claim::Verbatim(text)) => [NONE.to_owned(), text.clone()],
            Some(Claim::Name(name)) => [name.familiar_repository(), tag(name).to_owned()],
        }
    }

    /// The name as docker shows it.
    pub fn familiar(&self) -> String {
        match &self.image.name {
            None => format!("{}@{}", self.name()[0], self.image.descriptor.digest.short()),
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
