//! An archive as a sink: what is known of the images first, then their blobs as they come.

use crate::docker_rows::{self, MANIFEST_JSON};
use crate::format::Format;
use crate::index_rows::{self, INDEX_JSON, LAYOUT_MARKER, OCI_LAYOUT};
use crate::output::Output;
use image_format::{
    BlobWriter, Class, Descriptor, Digest, Expected, Failure, FileRange, ImageName, Mismatch, Observer,
    Platform, Root, Sink, Verifier,
};
use layer::{Entry, Kind, Metadata};
use std::cmp::Ordering as CmpOrdering;
use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a block of tar.
const BLOCK: usize = 512;
/// What is wrong once a blob was begun and did not become what it was announced as.
const NOT_WHOLE: &str = "the archive is not whole";

/// Writes one archive. Blobs come one after the other, each once; their writers must be told what to expect.
///
/// The same images in the same order give the same bytes.
#[derive(Debug)]
pub struct ArchiveWriter {
    format: Format,
    platform: Option<Platform>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    output: Output,
    written: HashSet<Digest>,
    /// A blob was begun and did not become what it was announced as.
    broken: bool,
}

impl ArchiveWriter {
    /// An archive on `output`; a docker-archive holds one `platform` of each image, or else the host's.
    pub fn new(output: Output, format: Format, platform: Option<Platform>) -> ArchiveWriter {
        let state = State { output, written: HashSet::new(), broken: false };
        ArchiveWriter { format, platform, state: Arc::new(Mutex::new(state)) }
    }

    /// The archive will not be finished: makes sure that no reader takes it for whole.
    pub fn break_off(&self) {
        self.state().output.break_off();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn document(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let mut entry = head(name, content.len() as u64).map_err(Failure::from)?;
        entry.extend_from_slice(content);
        entry.resize(entry.len().next_multiple_of(BLOCK), 0);
        self.state().output.write_all(&entry).map_err(Failure::from)
    }
}

/// Of a file of root's, 0644, of 1970, so that equal images are equal archives.
fn head(name: &str, size: u64) -> io::Result<Vec<u8>> {
    let metadata = Metadata { mode: 0o644, ..Metadata::default() };
    Entry { path: name.as_bytes().to_vec(), kind: Kind::File { size, pieces: None }, metadata }.head()
}

/// How many zeros follow a content of this length.
fn padding(size: u64) -> usize {
    usize::try_from(size.next_multiple_of(BLOCK as u64) - size).unwrap_or(0)
}

/// A thread that panicked in here left an archive behind that is not finished.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink for ArchiveWriter {
    fn begin(&self, images: &[Root]) -> Result<(), Failure> {
        let rows = docker_rows::rows(images, self.format, self.platform.as_ref());
        let rows = serde_json::to_vec(&rows).map_err(|error| Failure::new(Class::Failed, error))?;
        if self.format != Format::Docker {
            self.document(OCI_LAYOUT, LAYOUT_MARKER)?;
            self.document(INDEX_JSON, &index_rows::index(images))?;
        }
        if self.format != Format::Oci {
            self.document(MANIFEST_JSON, &rows)?;
        }
        Ok(())
    }

    fn missing<'a>(&self, descriptors: &'a [Descriptor]) -> Result<Vec<&'a Descriptor>, Failure> {
        let state = self.state();
        Ok(descriptors.iter().filter(|descriptor| !state.written.contains(&descriptor.digest)).collect())
    }

    fn writer(&self, expected: Expected) -> Result<Box<dyn BlobWriter>, Failure> {
        let Expected::Descriptor(blob) = expected else {
            return Err(Failure::new(Class::Failed, "an archive says a blob's size before its bytes"));
        };
        let verifier = Verifier::new(Expected::Descriptor(blob.clone()));
        let entry = self.format.entry(&blob);
        Ok(Box::new(EntryWriter { state: Arc::clone(&self.state), entry, blob, verifier, taken: None }))
    }

    /// Writes the end of the archive.
    fn finish(&self) -> Result<(), Failure> {
        let mut state = self.state();
        if state.broken {
            return Err(Failure::new(Class::Failed, NOT_WHOLE));
        }
        state.output.write_all(&[0; 2 * BLOCK]).map_err(Failure::from)?;
        state.output.flush().map_err(Failure::from)
    }

    /// The names were said before the first blob.
    fn name(&self, _: Option<&ImageName>, _: &Descriptor) -> Result<(), Failure> {
        Ok(())
    }
}

