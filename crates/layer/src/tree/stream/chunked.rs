//! A layer that is chunks: decoded side by side by its table, hashed on a thread of its own.

use super::VerifiedTar;
use crate::compress::{ChunkedBlob, Part, SideBySide};
use image_format::{Class, DiffId, Digest, DigestHasher, Failure, Layer};
use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// How many parts wait hashed: they hold memory that the decoders want, but who has them is not as even in its work.
const WAITING: usize = 3;
/// Bytes of the blob that are no chunk are read so many at a time.
const BUFFER: usize = 64 << 10;

pub(super) struct Chunked {
    layer: Layer,
    state: State,
    current: Option<Part>,
    position: usize,
}

enum State {
    /// Nothing has been read yet. What waits for its turn holds no memory.
    Waiting(Option<ChunkedBlob>),
    Running(Receiver<io::Result<Part>>, JoinHandle<Option<Hashes>>),
}

/// Digests of a whole layer.
struct Hashes {
    blob: Digest,
    diff_id: DiffId,
}

impl Chunked {
    /// Decoding starts with the first read.
    pub(super) fn new(blob: ChunkedBlob, layer: &Layer) -> Chunked {
        Chunked { layer: layer.clone(), state: State::Waiting(Some(blob)), current: None, position: 0 }
    }

    fn next(&mut self) -> io::Result<Option<Part>> {
        if let State::Waiting(blob) = &mut self.state
            && let Some(blob) = blob.take()
        {
            self.state = start(blob, &self.layer)?;
        }
        let State::Running(parts, _) = &self.state else { return Ok(None) };
        parts.recv().ok().transpose()
    }
}

fn start(blob: ChunkedBlob, layer: &Layer) -> io::Result<State> {
    let (hashed, parts) = sync_channel(WAITING);
    let hashing = Hashing::new(SideBySide::start(blob)?, layer);
    let hashing = thread::Builder::new().name("layer-hash".into()).spawn(move || hashing.run(&hashed))?;
    Ok(State::Running(parts, hashing))
}

impl VerifiedTar for Chunked {
    fn finish(self: Box<Self>) -> Result<DiffId, Failure> {
        let Chunked { state, current, layer, .. } = *self;
        let hashes = match state {
            State::Waiting(_) => None,
            State::Running(parts, hashing) => {
                // a thread that still has parts to give ends now
                drop((parts, current));
                hashing.join().ok().flatten()
            }
        };
        let hashes =
            hashes.ok_or_else(|| Failure::new(Class::Failed, "the layer was not read to its end"))?;
        if hashes.blob == layer.descriptor.digest {
            return Ok(hashes.diff_id);
        }
        Err(Failure::new(Class::Integrity, format_args!("its content's digest is {}", hashes.blob)))
    }
}

impl BufRead for Chunked {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.current.as_ref().is_none_or(|part| part.plain().len() == self.position) {
            // its room is needed
            self.current = None;
            self.position = 0;
            self.current = self.next()?;
        }
        Ok(self.current.as_ref().map_or(&[], |part| &part.plain()[self.position..]))
    }

    fn consume(&mut self, count: usize) {
        self.position += count;
    }
}

impl Read for Chunked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// What hashes the parts in their order, and the blob that they were decoded from.
struct Hashing {
    parts: SideBySide,
    diff_id: DigestHasher,
    blob: DigestHasher,
    /// How many bytes of the blob are hashed.
    hashed: u64,
}

impl Hashing {
    fn new(parts: SideBySide, layer: &Layer) -> Hashing {
        let diff_id = DigestHasher::new(layer.diff_id.digest().algorithm());
        let blob = DigestHasher::new(layer.descriptor.digest.algorithm());
        Hashing { parts, diff_id, blob, hashed: 0 }
    }

    /// Hands every part on once it is hashed. `None` where nobody wants them any more, or an error was the last.
    fn run(mut self, hashed: &SyncSender<io::Result<Part>>) -> Option<Hashes> {
        match self.hash_all(hashed) {
            Ok(all) => {
                all.then(|| Hashes { blob: self.blob.finish(), diff_id: DiffId::new(self.diff_id.finish()) })
            }
            Err(error) => {
                let _ = hashed.send(Err(error));
                None
            }
        }
    }

    fn hash_all(&mut self, hashed: &SyncSender<io::Result<Part>>) -> io::Result<bool> {
        self.hash_to(self.parts.blob().table().first_chunk_offset())?;
        while let Some(part) = self.parts.next()? {
            self.blob.update(part.compressed());
            self.hashed += part.compressed().len() as u64;
            self.diff_id.update(part.plain());
            if hashed.send(Ok(part)).is_err() {
                return Ok(false);
            }
        }
        self.hash_to(self.parts.blob().size())?;
        Ok(true)
    }

    /// Hashes what no part came from, up to byte `end` of the blob.
    fn hash_to(&mut self, end: u64) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        while self.hashed < end {
            let count = usize::try_from(end - self.hashed).unwrap_or(BUFFER).min(BUFFER);
            self.parts.blob().read(&mut buffer[..count], self.hashed)?;
            self.blob.update(&buffer[..count]);
            self.hashed += count as u64;
        }
        Ok(())
    }
}
