//! Instructions that leave a layer: how one is found in the cache, or made.

use crate::build_cache::BuildCache;
use crate::error::Error;
use crate::listener::{Listener, Outcome};
use crate::options::Options;
use crate::tree::Tree;
use image_format::{ChainId, Class, Digest, Failure, Layer, Observer};
use layer::{Earlier, Indexes, StoreOptions};
use layout::LayoutSink;
use std::io::Write;
use std::sync::Arc;

/// What an instruction puts into its layer.
pub(crate) trait Work {
    /// A digest of all that the layer depends on, but for what lies below it and for the bytes of files.
    fn outline(&self) -> Digest;

    /// A digest of all that the layer depends on, but for what lies below it; `None` where files would have to be read for it.
    fn key(&self) -> Option<Digest>;

    /// The same; reads what has to be read.
    fn read_key(&mut self, observer: &dyn Observer) -> Result<Digest, Error>;

    /// A digest of what the instruction says, whatever files it finds; `None` where its layers are too small to be alike.
    fn place(&self) -> Option<Digest> {
        None
    }

    /// Does the layer depend on what lies below it?
    fn sees_below(&self) -> bool;

    /// Writes the layer's tar, entries sorted, and gives its key.
    fn write(self: Box<Self>, tar: &mut dyn Write, listener: &dyn Listener) -> Result<Digest, Error>;
}

/// Makes layers, and remembers them.
pub(crate) struct LayerMaker<'b> {
    pub(crate) sink: &'b LayoutSink,
    pub(crate) cache: Option<&'b BuildCache>,
    pub(crate) options: &'b Options,
    pub(crate) listener: &'b dyn Listener,
}

impl LayerMaker<'_> {
    /// The layer of `work` on `below`, and whether it had to be made.
    pub(crate) fn layer(
        &self,
        mut work: Box<dyn Work + '_>,
        below: &Tree<'_>,
    ) -> Result<(Layer, Outcome), Error> {
        let Some(cache) = self.cache else {
            let (layer, _) = self.made(work, None, below.indexes())?;
            let bytes = layer.descriptor.size;
            return Ok((layer, Outcome::Made { bytes }));
        };
        let (below, indexes) = (below.chain_id().filter(|_| work.sees_below()), below.indexes());
        let outline = self.name(below, &work.outline());
        let key = match work.key() {
            // what no build has ever looked like is in no cache: its files are read once, to be copied
            None if !cache.may_have(&outline) => None,
            None => Some(work.read_key(self.listener)?),
            known => known,
        };
        if let Some(key) = key
            && let Some(layer) = cache.take(&self.name(below, &key), self.sink)?
        {
            cache.keep(&self.name(below, &key), &outline, &layer, self.sink);
            return Ok((layer, Outcome::Cached));
        }
        let place = work.place().map(|place| self.name(None, &place));
        let earlier = place.as_ref().and_then(|place| cache.earlier(place));
        let (layer, key) = self.made(work, earlier, indexes)?;
        if let Some(place) = place {
            cache.keep_place(&place, &self.name(below, &key));
        }
        cache.keep(&self.name(below, &key), &outline, &layer, self.sink);
        let bytes = layer.descriptor.size;
        Ok((layer, Outcome::Made { bytes }))
    }

    /// What the layer of `work` is called in a cache, and the layer, if it is in one.
    pub(crate) fn foreseen(
        &self,
        mut work: Box<dyn Work + '_>,
        below: &Tree<'_>,
    ) -> Result<(Digest, Option<Layer>), Error> {
        let below = below.chain_id().filter(|_| work.sees_below());
        let key = self.name(below, &work.read_key(self.listener)?);
        let layer = self.cache.map_or(Ok(None), |cache| cache.take(&key, self.sink))?;
        Ok((key, layer))
    }

    /// What a layer is called in a cache.
    fn name(&self, below: Option<ChainId>, key: &Digest) -> Digest {
        let below = below.map_or_else(|| "nothing".to_owned(), |below| below.to_string());
        let compression = self.options.compression;
        Digest::sha256(format!("ociutils-build 1\non {below}\nof {key}\nby {compression}\n").as_bytes())
    }

    /// Makes a layer; what `earlier` has of it is copied from there.
    fn made(
        &self,
        work: Box<dyn Work + '_>,
        earlier: Option<Arc<Earlier>>,
        indexes: &Indexes,
    ) -> Result<(Layer, Digest), Error> {
        let Options { compression, threads, .. } = *self.options;
        let mut written = None;
        let options = StoreOptions { compression, threads, earlier, indexes: Some(indexes) };
        let layer = layer::store_layer_with(self.sink, &options, |layer| {
            let result = work.write(&mut Heard { layer, listener: self.listener }, self.listener);
            // what is wrong with the Dockerfile is no failure of the layer
            let failed = result.as_ref().err().map(|error| Failure::new(Class::Failed, error));
            written = Some(result);
            failed.map_or(Ok(()), Err)
        });
        match written {
            Some(Err(error)) => Err(error),
            Some(Ok(key)) => Ok((layer?, key)),
            None => Err(layer.err().unwrap_or_else(|| Failure::new(Class::Failed, "no layer")).into()),
        }
    }
}

/// Tells of the bytes that pass by.
struct Heard<'w> {
    layer: &'w mut dyn Write,
    listener: &'w dyn Listener,
}

impl Write for Heard<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.layer.write(bytes)?;
        self.listener.advance(count as u64)?;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.layer.flush()
    }
}
