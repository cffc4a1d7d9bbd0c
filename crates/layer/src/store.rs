//! A tar that is made here becomes a layer in a sink: compressed and hashed while it is written.

use crate::compress::{Compression, Earlier, LayerWriter, Threads};
use image_format::{Algorithm, Descriptor, Expected, Failure, Layer, Sink};
use std::io::Write;
use std::sync::Arc;

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
    store_layer_over(None, sink, compression, threads, write)
}

/// The same, which copies from an earlier layer what has not changed since. The layer's bytes do not depend on that either.
///
/// # Errors
/// As [`store_layer`].
pub fn store_layer_over(
    earlier: Option<Arc<Earlier>>,
    sink: &dyn Sink,
    compression: Compression,
    threads: Threads,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<Layer, Failure> {
    let blob = sink.writer(Expected::Algorithm(Algorithm::Sha256))?;
    let mut layer = LayerWriter::reusing(blob, compression, threads, earlier);
    write(&mut layer)?;
    let (finished, blob) = layer.finish()?;
    let Descriptor { digest, size, .. } = blob.commit()?;
    let descriptor = Descriptor::new(compression.media_type(), digest, size);
    Ok(Layer { descriptor, diff_id: finished.diff_id })
}
