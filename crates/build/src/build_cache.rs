//! The build cache: a layout of its own, whose images are layers by their keys.
//!
//! An entry is an image of one layer, called `ociutils.invalid/cache:KEY`, so that whatever moves images moves a cache.
//! Deleting it costs time, never data: what cannot be read in it is not there, and what cannot be written is not kept.

mod earlier;

use cache::Cache;
use image_format::{
    Class, Descriptor, Digest, Expected, Failure, ImageConfig, ImageName, Layer, Manifest, MediaType, Origin,
    Raw, RootFs, Sink, Source,
};
use layout::{Layout, LayoutSink, Lookup, Options, blob_path};
use std::io;
use std::path::Path;

/// The name before the key. The domain is one that nobody can have (RFC 2606).
const NAME: &str = "ociutils.invalid/cache";

/// The kind of files that say what builds have looked like.
const OUTLINES: &str = "build-outline-1";

/// Layers that builds have made: those of this user, and those that others share.
#[derive(Debug, Default)]
pub struct BuildCache {
    /// Where layers are looked for, in this order.
    from: Vec<Layout>,
    /// Where they are kept.
    to: Vec<LayoutSink>,
    /// What builds have looked like, before their files were read.
    outlines: Option<Cache>,
    /// May layers be found that builds elsewhere have made, of which `outlines` tells nothing?
    is_shared: bool,
}

impl BuildCache {
    /// The user's cache, a layout at `path`, made if it is not there; what else is known of builds is in `notes`. Nothing is
    /// looked for in it unless `is_used`.
    ///
    /// # Errors
    /// The directory holds something else, or cannot be written.
    pub fn open(path: &Path, notes: Cache, is_used: bool) -> Result<BuildCache, Failure> {
        // a crash may cost what was not yet on disk: whoever takes a layer hashes it
        let layout = Layout::create(path, Options { fsync: false })?;
        Ok(BuildCache {
            to: vec![layout.sink()?],
            from: if is_used { vec![layout] } else { Vec::new() },
            outlines: Some(notes),
            is_shared: false,
        })
    }

    /// The same, which looks into `layout` too.
    #[must_use]
    pub fn and_from(mut self, layout: Layout) -> BuildCache {
        self.from.push(layout);
        self.is_shared = true;
        self
    }

    /// The same, which keeps layers in `layout` too.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn and_to(mut self, layout: &Layout) -> Result<BuildCache, Failure> {
        self.to.push(layout.sink()?);
        Ok(self)
    }

    /// May a build have looked like this? Then its files are worth reading for their key.
    pub(crate) fn may_have(&self, outline: &Digest) -> bool {
        let has_seen = |outlines: &Cache| outlines.get(OUTLINES, &outline.hex().to_string()).is_some();
        self.is_shared || !self.from.is_empty() && self.outlines.as_ref().is_some_and(has_seen)
    }

    /// The layer of this key, whose blob is in `sink` now.
    pub(crate) fn take(&self, key: &Digest, sink: &LayoutSink) -> Result<Option<Layer>, Failure> {
        for layout in &self.from {
            let Some(layer) = find(layout, key) else { continue };
            match bring(layout, &layer.descriptor, sink) {
                Ok(()) => return Ok(Some(layer)),
                Err(failure) if matches!(failure.class(), Class::NotFound | Class::Integrity) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(None)
    }

    /// Keeps a layer, whose blob `from` has, under its key.
    pub(crate) fn keep(&self, key: &Digest, outline: &Digest, layer: &Layer, from: &LayoutSink) {
        // where it cannot be kept the build goes on without
        for sink in &self.to {
            let _ = put(sink, key, layer, from);
        }
        if let Some(outlines) = &self.outlines {
            let _ = outlines.put(OUTLINES, &outline.hex().to_string(), b"");
        }
    }
}

fn put(sink: &LayoutSink, key: &Digest, layer: &Layer, from: &LayoutSink) -> Result<(), Failure> {
    if find(sink.layout(), key).is_some_and(|there| there == *layer) {
        return Ok(());
    }
    bring(from.layout(), &layer.descriptor, sink)?;
    let rootfs = RootFs { diff_ids: vec![layer.diff_id], ..RootFs::default() };
    let config = Raw::write(ImageConfig { rootfs, ..ImageConfig::default() });
    let described = sink.put(MediaType::OciConfig, config.bytes())?;
    let manifest = Raw::write(Manifest::new(described, vec![layer.descriptor.clone()]));
    let described = sink.put(MediaType::OciManifest, manifest.bytes())?;
    sink.name(Some(&name(key)?), &described)
}

/// Being found is being used: the entry's blobs are as new as now, where they may be written.
fn find(layout: &Layout, key: &Digest) -> Option<Layer> {
    let lookup = Lookup { name: Some(name(key).ok()?), ..Lookup::default() };
    let found = layout.resolve(&layout.snapshot().ok()?, &lookup).ok()?.descriptor;
    let manifest: Raw<Manifest> =
        Raw::parse("image manifest", layout.read_small(&found.digest).ok()?).ok()?;
    let config: Raw<ImageConfig> =
        Raw::parse("image config", layout.read_small(&manifest.config.digest).ok()?).ok()?;
    let layer = Layer::all(&manifest, &config).ok()?.pop()?;
    if let Ok(sink) = layout.sink() {
        let _ = sink.missing(&[found, manifest.config.clone(), layer.descriptor.clone()]);
    }
    Some(layer)
}

fn name(key: &Digest) -> Result<ImageName, Failure> {
    let name = format!("{NAME}:{}", key.hex());
    name.parse().map_err(|error: image_format::NameError| Failure::new(Class::Failed, error))
}

/// Makes sure that `sink` has a blob that `from` has: as another name of the same file, where that can be.
fn bring(from: &Layout, blob: &Descriptor, sink: &LayoutSink) -> Result<(), Failure> {
    if sink.missing(std::slice::from_ref(blob))?.is_empty() {
        return Ok(());
    }
    let origin = Origin::File(from.path().join(blob_path(&blob.digest)));
    if sink.adopt(blob, &origin)? {
        return Ok(());
    }
    let mut bytes = from.open(blob, 0)?;
    let mut writer = sink.writer(Expected::Descriptor(blob.clone()))?;
    writer.restart()?;
    io::copy(&mut bytes, &mut writer)?;
    writer.commit().map(drop)
}
