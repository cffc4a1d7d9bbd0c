//! What becomes the index of a layer while its entries are read for something else.

use super::Indexes;
use super::index_writer::IndexWriter;
use crate::entry::Entry;
use image_format::Layer;

/// A longer index, in bytes, is not worth its memory: it is made by who needs it.
const MAX_BYTES: usize = 16 << 20;

/// The index of one layer in the making; none where it is kept already, or nowhere, or becomes too long.
pub(crate) struct Recording<'a> {
    indexes: &'a Indexes,
    index: Option<IndexWriter>,
}

impl<'a> Recording<'a> {
    pub(crate) fn of(layer: &Layer, indexes: &'a Indexes) -> Recording<'a> {
        let index = indexes.lacks(layer).then(|| IndexWriter::within(MAX_BYTES).ok()).flatten();
        Recording { indexes, index }
    }

    /// The index of a layer that nobody knows yet; none where there is no place for it.
    pub(crate) fn of_new(indexes: &'a Indexes) -> Option<Recording<'a>> {
        let index = indexes.is_somewhere().then(|| IndexWriter::within(MAX_BYTES).ok()).flatten();
        index.map(|index| Recording { indexes, index: Some(index) })
    }

    /// Notes an entry whose content begins at byte `offset` of the layer's tar.
    pub(crate) fn add(&mut self, entry: &Entry, offset: u64) {
        if let Some(index) = &mut self.index
            && index.add(entry, offset).is_err()
        {
            self.index = None;
        }
    }

    /// Keeps what it was told of: the whole of `layer`, which was verified.
    pub(crate) fn keep(self, layer: &Layer) {
        if let Some(index) = self.index.filter(|_| self.indexes.has_place_for(layer))
            && let Ok(index) = index.finish()
        {
            self.indexes.keep(&layer.diff_id, &index);
        }
    }
}
