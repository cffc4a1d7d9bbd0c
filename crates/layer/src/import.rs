//! A tar from outside becomes a layer in a sink: decompressed, checked, compressed and hashed in one pass.

use crate::compress::{Compression, Threads, decompress};
use crate::entry::TarSummary;
use crate::failure::of_stream;
use crate::read_full::read_full;
use crate::store::store_layer;
use crate::tree::LayerCheck;
use image_format::{Failure, Layer, Observer, Sink};
use std::io::{self, Read};

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;

/// How a tar is imported.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions<'a> {
    /// What messages call the source.
    pub from: &'a str,
    /// How the layer is compressed.
    pub compression: Compression,
    /// How many threads compress; the layer's bytes do not depend on it.
    pub threads: Threads,
    /// Whether hard links may lead to files of other layers.
    pub links: Links,
}

/// Where the hard links of a tar may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// To entries before them: the tar is a whole root filesystem.
    Inside,
    /// To the layers below as well.
    Below,
}

impl ImportOptions<'_> {
    /// What is wrong with the source, and not with the sink.
    fn read_failure(&self, error: io::Error) -> Failure {
        of_stream(error).at(self.from)
    }
}

/// A layer that was imported, and what its tar was.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The layer, as it is stored.
    pub layer: Layer,
    /// The tar that it was made of.
    pub tar: TarSummary,
}

impl Imported {
    /// What whoever gave the tar may not expect of it.
    pub fn remark(&self) -> Option<&'static str> {
        match self.tar {
            TarSummary { entries: 0, .. } => Some("the tar has no entry; the image is empty"),
            TarSummary { ended: false, .. } => {
                Some("the tar ends without its end-of-archive blocks; it may be cut short")
            }
            _ => None,
        }
    }
}

/// Reads `source` to its end, a tar in any compression, and stores it as a layer.
///
/// `observer` hears of every piece of plain tar and may stop it. After an error the sink has nothing.
///
/// # Errors
/// The source is no tar or a broken one, or holds what cannot be unpacked; it cannot be read; the sink cannot be written.
pub fn import(
    source: impl Read + Send + 'static,
    sink: &dyn Sink,
    options: ImportOptions<'_>,
    observer: &dyn Observer,
) -> Result<Imported, Failure> {
    let (_, mut plain) = decompress(source).map_err(|error| options.read_failure(error))?;
    let mut summary = None;
    let layer = store_layer(sink, options.compression, options.threads, |layer| {
        let mut check = match options.links {
            Links::Inside => LayerCheck::alone(),
            Links::Below => LayerCheck::new(),
        };
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = read_full(&mut plain, &mut buffer).map_err(|error| options.read_failure(error))?;
            if count == 0 {
                break;
            }
            let piece = &buffer[..count];
            check.push(piece).map_err(|error| options.read_failure(error))?;
            layer.write_all(piece)?;
            observer.advance(piece.len() as u64)?;
        }
        summary = Some(check.finish().map_err(|error| options.read_failure(error))?);
        Ok(())
    })?;
    let tar = summary.ok_or_else(|| options.read_failure(io::ErrorKind::UnexpectedEof.into()))?;
    Ok(Imported { layer, tar })
}
