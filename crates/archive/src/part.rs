//! What became of one entry of an archive, before anybody knows what it is.

use image_format::{
    Algorithm, BlobWriter, Class, Descriptor, DiffId, Digest, DigestHasher, Expected, Failure, Layer,
    MediaType, Observer, Sink, store,
};
use layer::{Compression, Form, LayerWriter, Threads, begins_tar, decompress_here, of_stream, read_full};
use std::io::{Cursor, Read, Write};

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;

/// An entry's bytes, and where they are now.
pub(crate) struct Part {
    /// The length of the entry in bytes.
    pub(crate) size: u64,
    /// The digest of its bytes as they stood in the archive.
    pub(crate) digest: Digest,
    pub(crate) stored: Stored,
    /// What a layer unpacks to, once somebody has unpacked it.
    pub(crate) unpacked: Option<Box<DiffId>>,
}

/// Where an entry's bytes are.
pub(crate) enum Stored {
    /// A small one, or a document.
    Memory(Vec<u8>),
    /// The sink had this blob before.
    Here(Form),
    /// In the sink, without a name, as they stood in the archive.
    Verbatim(Form, Option<Box<dyn BlobWriter>>),
    /// In the sink, without a name, compressed anew.
    Layer(Box<WaitingLayer>),
}

/// A layer that was compressed on its way in.
pub(crate) struct WaitingLayer {
    /// Its blob is of OCI's media type.
    pub(crate) layer: Layer,
    /// Gone once it is committed.
    pub(crate) writer: Option<Box<dyn BlobWriter>>,
}

/// How parts are stored.
#[derive(Clone, Copy)]
pub(crate) struct Storing<'a> {
    pub(crate) sink: &'a dyn Sink,
    /// `None`: plain layers stay plain.
    pub(crate) compression: Option<Compression>,
    pub(crate) threads: Threads,
    pub(crate) observer: &'a dyn Observer,
}

impl Storing<'_> {
    /// Stores what looks like a plain layer compressed, and everything else as it is.
    ///
    /// `digest` is what the entry claims; a blob that the sink has by this name is not stored again.
    pub(crate) fn store(
        &self,
        content: &mut (dyn Read + Send),
        size: u64,
        digest: Option<Digest>,
        is_layer: Option<bool>,
    ) -> Result<Part, Failure> {
        let mut start = vec![0; 512];
        let length = read_full(content, &mut start).map_err(of_stream)?;
        start.truncate(length);
        let form = Form::of(&start);
        let plain_layer = match is_layer {
            Some(is_layer) => is_layer && form == Form::Plain,
            None => form == Form::Plain && begins_tar(&start),
        };
        // nobody's layers are in these forms; an entry that says its digest is no layer, then
        let foreign = matches!(form, Form::Xz | Form::Bzip2) && digest.is_none();
        let mut whole = Cursor::new(start).chain(content);
        match self.compression.unwrap_or(Compression::None) {
            compression if plain_layer && compression != Compression::None => {
                self.compress(&mut whole, size, digest, compression)
            }
            compression if foreign => {
                let algorithm = Algorithm::Sha256;
                let mut hashed = Hashed { source: whole, hasher: DigestHasher::new(algorithm) };
                let (_, mut plain) = decompress_here(&mut hashed).map_err(of_stream)?;
                let waiting = self.layer(&mut plain, compression, |_| {})?;
                drop(plain);
                self.pump(&mut hashed, &mut std::io::sink())?;
                Ok(Part::new(size, hashed.hasher.finish(), Stored::Layer(Box::new(waiting))))
            }
            _ => self.verbatim(&mut whole, size, digest, form),
        }
    }

    /// Stores an entry as it is.
    pub(crate) fn verbatim(
        &self,
        content: &mut dyn Read,
        size: u64,
        digest: Option<Digest>,
        form: Form,
    ) -> Result<Part, Failure> {
        if let Some(digest) = digest {
            let blob = Descriptor::new(MediaType::from("application/octet-stream"), digest, size);
            if self.sink.missing(std::slice::from_ref(&blob))?.is_empty() {
                return Ok(Part::new(size, digest, Stored::Here(form)));
            }
        }
        let algorithm = digest.map_or(Algorithm::Sha256, |digest| digest.algorithm());
        let mut writer = self.sink.writer(Expected::Algorithm(algorithm))?;
        self.pump(content, &mut writer)?;
        let found = writer.so_far().0;
        Ok(Part::new(size, found, Stored::Verbatim(form, Some(writer))))
    }

    fn compress(
        &self,
        content: &mut dyn Read,
        size: u64,
        digest: Option<Digest>,
        compression: Compression,
    ) -> Result<Part, Failure> {
        let other = digest.map(|digest| digest.algorithm()).filter(|it| *it != Algorithm::Sha256);
        let mut hasher = other.map(DigestHasher::new);
        let waiting = self.layer(content, compression, |piece| {
            if let Some(hasher) = &mut hasher {
                hasher.update(piece);
            }
        })?;
        let digest = hasher.map_or(*waiting.layer.diff_id.digest(), DigestHasher::finish);
        Ok(Part::new(size, digest, Stored::Layer(Box::new(waiting))))
    }

    /// Compresses a plain tar into the sink; `hear` gets every piece of it.
    pub(crate) fn layer(
        &self,
        plain: &mut dyn Read,
        compression: Compression,
        mut hear: impl FnMut(&[u8]),
    ) -> Result<WaitingLayer, Failure> {
        let writer = self.sink.writer(Expected::Algorithm(Algorithm::Sha256))?;
        let mut layer = LayerWriter::new(writer, compression, self.threads);
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = read_full(plain, &mut buffer).map_err(of_stream)?;
            if count == 0 {
                break;
            }
            hear(&buffer[..count]);
            layer.write_all(&buffer[..count]).map_err(Failure::from)?;
            self.observer.advance(count as u64)?;
        }
        let (finished, writer) = layer.finish().map_err(Failure::from)?;
        let (digest, size) = writer.so_far();
        let descriptor = Descriptor::new(compression.media_type(), digest, size);
        let layer = Layer { descriptor, diff_id: finished.diff_id };
        Ok(WaitingLayer { layer, writer: Some(writer) })
    }

    fn pump(&self, from: &mut dyn Read, to: &mut dyn Write) -> Result<(), Failure> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = read_full(from, &mut buffer).map_err(of_stream)?;
            if count == 0 {
                return Ok(());
            }
            to.write_all(&buffer[..count]).map_err(Failure::from)?;
            self.observer.advance(count as u64)?;
        }
    }
}

