//! A tar that is made here becomes a layer in a sink: compressed and hashed while it is written.

use crate::compress::{Compression, Earlier, LayerWriter, Threads};
use crate::tree::{Indexes, WrittenIndex};
use image_format::{Algorithm, Descriptor, Expected, Failure, Layer, Sink};
use std::io::{self, Write};
use std::sync::Arc;

/// How a layer is stored; none of it but the compression changes its bytes.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions<'i> {
    /// How it is compressed.
    pub compression: Compression,
    /// How many threads compress.
    pub threads: Threads,
    /// An earlier layer, from which is copied what has not changed since.
    pub earlier: Option<Arc<Earlier>>,
    /// Where its index is kept, so that nobody has to read the layer for it.
    pub indexes: Option<&'i Indexes>,
}

/// Stores the tar that `write` writes as a layer. The layer's bytes do not depend on how many threads compress. After an
/// error the sink has nothing.
///
/// # Errors
/// Those of `write`; the sink cannot be written.
pub fn store_layer(
    sink: &dyn Sink,
    compression: Compression,
    threads: Threads,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<Layer, Failure> {
    store_layer_with(sink, &StoreOptions { compression, threads, ..StoreOptions::default() }, write)
}

/// The same, with all that may be said of it.
///
/// # Errors
/// As [`store_layer`].
pub fn store_layer_with(
    sink: &dyn Sink,
    options: &StoreOptions<'_>,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<Layer, Failure> {
    let StoreOptions { compression, threads, earlier, indexes } = options;
    let blob = sink.writer(Expected::Algorithm(Algorithm::Sha256))?;
    let layer = LayerWriter::reusing(blob, *compression, *threads, earlier.clone());
    let mut indexed = Indexed { layer, index: indexes.map(WrittenIndex::new) };
    write(&mut indexed)?;
    let Indexed { layer, index } = indexed;
    let (finished, blob) = layer.finish()?;
    let Descriptor { digest, size, .. } = blob.commit()?;
    let descriptor = Descriptor::new(compression.media_type(), digest, size);
    let layer = Layer { descriptor, diff_id: finished.diff_id };
    if let Some(index) = index {
        index.keep(&layer);
    }
    Ok(layer)
}

/// A layer whose index is made meanwhile.
struct Indexed<'i, W: Write> {
    layer: LayerWriter<W>,
    index: Option<WrittenIndex<'i>>,
}

impl<W: Write> Write for Indexed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.layer.write(bytes)?;
        if let Some(index) = &mut self.index {
            index.push(&bytes[..count]);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.layer.flush()
    }
}
