//! Blobs that arrive over several requests, perhaps of several processes: one file in `ingest/` each, which holds all
//! that is to be known of the upload.

use crate::layout::Layout;
use crate::storage::Part;
use crate::{Error, path};
use image_format::{Algorithm, Class, Descriptor, Digest, DigestHasher, Failure, MediaType, Mismatch};
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

/// The name of an upload: a random UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UploadId([u8; 16]);

impl UploadId {
    /// A new one that nobody can guess.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn random() -> io::Result<UploadId> {
        let mut bytes = [0; 16];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Ok(UploadId(bytes))
    }

    fn key(self) -> String {
        format!("{}/upload-{self}", path::INGEST)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            let dash = if matches!(position, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

/// The text is not the name of an upload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an upload's id; expected a UUID in lower case")]
pub struct UploadIdError;

impl FromStr for UploadId {
    type Err = UploadIdError;

    /// Only the one spelling that [`fmt::Display`] writes is taken, since the id becomes the name of a file.
    fn from_str(text: &str) -> Result<UploadId, UploadIdError> {
        let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let fits = text.len() == 36
            && text.bytes().enumerate().all(|(position, byte)| match position {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => hex(&byte),
            });
        let digits: String = text.chars().filter(|letter| *letter != '-').collect();
        match u128::from_str_radix(&digits, 16) {
            Ok(number) if fits => Ok(UploadId(number.to_be_bytes())),
            _ => Err(UploadIdError),
        }
    }
}

/// What has been hashed of an upload, kept between its requests so that nothing is read twice.
#[derive(Clone, Debug)]
pub struct UploadHash {
    hasher: DigestHasher,
    algorithm: Algorithm,
    length: u64,
}

/// An upload that is being written: nobody else writes it meanwhile. Dropped, it stays to be gone on with.
pub struct Upload {
    layout: Layout,
    id: UploadId,
    part: Box<dyn Part>,
    length: u64,
    hash: UploadHash,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("id", &self.id).field("length", &self.length).finish_non_exhaustive()
    }
}

impl Layout {
    /// Begins an upload.
    ///
    /// # Errors
    /// The layout cannot be written.
    pub fn begin_upload(&self) -> Result<Upload, Error> {
        loop {
            let id = UploadId::random().map_err(Error::io(self.path()))?;
            let key = id.key();
            if let Some(part) = self.storage.part(&key, false).map_err(Error::io(self.path().join(&key)))? {
                return Ok(Upload::new(self, id, part));
            }
        }
    }

    /// How many bytes of an upload have arrived; `None` where there is none of that id.
    ///
    /// # Errors
    /// The layout cannot be read.
    pub fn upload_length(&self, id: UploadId) -> Result<Option<u64>, Error> {
        let key = id.key();
        let stat = self.storage.stat(&key).map_err(Error::io(self.path().join(&key)))?;
        Ok(stat.map(|stat| stat.size))
    }

    /// Goes on with an upload.
    ///
    /// # Errors
    /// There is none of that id ([`Class::NotFound`]), or somebody writes it right now ([`Class::Conflict`]).
    pub fn open_upload(&self, id: UploadId) -> Result<Upload, Failure> {
        let key = id.key();
        match self.storage.part_again(&key) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Failure::new(Class::NotFound, format_args!("{id}: no such upload")))
            }
            Err(error) => Err(Error::io(self.path().join(&key))(error).into()),
            Ok(Some(part)) => Ok(Upload::new(self, id, part)),
            Ok(None) => {
                Err(Failure::new(Class::Conflict, format_args!("{id}: another request writes this upload")))
            }
        }
    }
}

impl Upload {
    fn new(layout: &Layout, id: UploadId, part: Box<dyn Part>) -> Upload {
        let hash = UploadHash::new(Algorithm::default());
        Upload { layout: layout.clone(), id, length: part.have(), part, hash }
    }

    /// Its name.
    pub fn id(&self) -> UploadId {
        self.id
    }

    /// How many bytes have arrived.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Says which algorithm [`Upload::finish`] will ask for. A guess that is wrong costs time only.
    pub fn expect(&mut self, algorithm: Algorithm) {
        if self.length == 0 {
            self.hash = UploadHash::new(algorithm);
        }
    }

    /// Takes up what an earlier request hashed.
    pub fn resume_hash(&mut self, hash: UploadHash) {
        if hash.length == self.length {
            self.hash = hash;
        }
    }

    /// What has been hashed so far, for [`Upload::resume_hash`].
    pub fn hash(&self) -> UploadHash {
        self.hash.clone()
    }

