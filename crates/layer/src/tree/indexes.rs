//! Indexes of layers that were made before, kept in a cache by DiffID.

use super::index::{Indexed, Room};
use super::weight;
use crate::entry::TarReader;
use cache::{Cache, Limits};
use image_format::{DiffId, Failure, Layer};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The kind of these files; a change of their form takes a new number.
const KIND: &str = "layer-index-1";
/// They are fast to make, and small beside their layers.
const LIMITS: Limits = Limits { max_age: Duration::from_secs(90 * 24 * 3600), max_bytes: 512 << 20 };
/// More than any index that a layer may have; what is longer is none of ours.
const MAX_BYTES: u64 = 4 << 30;

/// Blobs below this many bytes are read again faster than an index is found.
const WORTHWHILE: u64 = 256 << 10;

/// Where indexes of layers are looked for and kept; by default nowhere. Small layers are not worth one.
///
/// An index is of a DiffID: it is kept only once the tar that it was made of had that digest. So it says what an image's
/// config promises, whatever the blob in a layout holds; who takes content from the blob finds out what that is.
#[derive(Clone, Debug, Default)]
pub struct Indexes {
    cache: Option<Cache>,
    worthwhile: u64,
    /// Once a process is enough.
    pruned: Arc<AtomicBool>,
}

impl Indexes {
    /// Kept in `cache`.
    pub fn in_cache(cache: Cache) -> Indexes {
        Indexes { cache: Some(cache), worthwhile: WORTHWHILE, ..Indexes::default() }
    }

    /// Kept in the cache `directory`; nowhere where there is none.
    pub fn in_directory(directory: Option<PathBuf>) -> Indexes {
        directory.map(Cache::new).map_or_else(Indexes::none, Indexes::in_cache)
    }

    /// Kept nowhere: each layer is read again.
    pub fn none() -> Indexes {
        Indexes::default()
    }

    /// Is there any place for indexes?
    pub(crate) fn is_somewhere(&self) -> bool {
        self.cache.is_some()
    }

    /// Is the index of `layer` to be looked for and kept?
    pub(crate) fn has_place_for(&self, layer: &Layer) -> bool {
        self.cache.is_some() && layer.descriptor.size >= self.worthwhile
    }

    /// Is there a place for the index of `layer`, and nothing there yet?
    pub(crate) fn lacks(&self, layer: &Layer) -> bool {
        let cache = self.cache.as_ref().filter(|_| self.has_place_for(layer));
        cache.is_some_and(|cache| cache.get(KIND, &key(&layer.diff_id)).is_none())
    }

    /// The index of a layer, as far as there is `room` for it; whoever reads the layer itself checks that it fits.
    pub(crate) fn find(&self, layer: &Layer, room: &Room<'_>) -> Result<Option<Vec<Indexed>>, Failure> {
        let cache = self.cache.as_ref().filter(|_| self.has_place_for(layer));
        let kept = cache.and_then(|cache| cache.get(KIND, &key(&layer.diff_id)));
        kept.map_or(Ok(None), |index| decode(&index, room).transpose())
    }

    /// Keeps what [`super::index_writer`] made of the index of a layer that was verified. That it cannot be kept costs time alone.
    pub(crate) fn keep(&self, diff_id: &DiffId, index: &[u8]) {
        if let Some(cache) = &self.cache
            && cache.put(KIND, &key(diff_id), index).is_ok()
            && !self.pruned.swap(true, Ordering::Relaxed)
        {
            let _ = cache.prune(&LIMITS);
        }
    }
}

fn key(diff_id: &DiffId) -> String {
    diff_id.to_string().replace(':', "-")
}

