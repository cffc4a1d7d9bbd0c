//! Small images, and what a tool does with them in one word.

use image_format::{Class, Descriptor, Expected, Failure, ImageName, MediaType, Sink};
use ociutils_layout::{Collection, Layout, LayoutSink, Lookup, Options, Removal, Removed};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};
use test_support::{BuiltImage, Image, TarBuilder};

pub(crate) fn image(content: &str) -> BuiltImage {
    Image::new().plain_layer(TarBuilder::new().file("f", content).bytes()).cmd([content]).build()
}

pub(crate) fn descriptor(image: &BuiltImage) -> Descriptor {
    serde_json::from_value(image.descriptor.clone()).unwrap()
}

pub(crate) fn name(text: &str) -> ImageName {
    text.parse().unwrap()
}

pub(crate) fn lookup(text: &str) -> Lookup {
    let (verbatim, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest.parse().unwrap())),
        None => (text, None),
    };
    let verbatim = Some(verbatim.to_owned()).filter(|text| !text.is_empty());
    Lookup { name: verbatim.as_ref().and_then(|text| text.parse().ok()), verbatim, digest }
}

pub(crate) fn create(path: &Path) -> Layout {
    Layout::create(path, Options { fsync: false }).unwrap()
}

/// Opens or makes a layout that goes again if nothing comes into it.
pub(crate) fn fill(path: &Path) -> Layout {
    Layout::create_to_fill(path, Options { fsync: false }).unwrap()
}

pub(crate) fn open(path: &Path) -> Layout {
    Layout::open(path, Options { fsync: false }).unwrap()
}

pub(crate) fn blob(digest: &str, bytes: &[u8]) -> Descriptor {
    Descriptor::new(MediaType::from("application/octet-stream"), digest.parse().unwrap(), bytes.len() as u64)
}

/// Sends what is missing.
pub(crate) fn send(sink: &LayoutSink, image: &BuiltImage) -> Result<(), Failure> {
    for (digest, bytes) in &image.blobs {
        let descriptor = blob(digest, bytes);
        if sink.missing(std::slice::from_ref(&descriptor))?.is_empty() {
            continue;
        }
        let mut writer = sink.writer(Expected::Descriptor(descriptor))?;
        let have = usize::try_from(writer.have()).unwrap();
        writer.write_all(&bytes[have..])?;
        writer.commit()?;
    }
    Ok(())
}

/// Pulls an image: a sink, its blobs, its name.
pub(crate) fn pull(layout: &Layout, image: &BuiltImage, to: &str) -> Result<(), Failure> {
    let sink = layout.sink()?;
    send(&sink, image)?;
    sink.name(Some(&name(to)), &descriptor(image))
}

pub(crate) fn tag(layout: &Layout, from: &str, to: &str) -> Result<(), Failure> {
    layout.update_index(|edit| {
        let found = layout.resolve(edit.before(), &lookup(from))?;
        edit.set_name(&name(to), &found.descriptor);
        Ok(())
    })
}

/// Removes images; returns what was said, one line a word and what it is about.
pub(crate) fn remove(layout: &Layout, texts: &[&str], removal: Removal) -> Result<Vec<String>, Failure> {
    let lookups: Vec<Lookup> = texts.iter().map(|text| lookup(text)).collect();
    let mut said = Vec::new();
    let outcomes = layout.remove(&lookups, &removal, &mut |removed| {
        said.push(match removed {
            Removed::Untagged(name, _) => format!("untagged {name}"),
            Removed::Deleted(digest) => format!("deleted {digest}"),
            Removed::Blob(blob) => format!("blob {}", blob.digest),
        });
        Ok(())
    })?;
    outcomes.into_iter().collect::<Result<(), Failure>>()?;
    Ok(said)
}

/// Collects everything, and returns the digests that went.
pub(crate) fn collect(layout: &Layout, grace: Duration, dry_run: bool) -> Result<Vec<String>, Failure> {
    let mut gone = Vec::new();
    layout.collect(&Collection { only: None, grace, dry_run }, &mut |blob| {
        gone.push(blob.digest.to_string());
        Ok(())
    })?;
    Ok(gone)
}

pub(crate) fn collect_all(layout: &Layout) -> Vec<String> {
    collect(layout, Duration::ZERO, false).unwrap()
}

/// The digest that `text` resolves to, or the class of the failure.
pub(crate) fn resolve(layout: &Layout, text: &str) -> Result<String, Class> {
    let found = layout.snapshot().map_err(|e| Failure::from(e).class())?;
    let found = layout.resolve(&found, &lookup(text)).map_err(|error| Failure::from(error).class())?;
    Ok(found.descriptor.digest.to_string())
}

/// Makes all blobs of a layout an hour old.
pub(crate) fn age(layout: &Path) {
    let old = SystemTime::now() - Duration::from_secs(3600);
    for entry in std::fs::read_dir(layout.join("blobs/sha256")).unwrap() {
        let file = std::fs::File::options().write(true).open(entry.unwrap().path()).unwrap();
        file.set_modified(old).unwrap();
    }
}