/// Hashes what is read.
struct Hashed<R> {
    source: R,
    hasher: DigestHasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

impl Part {
    pub(crate) fn new(size: u64, digest: Digest, stored: Stored) -> Part {
        Part { size, digest, stored, unpacked: None }
    }

    /// The form of its bytes; `None` where they were plain and are compressed by now.
    pub(crate) fn form(&self) -> Option<Form> {
        match &self.stored {
            Stored::Memory(bytes) => Some(Form::of(bytes)),
            Stored::Here(form) | Stored::Verbatim(form, _) => Some(*form),
            Stored::Layer(_) => None,
        }
    }

    /// Gives a blob its name: the entry's own bytes, or the layer that they became.
    pub(crate) fn commit(&mut self, sink: &dyn Sink) -> Result<(), Failure> {
        let writer = match &mut self.stored {
            Stored::Here(_) => return Ok(()),
            Stored::Memory(bytes) => {
                let kind = MediaType::from("application/octet-stream");
                return store(sink, &Descriptor::new(kind, self.digest, self.size), bytes).map(drop);
            }
            Stored::Verbatim(_, writer) => writer,
            Stored::Layer(waiting) => &mut waiting.writer,
        };
        writer.take().map_or(Ok(()), |writer| writer.commit().map(drop))
    }

    /// The digest of the blob that [`Part::commit`] names.
    pub(crate) fn blob(&self) -> Digest {
        match &self.stored {
            Stored::Layer(waiting) => waiting.layer.descriptor.digest,
            _ => self.digest,
        }
    }

    /// Its bytes, as far as they can be read again: those of a layer that was compressed are its plain ones.
    pub(crate) fn read(&mut self) -> Result<Box<dyn Read + Send + '_>, Failure> {
        let blob = match &mut self.stored {
            Stored::Memory(bytes) => return Ok(Box::new(&bytes[..])),
            Stored::Verbatim(_, Some(writer)) => return Ok(Box::new(writer.read_back()?)),
            Stored::Layer(waiting) => waiting.writer.as_mut().map(|writer| writer.read_back()).transpose()?,
            Stored::Here(_) | Stored::Verbatim(_, None) => None,
        };
        let blob = blob.ok_or_else(|| Failure::new(Class::Failed, "cannot be read again").at(self.digest))?;
        Ok(decompress_here(blob).map_err(of_stream)?.1)
    }
}
