//! A blob whose digest is taken while somebody reads it.

use image_format::{Algorithm, Digest, DigestHasher};
use std::io::{self, Read};
use std::sync::{Arc, OnceLock};

/// Reads `R`. Its digest is there once the end was read, be it on another thread.
pub(crate) struct Hashing<R> {
    reader: R,
    hasher: Option<DigestHasher>,
    digest: Arc<OnceLock<Digest>>,
}

impl<R: Read> Hashing<R> {
    /// The reader, and where its digest will be.
    pub(crate) fn new(reader: R, algorithm: Algorithm) -> (Hashing<R>, Arc<OnceLock<Digest>>) {
        let digest = Arc::default();
        let hasher = Some(DigestHasher::new(algorithm));
        (Hashing { reader, hasher, digest: Arc::clone(&digest) }, digest)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if count > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&buffer[..count]);
            }
        } else if !buffer.is_empty()
            && let Some(hasher) = self.hasher.take()
        {
            let _ = self.digest.set(hasher.finish());
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_there_once_the_end_was_read() {
        let (mut reader, digest) = Hashing::new(&b"content"[..], Algorithm::Sha256);
        let mut buffer = [0; 7];
        reader.read_exact(&mut buffer).unwrap();
        assert_eq!(reader.read(&mut []).unwrap(), 0);
        assert_eq!(digest.get(), None, "more may come");
        assert_eq!(reader.read(&mut buffer).unwrap(), 0);
        assert_eq!(digest.get(), Some(&Digest::sha256(b"content")));
    }
}