/// `None` where it is not of that form.
fn decode(index: &[u8], room: &Room<'_>) -> Option<Result<Vec<Indexed>, Failure>> {
    let mut index = zstd::stream::read::Decoder::new(index).ok()?.take(MAX_BYTES);
    let mut entries = Vec::new();
    let mut head = Vec::new();
    let mut number = [0; 8];
    loop {
        match index.read(&mut number[..1]) {
            Ok(0) => return Some(Ok(entries)),
            Ok(_) => index.read_exact(&mut number[1..]).ok()?,
            Err(_) => return None,
        }
        let length = u64::from_le_bytes(number);
        index.read_exact(&mut number).ok()?;
        let offset = u64::from_le_bytes(number);
        head.clear();
        index.by_ref().take(length).read_to_end(&mut head).ok()?;
        let entry = TarReader::new(&head[..]).next_entry().ok()??;
        let indexed = Indexed { entry, offset };
        if let Err(failure) = room(weight::of_entry(&indexed)) {
            return Some(Err(failure));
        }
        entries.push(indexed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixture::{Heard, privilege, store};
    use crate::tree::index_writer::encode;
    use crate::{View, apply, clear_directory, flatten};
    use image_format::{Digest, MemoryStore};
    use std::fs;
    use std::path::{Path, PathBuf};
    use test_support::TarBuilder;

    fn layer() -> TarBuilder {
        let tar = TarBuilder::new().dir("d").file("d/f", "content").hard_link("d/g", "d/f").symlink("s", "d");
        tar.xattr("user.a", "\n\0")
            .device("null", 1, 3)
            .file(&"n".repeat(300), "x")
            .whiteout("gone")
            .file("end", "end")
    }

    /// Even of the smallest layer.
    fn all(directory: &Path) -> Indexes {
        Indexes { worthwhile: 0, ..Indexes::in_cache(Cache::new(directory)) }
    }

    #[test]
    fn small_layers_are_not_worth_an_index() {
        let dir = tempfile::tempdir().unwrap();
        let indexes = Indexes::in_cache(Cache::new(dir.path()));
        let (store, layers) = store(&[layer()]);
        flatten(&store, &layers, &indexes, Vec::new(), &Heard::default()).unwrap();
        assert_eq!(files(dir.path()).len(), 0);
    }

    fn files(directory: &Path) -> Vec<PathBuf> {
        let kept = fs::read_dir(directory.join(KIND)).into_iter().flatten();
        kept.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_layer_is_read_once_for_its_index_and_makes_the_same_tar_from_it() {
        let dir = tempfile::tempdir().unwrap();
        let indexes = all(dir.path());
        let (store, layers) = store(&[layer(), TarBuilder::new().whiteout("s").file("end", "other")]);
        let flat =
            |indexes: &Indexes| flatten(&store, &layers, indexes, Vec::new(), &Heard::default()).unwrap();
        let expected = flat(&Indexes::none());
        assert_eq!(files(dir.path()).len(), 0);
        assert_eq!(flat(&indexes), expected);
        assert_eq!(files(dir.path()).len(), 2);
        assert_eq!(flat(&indexes), expected);
        // the view needs no blob for names once they are indexed
        let empty = MemoryStore::new();
        let view = View::new(&empty, &layers, &indexes, &Heard::default()).unwrap();
        assert_eq!(view.root().children().count(), 4);
        assert!(View::new(&empty, &layers, &Indexes::none(), &Heard::default()).is_err());
    }

    #[test]
    fn applying_a_layer_keeps_the_index_that_flattening_it_would() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [kept, tree, expected] = dirs.each_ref().map(|dir| dir.path());
        let layer =
            TarBuilder::new().dir("d").file("d/f", "content").xattr("user.a", "\n\0").symlink("s", "d");
        let layer = layer.file(&"n".repeat(200), "x").whiteout("gone").file("end", "end");
        let (store, layers) = store(&[layer]);
        flatten(&store, &layers, &all(expected), Vec::new(), &Heard::default()).unwrap();
        let heard = Heard::default();
        apply(&store, &layers, tree, privilege(), &all(kept), &heard).unwrap();
        let read = |directory| fs::read(&files(directory)[0]).unwrap();
        assert_eq!(read(kept), read(expected));

        let kept = tempfile::tempdir().unwrap();
        let mut wrong = layers;
        wrong[0].diff_id = DiffId::new(Digest::sha256(b"other"));
        clear_directory(tree).unwrap();
        assert!(apply(&store, &wrong, tree, privilege(), &all(kept.path()), &heard).is_err());
        assert_eq!(files(kept.path()).len(), 0);
    }

    #[test]
    fn an_index_that_is_spoilt_is_made_again_and_one_that_lies_is_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let indexes = all(dir.path());
        let (store, layers) = store(&[layer()]);
        let flat = || flatten(&store, &layers, &indexes, Vec::new(), &Heard::default());
        let expected = flat().unwrap();
        let file = files(dir.path()).remove(0);
        let whole = fs::read(&file).unwrap();
        for spoilt in [&whole[..whole.len() / 2], b"", b"nonsense", &[&whole[..], b"more"].concat()] {
            fs::write(&file, spoilt).unwrap();
            assert_eq!(flat().unwrap(), expected);
            assert_eq!(fs::read(&file).unwrap(), whole);
        }
        let mut lie = decode(&whole, &|_| Ok(())).unwrap().unwrap();
        lie.iter_mut().for_each(|indexed| indexed.offset += 512);
        fs::write(&file, encode(&lie).unwrap()).unwrap();
        assert!(flat().unwrap_err().to_string().contains("has changed while it was read"));
    }

    #[test]
    fn a_layer_that_is_made_here_need_not_be_read_for_its_index() {
        let dir = tempfile::tempdir().unwrap();
        let (indexes, store) = (all(dir.path()), MemoryStore::new());
        let tar = layer().bytes();
        let options = crate::StoreOptions { indexes: Some(&indexes), ..crate::StoreOptions::default() };
        let write =
            |out: &mut dyn std::io::Write| Ok(tar.chunks(700).try_for_each(|piece| out.write_all(piece))?);
        let layers = [crate::store_layer_with(&store, &options, write).unwrap()];
        let kept = fs::read(files(dir.path()).remove(0)).unwrap();
        fs::remove_dir_all(dir.path().join(KIND)).unwrap();
        View::new(&store, &layers, &indexes, &Heard::default()).unwrap();
        assert_eq!(fs::read(files(dir.path()).remove(0)).unwrap(), kept);
    }

    #[test]
    fn what_was_never_verified_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let indexes = all(dir.path());
        let (store, mut layers) = store(&[layer()]);
        layers[0].diff_id = DiffId::new(Digest::sha256(b"other"));
        assert!(flatten(&store, &layers, &indexes, Vec::new(), &Heard::default()).is_err());
        assert!(View::new(&store, &layers, &indexes, &Heard::default()).is_err());
        assert_eq!(files(dir.path()).len(), 0);
    }
}
