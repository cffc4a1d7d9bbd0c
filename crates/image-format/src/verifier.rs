//! Bytes that pass, hashed and counted, and compared with what was to come.

use crate::{Class, Descriptor, Digest, DigestHasher, Expected, Failure, MediaType};

/// How bytes differ from what their descriptor says. It displays without its object; see [`Mismatch::of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// More bytes came.
    #[error("more bytes than its descriptor says; expected {expected}")]
    Longer {
        /// What the descriptor says, in bytes.
        expected: u64,
    },
    /// They ended too early.
    #[error("ended after {found} bytes; expected {expected}")]
    Shorter {
        /// What came, in bytes.
        found: u64,
        /// What the descriptor says, in bytes.
        expected: u64,
    },
    /// They are as many, and others.
    #[error("the content's digest is {found}")]
    Digest {
        /// The digest of what came.
        found: Digest,
    },
}

impl Mismatch {
    /// The failure ([`Class::Integrity`]) of the blob that was to be `digest`.
    pub fn of(self, digest: &Digest) -> Failure {
        Failure::new(Class::Integrity, self).at(digest)
    }
}

/// Hashes and counts the bytes of one blob.
#[derive(Clone, Debug)]
pub struct Verifier {
    expected: Expected,
    hasher: DigestHasher,
    size: u64,
}

impl Verifier {
    /// A verifier of bytes that are to be `expected`; none has come yet.
    pub fn new(expected: Expected) -> Verifier {
        Verifier { hasher: DigestHasher::new(expected.algorithm()), expected, size: 0 }
    }

    /// What is to come.
    pub fn expected(&self) -> &Expected {
        &self.expected
    }

    /// How many bytes have come.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digest and the length of what has come.
    pub fn so_far(&self) -> (Digest, u64) {
        (self.hasher.clone().finish(), self.size)
    }

    /// Forgets what has come.
    pub fn restart(&mut self) {
        *self = Verifier::new(self.expected.clone());
    }

    /// May so many more bytes come?
    ///
    /// # Errors
    /// [`Mismatch::Longer`].
    pub fn admit(&self, count: usize) -> Result<(), Mismatch> {
        match self.expected.size() {
            Some(expected) if self.size + count as u64 > expected => Err(Mismatch::Longer { expected }),
            _ => Ok(()),
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Mismatch::Longer`]; then none of these counts.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Mismatch> {
        self.admit(bytes.len())?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// What has come, if it is what was to come. A blob that was not announced is `application/octet-stream`.
    ///
    /// # Errors
    /// [`Mismatch::Shorter`], which costs no hash, or [`Mismatch::Digest`].
    pub fn finish(&self) -> Result<Descriptor, Mismatch> {
        if let Some(expected) = self.expected.size()
            && self.size < expected
        {
            return Err(Mismatch::Shorter { found: self.size, expected });
        }
        let found = self.hasher.clone().finish();
        match &self.expected {
            Expected::Algorithm(_) => {
                Ok(Descriptor::new(MediaType::from("application/octet-stream"), found, self.size))
            }
            Expected::Descriptor(expected) if expected.digest == found => Ok(expected.clone()),
            Expected::Descriptor(_) => Err(Mismatch::Digest { found }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    fn verify(expected: &Expected, parts: &[&[u8]]) -> Result<Descriptor, Mismatch> {
        let mut verifier = Verifier::new(expected.clone());
        parts.iter().try_for_each(|part| verifier.update(part))?;
        verifier.finish()
    }

    #[test]
    fn only_the_very_bytes_are_what_was_to_come() {
        for algorithm in Algorithm::ALL {
            let digest = Digest::of(algorithm, b"hello");
            let right = Descriptor::new(MediaType::OciLayer, digest, 5);
            let expected = Expected::Descriptor(right.clone());
            assert_eq!(verify(&expected, &[b"he", b"", b"llo"]), Ok(right));
            assert_eq!(verify(&expected, &[b"hell"]), Err(Mismatch::Shorter { found: 4, expected: 5 }));
            assert_eq!(verify(&expected, &[b"hello", b"!"]), Err(Mismatch::Longer { expected: 5 }));
            let found = Digest::of(algorithm, b"Hello");
            assert_eq!(verify(&expected, &[b"Hello"]), Err(Mismatch::Digest { found }));
            let any = verify(&Expected::Algorithm(algorithm), &[b"hel", b"lo"]).unwrap();
            assert_eq!((any.digest, any.size), (digest, 5));
        }
    }

    #[test]
    fn bytes_that_are_too_many_do_not_count_and_a_restart_forgets_the_rest() {
        let right = Descriptor::new(MediaType::OciLayer, Digest::sha256(b"ab"), 2);
        let mut verifier = Verifier::new(Expected::Descriptor(right));
        verifier.update(b"x").unwrap();
        assert_eq!(verifier.update(b"yz"), Err(Mismatch::Longer { expected: 2 }));
        assert_eq!(verifier.size(), 1);
        verifier.restart();
        verifier.update(b"ab").unwrap();
        verifier.finish().unwrap();
    }
}