/// Writes one blob's entry.
struct EntryWriter {
    state: Arc<Mutex<State>>,
    entry: String,
    blob: Descriptor,
    verifier: Verifier,
    /// What a file's bytes were, which the verifier has not seen.
    taken: Option<Digest>,
}

impl EntryWriter {
    fn size(&self) -> u64 {
        if self.taken.is_some() { self.blob.size } else { self.verifier.size() }
    }

    fn begin(&self, state: &mut State) -> io::Result<()> {
        if self.size() == 0 {
            if std::mem::replace(&mut state.broken, true) {
                return Err(io::Error::other(NOT_WHOLE));
            }
            state.output.write_all(&head(&self.entry, self.blob.size)?)?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Mismatch> {
        match self.taken {
            None => self.verifier.finish().map(drop),
            Some(found) if found == self.blob.digest => Ok(()),
            Some(found) => Err(Mismatch::Digest { found }),
        }
    }
}

impl Write for EntryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.verifier.admit(bytes.len()).map_err(|mismatch| mismatch.of(&self.blob.digest))?;
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut state = lock(&self.state);
        self.begin(&mut state)?;
        state.output.write_all(bytes)?;
        self.verifier.update(bytes).map_err(|mismatch| mismatch.of(&self.blob.digest))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for EntryWriter {
    fn restart(&mut self) -> Result<(), Failure> {
        match self.size() {
            0 => Ok(()),
            _ => Err(Failure::new(Class::Failed, "what is in an archive cannot be taken back")),
        }
    }

    fn take_file(&mut self, range: &FileRange, observer: &dyn Observer) -> Result<bool, Failure> {
        if self.size() > 0 || range.length == 0 {
            return Ok(false);
        }
        let (found, expected) = (range.length, self.blob.size);
        let mismatch = match found.cmp(&expected) {
            CmpOrdering::Less => Some(Mismatch::Shorter { found, expected }),
            CmpOrdering::Greater => Some(Mismatch::Longer { expected }),
            CmpOrdering::Equal => None,
        };
        if let Some(mismatch) = mismatch {
            return Err(mismatch.of(&self.blob.digest));
        }
        let mut state = lock(&self.state);
        self.begin(&mut state).map_err(Failure::from)?;
        self.taken = Some(state.output.copy(range, self.blob.digest.algorithm(), observer)?);
        Ok(true)
    }

    fn so_far(&self) -> (Digest, u64) {
        self.taken.map_or_else(|| self.verifier.so_far(), |digest| (digest, self.blob.size))
    }

    fn commit(self: Box<Self>) -> Result<Descriptor, Failure> {
        self.check().map_err(|mismatch| mismatch.of(&self.blob.digest))?;
        let mut state = lock(&self.state);
        self.begin(&mut state).map_err(Failure::from)?;
        state.output.write_all(&[0; BLOCK][..padding(self.blob.size)]).map_err(Failure::from)?;
        state.broken = false;
        state.written.insert(self.blob.digest);
        drop(state);
        Ok(self.blob)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_format::MediaType;

    #[test]
    fn behind_a_blob_that_broke_nothing_is_written_any_more() {
        let archive = ArchiveWriter::new(Output::writer(io::sink()), Format::Oci, None);
        let blob = Descriptor::new(MediaType::OciLayer, Digest::sha256(b"ab"), 2);
        let mut broken = archive.writer(Expected::Descriptor(blob.clone())).unwrap();
        broken.write_all(b"a").unwrap();
        let mut again = archive.writer(Expected::Descriptor(blob)).unwrap();
        assert_eq!(again.write_all(b"ab").unwrap_err().to_string(), NOT_WHOLE);
        assert_eq!(archive.finish().unwrap_err().to_string(), NOT_WHOLE);
    }
}
