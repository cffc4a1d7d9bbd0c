//! An earlier layer whose chunks are copied where the same bytes come again: decoding a chunk and comparing it takes a tenth of
//! encoding it anew.
//!
//! Chunks are cut by content, so what has not changed falls into the same chunks. XXH3 finds a candidate and proves nothing:
//! only a chunk that decodes to the very bytes is copied, and only from the same encoder, so that the blob is the same whether
//! anything was copied or not (docs/layer-format.md, "Reuse").

use crate::compress::buffers::{Buffers, release};
use crate::compress::decode::Decoder;
use crate::compress::encode::Encoder;
use crate::compress::side_by_side::ChunkedBlob;
use crate::compress::table::Chunk;
use image_format::{Failure, Layer, Source};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// A worker's buffer of more bytes is given back after each chunk.
const KEPT: usize = 2 << 20;

/// A layer of ours to take chunks from.
#[derive(Debug)]
pub struct Earlier {
    blob: ChunkedBlob,
    /// By XXH3: the chunk, and where it begins in the blob.
    chunks: HashMap<u128, (Chunk, u64)>,
    copied: AtomicU64,
}

/// What a worker needs to decode chunks.
pub(crate) struct Scratch {
    decoder: Option<Decoder>,
    buffers: Buffers,
}

impl Earlier {
    /// The chunks of `layer`; `None` where it is in no file, or has no table.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(source: &dyn Source, layer: &Layer) -> Result<Option<Earlier>, Failure> {
        let blob = source.open(&layer.descriptor, 0)?;
        let Some(blob) = ChunkedBlob::of(&blob, layer.descriptor.size)? else { return Ok(None) };
        let mut chunks = HashMap::new();
        let mut offset = blob.table().first_chunk_offset();
        for chunk in blob.table().chunks() {
            chunks.insert(chunk.xxh3, (*chunk, offset));
            offset += u64::from(chunk.compressed);
        }
        Ok(Some(Earlier { blob, chunks, copied: AtomicU64::new(0) }))
    }

    /// How many bytes of tar needed no encoding so far.
    pub fn copied(&self) -> u64 {
        self.copied.load(Ordering::Relaxed)
    }

    pub(crate) fn is_of(&self, encoder: Encoder) -> bool {
        self.blob.table().encoder() == encoder.number()
    }

    /// Puts what `plain` was encoded to into `compressed`, which has room for it; `false` where this layer does not have it,
    /// or is not what its table says.
    pub(crate) fn copy(
        &self,
        plain: &[u8],
        xxh3: u128,
        compressed: &mut Vec<u8>,
        scratch: &mut Scratch,
    ) -> bool {
        let Some((chunk, offset)) = self.chunks.get(&xxh3) else { return false };
        let length = chunk.compressed as usize;
        if chunk.plain as usize != plain.len() || length > compressed.capacity() {
            return false;
        }
        let is_same = self.decode(*chunk, *offset, scratch) && scratch.buffers.plain == plain;
        if is_same {
            compressed.clear();
            compressed.extend_from_slice(&scratch.buffers.compressed);
            self.copied.fetch_add(plain.len() as u64, Ordering::Relaxed);
        }
        scratch.give_back();
        is_same
    }

    fn decode(&self, chunk: Chunk, offset: u64, scratch: &mut Scratch) -> bool {
        if scratch.decoder.is_none() {
            scratch.decoder = Decoder::new(self.blob.table().form()).ok();
        }
        let Some(decoder) = &mut scratch.decoder else { return false };
        self.blob.decode(decoder, chunk, offset, &mut scratch.buffers).is_ok()
    }
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch { decoder: None, buffers: Buffers::new(0, 0) }
    }
}

impl Scratch {
    fn give_back(&mut self) {
        for buffer in [&mut self.buffers.plain, &mut self.buffers.compressed] {
            if buffer.capacity() > KEPT {
                release(buffer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::test_data::noise;
    use crate::tree::fixture::Files;
    use crate::{Compression, LayerWriter, Threads};
    use image_format::{Descriptor, DiffId, Digest, MediaType};
    use std::io::Write as _;
    use std::sync::Arc;

    fn written(tar: &[u8], compression: &str, earlier: Option<Arc<Earlier>>) -> (Vec<u8>, DiffId) {
        let compression: Compression = compression.parse().unwrap();
        let mut writer = LayerWriter::reusing(Vec::new(), compression, Threads::default(), earlier);
        writer.write_all(tar).unwrap();
        let (finished, blob) = writer.finish().unwrap();
        (blob, finished.diff_id)
    }

    /// That layer, as it lies in a file.
    fn stored(files: &Files, (blob, diff_id): &(Vec<u8>, DiffId)) -> Layer {
        let descriptor = Descriptor::new(MediaType::OciLayerGzip, Digest::sha256(blob), blob.len() as u64);
        files.insert(&descriptor.digest, blob);
        Layer { descriptor, diff_id: *diff_id }
    }

    fn earlier(files: &Files, layer: &Layer) -> Arc<Earlier> {
        Arc::new(Earlier::of(files, layer).unwrap().unwrap())
    }

    #[test]
    fn what_was_there_before_is_copied_and_the_blob_is_the_same_as_without() {
        let files = Files::new();
        let before = noise(1, 20 << 20);
        let mut after = before.clone();
        after[9 << 20] ^= 1;
        for compression in ["gzip", "zstd"] {
            let layer = stored(&files, &written(&before, compression, None));
            let earlier = earlier(&files, &layer);
            assert_eq!(
                written(&after, compression, Some(earlier.clone())),
                written(&after, compression, None)
            );
            let copied = earlier.copied();
            assert!((12 << 20..20 << 20).contains(&copied), "{compression}: {copied}");
        }
    }

    #[test]
    fn another_encoders_chunks_are_not_taken() {
        let files = Files::new();
        let tar = noise(1, 3 << 20);
        let layer = stored(&files, &written(&tar, "gzip:6", None));
        for compression in ["gzip", "zstd", "none"] {
            let earlier = earlier(&files, &layer);
            assert_eq!(written(&tar, compression, Some(earlier.clone())), written(&tar, compression, None));
            assert_eq!(earlier.copied(), 0);
        }
    }

    #[test]
    fn a_chunk_that_is_not_what_its_table_says_is_encoded_anew() {
        let files = Files::new();
        let tar = noise(1, 3 << 20);
        let good = written(&tar, "gzip", None);
        let mut bad = good.clone();
        for at in (1000..2 << 20).step_by(5000) {
            bad.0[at] ^= 0x55;
        }
        let earlier = earlier(&files, &stored(&files, &bad));
        assert_eq!(written(&tar, "gzip", Some(earlier.clone())), good);
        assert!(earlier.copied() < 2 << 20);
    }

    #[test]
    fn a_layer_without_a_table_has_nothing_to_copy() {
        let files = Files::new();
        let layer = stored(&files, &(test_support::gzip(noise(1, 1000)), DiffId::new(Digest::sha256(b""))));
        assert!(Earlier::of(&files, &layer).unwrap().is_none());
    }
}
