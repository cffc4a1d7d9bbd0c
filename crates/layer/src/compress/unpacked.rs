//! How long a layer's tar is, as far as that can be told without unpacking it.

use crate::compress::table::unpacked_size;
use image_format::{Descriptor, MediaType, Source};

/// The length of the plain tar of `layer` in bytes: its own where it is plain, else what its table says; `None` where
/// nobody knows, or the blob is not in a file.
pub fn unpacked_size_of(source: &dyn Source, layer: &Descriptor) -> Option<u64> {
    if matches!(layer.media_type, MediaType::OciLayer | MediaType::DockerLayer) {
        return Some(layer.size);
    }
    let range = source.open(layer, 0).ok()?.into_file_range()?;
    let whole = range.offset == 0 && range.length == layer.size;
    if whole { unpacked_size(range.file).ok().flatten() } else { None }
}
