//! Layers onto a directory, bottom first.

use super::recording::Recording;
use super::stream::{LayerStream, true_cause};
use super::target::Target;
use super::{Indexes, TreePath};
use crate::compress::decompress;
use crate::entry::TarReader;
use crate::failure::{of_stream, refused};
use image_format::{Failure, Layer, Observer, Source};
use std::io::{BufReader, Read};
use std::path::Path;

/// More entries than this in one layer are a bomb: file systems run out of inodes first.
const MAX_ENTRIES: u64 = 1 << 22;

/// Bytes of a tar read at a time.
const BUFFER: usize = 128 << 10;

/// What the process may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Everything: owners and devices are made as the layers say.
    Root,
    /// What anybody may: owners are recorded in the attribute `user.rootlesscontainers`, devices left out.
    Rootless,
}

/// Applies `layers`, bottom first, to the directory at `directory`, which should be empty; gives the length of
/// their tars in bytes. Each blob and each tar is verified.
///
/// Directories get their permissions and times at the end; one that no entry describes is 0755 and of 1970, so that
/// the same layers make the same tree. After an error the directory holds a part of it. Indexes of the layers are kept in
/// `indexes`, where they are not yet.
///
/// # Errors
/// A layer is not what it claims ([`image_format::Class::Integrity`]), is not there, or cannot be made here; those of
/// `observer`.
pub fn apply(
    source: &dyn Source,
    layers: &[Layer],
    directory: &Path,
    privilege: Privilege,
    indexes: &Indexes,
    observer: &dyn Observer,
) -> Result<u64, Failure> {
    let mut target = Target::open(directory, privilege, observer)?;
    let mut size = 0;
    // the next layer is decompressed while this one is written
    let mut next = layers.first().map(|layer| LayerStream::open(source, layer, observer));
    for (number, layer) in layers.iter().enumerate() {
        let stream = next.take().unwrap_or_else(|| LayerStream::open(source, layer, observer));
        next = layers.get(number + 1).map(|layer| LayerStream::open(source, layer, observer));
        let mut recording = Recording::of(layer, indexes);
        let applied = stream.and_then(|stream| apply_one(&mut target, stream, &mut recording));
        let digest = layer.descriptor.digest;
        size +=
            applied.map_err(|error| true_cause(source, layer, error).at(format_args!("layer {digest}")))?;
        recording.keep(layer);
    }
    target.seal()?;
    Ok(size)
}

/// Makes the files of `tar`, compressed or not, in the directory at `directory`, which should be empty; whose they are is not
/// kept. In bounded memory; the tar is read to its end.
///
/// # Errors
/// It is no tar or a broken one, or what it says cannot be made here; those of `observer`.
pub fn unpack(
    tar: impl Read + Send + 'static,
    directory: &Path,
    observer: &dyn Observer,
) -> Result<(), Failure> {
    let (_, plain) = decompress(tar).map_err(of_stream)?;
    let mut target = Target::open(directory, Privilege::Rootless, observer)?;
    let mut reader = TarReader::new(BufReader::with_capacity(BUFFER, plain));
    let mut entries = 0;
    while let Some(mut entry) = reader.next_entry().map_err(of_stream)? {
        entries += 1;
        check_count(entries)?;
        (entry.metadata.uid, entry.metadata.gid) = (0, 0);
        let path = TreePath::of_entry(&entry.path)?;
        observer.advance(entry.stored_size())?;
        target.entry(&path, &entry, &mut reader.content()).map_err(|error| error.at(&path))?;
    }
    reader.finish().map_err(of_stream)?;
    target.seal()
}

fn apply_one(
    target: &mut Target<'_>,
    mut stream: LayerStream<'_>,
    recording: &mut Recording<'_>,
) -> Result<u64, Failure> {
    target.begin_layer();
    let applied = apply_entries(target, &mut stream, recording);
    target.end_layer().and(applied)?;
    stream.finish()
}

fn apply_entries(
    target: &mut Target<'_>,
    stream: &mut LayerStream<'_>,
    recording: &mut Recording<'_>,
) -> Result<(), Failure> {
    let mut reader = TarReader::new(stream);
    let mut entries = 0;
    while let Some(entry) = reader.next_entry().map_err(of_stream)? {
        entries += 1;
        check_count(entries)?;
        recording.add(&entry, reader.offset());
        let path = TreePath::of_entry(&entry.path)?;
        target.entry(&path, &entry, &mut reader.content()).map_err(|error| error.at(&path))?;
    }
    reader.finish().map(drop).map_err(of_stream)
}

/// Refuses a layer of too many entries.
pub(crate) fn check_count(entries: u64) -> Result<(), Failure> {
    if entries <= MAX_ENTRIES {
        return Ok(());
    }
    Err(refused(format_args!("has more than {MAX_ENTRIES} entries")))
}

#[cfg(test)]
mod tests;