    /// Checks the bytes and makes them the blob `digest`. Bytes that are another blob are thrown away.
    ///
    /// # Errors
    /// The digest is another ([`Class::Integrity`]), or the blob cannot be stored.
    pub fn finish(mut self, digest: &Digest) -> Result<Descriptor, Failure> {
        let found = self.digest(digest.algorithm())?;
        if found != *digest {
            self.discard()?;
            return Err(Mismatch::Digest { found }.of(digest));
        }
        let key = path::blob(digest);
        let path = self.layout.path().join(&key);
        self.part.sync().map_err(Error::io(&path))?;
        crate::ingest::publish(&self.layout, self.part, &key)?;
        Ok(Descriptor::new(MediaType::from("application/octet-stream"), *digest, self.length))
    }

    /// Removes the upload.
    ///
    /// # Errors
    /// The layout cannot be written.
    pub fn discard(self) -> Result<(), Error> {
        let path = self.layout.path().join(self.id.key());
        self.part.discard().map_err(Error::io(path))
    }

    /// From what was hashed on the way or, where a restart lost that, from the file.
    fn digest(&self, algorithm: Algorithm) -> Result<Digest, Failure> {
        if self.hash.algorithm == algorithm && self.hash.length == self.length {
            return Ok(self.hash.hasher.clone().finish());
        }
        let key = self.id.key();
        let failed = |error| Failure::io(self.layout.path().join(&key).display(), error);
        let file = self.layout.storage.read(&key, 0).map_err(failed)?;
        Digest::of_reader(algorithm, file).map_err(failed)
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.part.write(bytes).map_err(|error| {
            let kind = error.kind();
            io::Error::new(kind, Failure::from(Error::io(self.layout.path())(error)))
        })?;
        if self.hash.length == self.length {
            self.hash.hasher.update(&bytes[..count]);
            self.hash.length += count as u64;
        }
        self.length += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.part.flush()
    }
}

impl UploadHash {
    fn new(algorithm: Algorithm) -> UploadHash {
        UploadHash { hasher: DigestHasher::new(algorithm), algorithm, length: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    fn layout() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(&dir.path().join("layout"), Options::default()).unwrap();
        (dir, layout)
    }

    #[test]
    fn an_id_is_a_uuid_in_one_spelling() {
        let id = UploadId::random().unwrap();
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            "",
            "..",
            "../../etc/passwd",
            "00000000-0000-4000-8000-00000000000",
            "00000000-0000-4000-8000-0000000000000",
            "00000000-0000-4000-8000-00000000000A",
            "00000000-0000-4000-8000-0000000000/0",
            "0000000000000-4000-8000-000000000000",
            "+0000000-0000-4000-8000-000000000000",
        ] {
            assert_eq!(text.parse::<UploadId>(), Err(UploadIdError), "{text}");
        }
    }

    #[test]
    fn an_upload_goes_on_where_another_process_left_it() {
        let (_dir, layout) = layout();
        let mut upload = layout.begin_upload().unwrap();
        let id = upload.id();
        upload.write_all(b"hello ").unwrap();
        assert_eq!(layout.open_upload(id).unwrap_err().class(), Class::Conflict);
        drop(upload);
        assert_eq!(layout.upload_length(id).unwrap(), Some(6));
        let mut upload = layout.open_upload(id).unwrap();
        upload.write_all(b"world").unwrap();
        for algorithm in Algorithm::ALL {
            assert_eq!(upload.digest(algorithm).unwrap(), Digest::of(algorithm, b"hello world"));
        }
        let digest = Digest::sha256(b"hello world");
        assert_eq!(upload.finish(&digest).unwrap().size, 11);
        assert_eq!(layout.read_small(&digest).unwrap(), b"hello world");
        assert_eq!(layout.open_upload(id).unwrap_err().class(), Class::NotFound);
    }

    #[test]
    fn a_hash_that_was_kept_is_taken_up_only_where_it_fits() {
        let (_dir, layout) = layout();
        let mut upload = layout.begin_upload().unwrap();
        let (id, empty) = (upload.id(), upload.hash());
        upload.write_all(b"ab").unwrap();
        let kept = upload.hash();
        drop(upload);
        let mut upload = layout.open_upload(id).unwrap();
        upload.resume_hash(empty);
        upload.resume_hash(kept);
        upload.write_all(b"c").unwrap();
        assert_eq!(upload.hash().length, 3);
        upload.finish(&Digest::sha256(b"abc")).unwrap();
    }

    #[test]
    fn bytes_of_another_digest_are_refused_and_gone() {
        let (_dir, layout) = layout();
        let mut upload = layout.begin_upload().unwrap();
        let id = upload.id();
        upload.write_all(b"ab").unwrap();
        let failure = upload.finish(&Digest::sha256(b"abc")).unwrap_err();
        assert_eq!(failure.class(), Class::Integrity);
        assert_eq!(layout.upload_length(id).unwrap(), None);
        assert!(layout.blobs().unwrap().is_empty());
    }
}
