//! Writing images: new ones, and new names for those that are there.

use crate::ambient::Place;
use crate::error::Error;
use crate::image::Image;
use crate::io::Io;
use image_format::{Claim, Class, Descriptor, Digest, Failure, ImageName, MediaType, Platform, Sink, edit};
use layout::LayoutSink;
use std::collections::BTreeMap;
use std::sync::Arc;
use transfer::{Options, Platforms};

/// Stores the config and the manifest of `image`, whose layers are there; it has no name yet.
///
/// # Errors
/// The layout cannot be written.
pub fn put_image(sink: &LayoutSink, image: &edit::Image) -> Result<Descriptor, Error> {
    sink.put(image.manifest.config.media_type.clone(), image.config.bytes())?;
    let descriptor = image.descriptor();
    sink.put(descriptor.media_type.clone(), image.manifest.bytes())?;
    Ok(descriptor)
}

/// Names an image that was just stored, or keeps it without a name.
///
/// # Errors
/// The index cannot be written.
pub fn name_image(
    io: &Io,
    place: &Place,
    name: Option<&ImageName>,
    descriptor: &Descriptor,
) -> Result<Image, Error> {
    let mut images = keep_images(io, place, &[(name.cloned(), descriptor.clone())])?;
    images.pop().ok_or_else(|| Failure::new(Class::Failed, "an image that was kept is none").into())
}

/// Names images that were just stored, or keeps them without a name, in one edit of the index.
///
/// # Errors
/// The index cannot be written: then none is kept.
pub fn keep_images(
    io: &Io,
    place: &Place,
    images: &[(Option<ImageName>, Descriptor)],
) -> Result<Vec<Image>, Error> {
    let displaced = place.layout().update_index(|edit| {
        for (name, descriptor) in images {
            match name {
                Some(name) => edit.set_name(name, descriptor),
                None => edit.add(descriptor),
            }
        }
        Ok(edit.displaced())
    })?;
    tell_displaced(io, &displaced);
    Ok(images.iter().map(|(name, descriptor)| named(place, name.as_ref(), descriptor)).collect())
}

/// Names images whose blobs are there, in one edit of the index.
///
/// # Errors
/// The index cannot be written: then no name is given.
pub fn name_images(io: &Io, place: &Place, names: &[(ImageName, Descriptor)]) -> Result<Vec<Image>, Error> {
    let images: Vec<_> =
        names.iter().map(|(name, descriptor)| (Some(name.clone()), descriptor.clone())).collect();
    keep_images(io, place, &images)
}

/// Says which images lost their last name to others, in one line, and how to keep them.
pub fn tell_displaced(io: &Io, displaced: &[(ImageName, Digest)]) {
    let Some((name, digest)) = displaced.first() else { return };
    let (they, it, others) = match displaced.len() {
        1 => ("it has", "it", String::new()),
        several => ("they have", "them", format!(", and {} more", several - 1)),
    };
    let tool = io.tool();
    io.messages()
        .say(format_args!("{tool}: {name} was {digest}{others}; {they} no name now, and oci-gc frees {it}"));
}

fn named(place: &Place, name: Option<&ImageName>, descriptor: &Descriptor) -> Image {
    let name = name.map(|name| Claim::Name(name.unpinned()));
    Image { place: place.clone(), name, descriptor: descriptor.clone(), moved: false }
}

/// Gives images more names in this layout, in one edit of its index; what lies in another layout is brought here first.
///
/// # Errors
/// A blob of an image is gone, or the layout cannot be written: then no name is given.
pub fn tag_images(io: &Io, place: &Place, names: &[(ImageName, &Image)]) -> Result<Vec<Image>, Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let sink = Arc::new(place.layout().sink()?);
    let distinct: BTreeMap<_, &Image> =
        names.iter().map(|(_, image)| (image.descriptor.digest, *image)).collect();
    distinct.values().try_for_each(|image| bring(io, place, &sink, image))?;
    let rows: Vec<_> = names.iter().map(|(name, image)| (name.clone(), image.descriptor.clone())).collect();
    name_images(io, place, &rows)
}

/// Makes sure that all blobs of `image` are in this layout, and stay until the sink is dropped. From another layout
/// they are brought by reflink or hard link where that can be.
///
/// # Errors
/// One of the blobs is gone, or the layout cannot be written.
pub fn bring(io: &Io, place: &Place, sink: &Arc<LayoutSink>, image: &Image) -> Result<(), Error> {
    if image.place.is_same(place) { keep(place, sink, image) } else { copy_here(io, sink, image) }
}

/// [`bring`] for the image that `platform` chooses of `base`, so that one called `name` can be made of it.
///
/// # Errors
/// As [`bring`], [`Image::check_not_lost`] and [`Image::alone`].
pub fn bring_base(
    io: &Io,
    place: &Place,
    sink: &Arc<LayoutSink>,
    base: &Image,
    platform: Option<&Platform>,
    name: Option<&ImageName>,
) -> Result<(), Error> {
    name.map_or(Ok(()), |name| base.check_not_lost(platform, place, name))?;
    bring(io, place, sink, &base.alone(io, platform, "is the base")?)
}

fn keep(place: &Place, sink: &LayoutSink, image: &Image) -> Result<(), Error> {
    let reach = place.layout().reachable(&image.descriptor)?;
    let describe = |(digest, size): (&_, &u64)| {
        Descriptor::new(MediaType::from("application/octet-stream"), *digest, *size)
    };
    let mut all: Vec<Descriptor> = reach.blobs.iter().map(describe).collect();
    all.push(image.descriptor.clone());
    match sink.missing(&all)?.first() {
        None => Ok(()),
        Some(gone) => {
            let message = format!("{}: the layout lacks its blob {}", image.to_text(), gone.digest);
            Err(Failure::new(Class::NotFound, message).with_hint("pull or import the image again").into())
        }
    }
}

fn copy_here(io: &Io, sink: &Arc<LayoutSink>, image: &Image) -> Result<(), Error> {
    let options = Options { platforms: Platforms::All, ..Options::default() };
    let source = Box::new(image.place.layout().clone());
    let progress = io.progress();
    io.messages().note(format_args!("{}: brought from another layout", image.to_text()));
    transfer::plan(source, Arc::clone(sink) as _, &image.descriptor, &options)
        .and_then(|plan| plan.run(&progress))
        .map_err(|failure| failure.at(image.to_text()))?;
    progress.finish();
    Ok(())
}
