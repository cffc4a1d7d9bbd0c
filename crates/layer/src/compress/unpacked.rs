//! How long a layer's tar is, as far as that can be told without unpacking it.

use crate::compress::table::unpacked_size;
use image_format::{Descriptor, Source, Stack};

/// The length of the plain tar of `layer` in bytes: its own where it is plain, else what its table says; `None` where
/// nobody knows, or the blob is not in a file.
pub fn unpacked_size_of(source: &dyn Source, layer: &Descriptor) -> Option<u64> {
    if layer.media_type.is_plain_layer() {
        return Some(layer.size);
    }
    let range = source.open(layer, 0).ok()?.into_file_range()?;
    let whole = range.offset == 0 && range.length == layer.size;
    if whole { unpacked_size(range.file).ok().flatten() } else { None }
}

/// The length of the tars of all these layers; `None` where that of one is not known.
pub fn unpacked_size_of_all(stack: &Stack<'_>) -> Option<u64> {
    let mut sizes = stack.layers().iter().map(|layer| unpacked_size_of(stack.source(), &layer.descriptor));
    sizes.try_fold(0_u64, |sum, size| Some(sum.saturating_add(size?)))
}
