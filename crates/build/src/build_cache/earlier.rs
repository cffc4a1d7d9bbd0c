//! The layer that an instruction made the last time: most of what it makes now is in it, chunk by chunk.

use super::{BuildCache, find};
use image_format::Digest;
use layer::Earlier;
use std::sync::Arc;

/// The kind of files that say which layer an instruction made last.
const LAST: &str = "build-last-1";

impl BuildCache {
    /// The layer that the instruction at this place made last, to copy chunks from. That there is none costs time alone.
    pub(crate) fn earlier(&self, place: &Digest) -> Option<Arc<Earlier>> {
        let key = self.outlines.as_ref()?.get(LAST, &place.hex())?;
        let key: Digest = format!("sha256:{}", String::from_utf8(key).ok()?).parse().ok()?;
        self.from.iter().find_map(|layout| {
            let layer = find(layout, &key)?;
            Earlier::of(layout, &layer).ok().flatten().map(Arc::new)
        })
    }

    /// Remembers that the instruction at this place made the layer of this key.
    pub(crate) fn keep_place(&self, place: &Digest, key: &Digest) {
        if let Some(outlines) = &self.outlines {
            let _ = outlines.put(LAST, &place.hex(), key.hex().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cache::Cache;
    use layer::{Compression, StoreOptions, Threads, store_layer, store_layer_with};
    use layout::{Layout, Options};
    use test_support::noise;

    #[test]
    fn what_an_instruction_made_last_is_copied_from() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::create(&directory.path().join("work"), Options { fsync: false }).unwrap();
        let sink = layout.sink().unwrap();
        let cache =
            BuildCache::open(&directory.path().join("cache"), Cache::new(directory.path()), true).unwrap();
        let (place, key) = (Digest::sha256(b"place"), Digest::sha256(b"key"));
        assert!(cache.earlier(&place).is_none());
        let mut tar = noise(1, 6 << 20);
        let store = |tar: &[u8], earlier| {
            let write = |out: &mut dyn std::io::Write| Ok(out.write_all(tar)?);
            store_layer_with(&sink, &StoreOptions { earlier, ..StoreOptions::default() }, write).unwrap()
        };
        let layer = store(&tar, None);
        cache.keep(&key, &place, &layer, &sink);
        cache.keep_place(&place, &key);
        tar.push(1);
        let earlier = cache.earlier(&place).unwrap();
        let again = store(&tar, Some(earlier.clone()));
        assert!(earlier.copied() > 1 << 20, "{}", earlier.copied());
        let write = |out: &mut dyn std::io::Write| Ok(out.write_all(&tar)?);
        assert_eq!(store_layer(&sink, Compression::default(), Threads::default(), write).unwrap(), again);
        // whose layer is gone
        cache.keep_place(&place, &Digest::sha256(b"other"));
        assert!(cache.earlier(&place).is_none());
    }
}
