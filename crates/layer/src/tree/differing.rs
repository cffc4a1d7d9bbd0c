//! Whether files of a directory still hold what layers say, where nothing else can tell: content is read on both sides,
//! each layer once.

use super::TreePath;
use super::root::Root;
use super::snapshot::Snapshot;
use super::stream::{glance, true_cause};
use crate::entry::{Kind, Piece, TarReader};
use crate::failure::of_stream;
use image_format::{Class, Failure, Layer, Observer, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes compared at a time.
const BUFFER: usize = 64 << 10;

impl Snapshot {
    /// Those of `paths` whose content in the tree at `directory` is not that of this tree, which is that of a view of
    /// `layers`; no symlink is followed.
    ///
    /// # Errors
    /// A layer is gone, or something cannot be read; those of `observer`.
    pub fn differing(
        &self,
        source: &dyn Source,
        layers: &[Layer],
        directory: &Path,
        paths: &[TreePath],
        observer: &dyn Observer,
    ) -> Result<BTreeSet<TreePath>, Failure> {
        let root = Root::open(directory).map_err(|error| Failure::io(directory.display(), error.into()))?;
        let mut differing = BTreeSet::new();
        let mut by_layer: BTreeMap<u32, BTreeMap<u64, Vec<&TreePath>>> = BTreeMap::new();
        for path in paths {
            match self.get(path).and_then(|item| item.place) {
                Some((layer, offset)) => {
                    by_layer.entry(layer).or_default().entry(offset).or_default().push(path);
                }
                None => drop(differing.insert(path.clone())),
            }
        }
        for (number, mut wanted) in by_layer {
            let layer = &layers[number as usize];
            let of_layer = |failure: Failure| match failure.class() {
                Class::Integrity => {
                    true_cause(source, layer, failure).at(format_args!("layer {}", layer.descriptor.digest))
                }
                _ => failure,
            };
            let mut reader = TarReader::new(glance(source, layer).map_err(of_layer)?);
            while !wanted.is_empty()
                && let Some(entry) = reader.next_entry().map_err(of_stream).map_err(of_layer)?
            {
                let Some(paths) = wanted.remove(&reader.offset()) else { continue };
                let same = same_content(&root, paths[0], &entry.kind, &mut reader.content(), observer);
                if !same.map_err(|error| of_layer(error.at(paths[0])))? {
                    differing.extend(paths.into_iter().cloned());
                }
            }
            // what the layer has nothing of cannot be the same
            differing.extend(wanted.into_values().flatten().cloned());
        }
        Ok(differing)
    }
}

fn same_content(
    root: &Root,
    path: &TreePath,
    kind: &Kind,
    content: &mut dyn BufRead,
    observer: &dyn Observer,
) -> Result<bool, Failure> {
    let Kind::File { size, pieces } = kind else { return Ok(false) };
    let file = root.open_file(path).map_err(|error| Failure::from(io::Error::from(error)))?;
    if !file.metadata()?.is_file() || file.metadata()?.len() != *size {
        return Ok(false);
    }
    let whole = [Piece { offset: 0, length: *size }];
    let mut buffer = vec![0; BUFFER];
    let mut at = 0;
    for piece in pieces.as_deref().unwrap_or(&whole) {
        if !are_zeros(&file, at, piece.offset, &mut buffer)? {
            return Ok(false);
        }
        at = piece.offset + piece.length;
        let mut offset = piece.offset;
        while offset < at {
            let expected = content.fill_buf().map_err(of_stream)?;
            if expected.is_empty() {
                return Err(of_stream(io::ErrorKind::UnexpectedEof.into()));
            }
            let count = expected.len().min(BUFFER).min(usize::try_from(at - offset).unwrap_or(BUFFER));
            if !is_there(&file, offset, &expected[..count], &mut buffer)? {
                return Ok(false);
            }
            content.consume(count);
            offset += count as u64;
            observer.advance(count as u64)?;
        }
    }
    Ok(are_zeros(&file, at, *size, &mut buffer)?)
}

fn is_there(file: &File, offset: u64, expected: &[u8], buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact_at(&mut buffer[..expected.len()], offset) {
        // it became shorter meanwhile
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        other => other.map(|()| buffer[..expected.len()] == *expected),
    }
}

fn are_zeros(file: &File, mut from: u64, to: u64, buffer: &mut [u8]) -> io::Result<bool> {
    while from < to {
        let count = buffer.len().min(usize::try_from(to - from).unwrap_or(usize::MAX));
        file.read_exact_at(&mut buffer[..count], from)?;
        if buffer[..count].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        from += count as u64;
    }
    Ok(true)
}
