//! Where the bytes of an archive's blob come from.

use crate::relayer::wrong;
use image_format::{Blob, Descriptor, Digest, Failure, Source};
use layer::{CompressingReader, Compression, Threads, decompress, of_stream};
use std::io::{self, Cursor, Read};
use std::sync::Arc;

/// A source that several images may share.
pub(crate) type Held = Arc<dyn Source + Send>;

/// Where a blob's bytes come from.
#[derive(Clone)]
pub(crate) enum Supply {
    /// A manifest, which was read already.
    Document(Arc<[u8]>),
    /// As they are.
    Copy(Held),
    /// This layer, decompressed.
    Plain(Held, Descriptor),
    /// This layer, decompressed, and compressed by gzip.
    Gzip(Held, Descriptor),
}

impl Supply {
    /// Opens the blob `descriptor`, which comes from here, at byte `from`.
    ///
    /// # Errors
    /// A layer is not there, or not in the form that its descriptor says.
    pub(crate) fn open(&self, descriptor: &Descriptor, from: u64) -> Result<Blob, Failure> {
        let mut blob = match self {
            Supply::Copy(source) => return source.open(descriptor, from),
            Supply::Document(bytes) => Blob::from_reader(Cursor::new(Arc::clone(bytes))),
            Supply::Plain(source, layer) => Blob::from_reader(plain(source.open(layer, 0)?, layer)?),
            Supply::Gzip(source, layer) => Blob::from_reader(gzip(source.open(layer, 0)?, layer)?),
        };
        io::copy(&mut (&mut blob).take(from), &mut io::sink())?;
        Ok(blob)
    }
}

/// `blob`, which is `layer`, decompressed, and compressed by gzip. Its errors name the layer.
pub(crate) fn gzip(
    blob: impl Read + Send + 'static,
    layer: &Descriptor,
) -> Result<CompressingReader<OfLayer>, Failure> {
    Ok(CompressingReader::new(plain(blob, layer)?, Compression::default(), Threads::default()))
}

/// The plain tar of `blob`, which is `layer`. Its errors name the layer.
fn plain(blob: impl Read + Send + 'static, layer: &Descriptor) -> Result<OfLayer, Failure> {
    let plain: Box<dyn Read + Send> = match layer.media_type.is_plain_layer() {
        true => Box::new(blob),
        false => decompress(blob).map_err(|error| corrupt(layer, error))?.1,
    };
    Ok(OfLayer { plain, digest: layer.digest })
}

fn corrupt(layer: &Descriptor, error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => wrong(layer, error),
        _ => Failure::io(layer.digest, error),
    }
}

/// The plain tar of the layer `digest`.
pub(crate) struct OfLayer {
    plain: Box<dyn Read + Send>,
    digest: Digest,
}

impl Read for OfLayer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.plain.read(buffer).map_err(|error| of_stream(error).at(self.digest).into())
    }
}
