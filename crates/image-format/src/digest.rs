//! Content addresses: an algorithm and the bytes of its hash, parsed once and then never a string.
//! Only registered algorithms get through, so that no text from outside becomes a path.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

/// How much of a stream is hashed at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// A hash algorithm that may name a blob.
///
/// Spec: image-spec, descriptor.md, "Registered algorithms".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Algorithm {
    /// SHA-256, what nearly every blob is named by.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// All algorithms, the usual one first.
    pub const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

    /// The algorithm's registered name, which is also its directory under `blobs/`.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// The length of a hash in bytes.
    pub fn length(self) -> usize {
        match self {
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// There is no `:` between algorithm and hash.
    #[error("digest {0:?}: no algorithm; expected sha256:<64 hex digits>")]
    NoAlgorithm(String),
    /// The algorithm is not one that is known here.
    #[error("digest {0:?}: unknown algorithm; expected sha256 or sha512")]
    UnknownAlgorithm(String),
    /// The hash has the wrong length or other characters than `0-9a-f`.
    #[error("digest {text:?}: expected {expected} lower-case hex digits after the colon")]
    NotHex {
        /// The text as given.
        text: String,
        /// How many digits the algorithm has.
        expected: usize,
    },
}

/// The digest of a blob: `sha256:…` or `sha512:…`.
///
/// Spec: image-spec, descriptor.md, "Digests".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: [u8; 64],
}

impl Digest {
    /// The digest of `content`.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Digest {
        let mut hasher = DigestHasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }

    /// The SHA-256 of `content`.
    pub fn sha256(content: &[u8]) -> Digest {
        Digest::of(Algorithm::Sha256, content)
    }

    /// The digest of all that is left in `reader`, in bounded memory.
    ///
    /// # Errors
    /// What reading gives.
    pub fn of_reader(algorithm: Algorithm, mut reader: impl Read) -> io::Result<Digest> {
        let mut hasher = DigestHasher::new(algorithm);
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(hasher.finish()),
                count => hasher.update(&buffer[..count]),
            }
        }
    }

    /// The algorithm that made this digest.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hash as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.length()]
    }

    /// The hash as lower-case hex, without the algorithm.
    pub fn hex(&self) -> String {
        let mut text = String::with_capacity(2 * self.algorithm.length());
        push_hex(&mut text, self.as_bytes());
        text
    }

    /// The first twelve hex digits, as docker shows an ID.
    pub fn short(&self) -> String {
        let mut text = self.hex();
        text.truncate(12);
        text
    }
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(7 + 2 * self.algorithm.length());
        text.push_str(self.algorithm.as_str());
        text.push(':');
        push_hex(&mut text, self.as_bytes());
        f.pad(&text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Digest, DigestError> {
        let (name, hex) = text.split_once(':').ok_or_else(|| DigestError::NoAlgorithm(text.to_owned()))?;
        let algorithm = Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or_else(|| DigestError::UnknownAlgorithm(text.to_owned()))?;
        let length = algorithm.length();
        let mut bytes = [0; 64];
        decode_hex(hex, &mut bytes[..length])
            .ok_or_else(|| DigestError::NotHex { text: text.to_owned(), expected: 2 * length })?;
        Ok(Digest { algorithm, bytes })
    }
}

fn decode_hex(hex: &str, bytes: &mut [u8]) -> Option<()> {
    if hex.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(())
}

/// Upper case is refused: two spellings of one digest would be two paths.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Hashes a stream; [`DigestHasher::finish`] gives its digest.
#[derive(Clone, Debug)]
pub struct DigestHasher(State);

#[derive(Clone, Debug)]
enum State {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl DigestHasher {
    /// A hasher that has seen nothing yet.
    pub fn new(algorithm: Algorithm) -> DigestHasher {
        DigestHasher(match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    /// Takes the next bytes of the stream.
    pub fn update(&mut self, content: &[u8]) {
        match &mut self.0 {
            State::Sha256(hasher) => hasher.update(content),
            State::Sha512(hasher) => hasher.update(content),
        }
    }

    /// The digest of all bytes taken.
    pub fn finish(self) -> Digest {
        let mut bytes = [0; 64];
        let algorithm = match self.0 {
            State::Sha256(hasher) => {
                bytes[..32].copy_from_slice(&hasher.finalize());
                Algorithm::Sha256
            }
            State::Sha512(hasher) => {
                bytes.copy_from_slice(&hasher.finalize());
                Algorithm::Sha512
            }
        };
        Digest { algorithm, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_digest_prints_as_it_was_parsed() {
        assert_eq!(EMPTY.parse::<Digest>().unwrap().to_string(), EMPTY);
        let long = Digest::of(Algorithm::Sha512, b"x").to_string();
        assert_eq!(long.parse::<Digest>().unwrap().to_string(), long);
    }

    #[test]
    fn the_empty_content_has_its_well_known_digest() {
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
    }

    #[test]
    fn a_stream_has_the_digest_of_its_bytes() {
        let content = vec![7; BUFFER_BYTES + 1];
        for algorithm in Algorithm::ALL {
            assert_eq!(Digest::of_reader(algorithm, &content[..]).unwrap(), Digest::of(algorithm, &content));
        }
    }

    #[test]
    fn an_unknown_algorithm_is_refused_before_it_becomes_a_path() {
        for text in ["sha384:00", "../../etc:00", "md5:d41d8cd98f00b204e9800998ecf8427e", "SHA256:00"] {
            assert_eq!(text.parse::<Digest>(), Err(DigestError::UnknownAlgorithm(text.to_owned())));
        }
    }

    #[test]
    fn upper_case_short_and_foreign_hex_is_refused() {
        let upper = EMPTY.to_uppercase().replace("SHA256", "sha256");
        for text in [&upper, &EMPTY[..70], "sha256:", &format!("{EMPTY}0"), "sha256:../../x"] {
            assert!(matches!(text.parse::<Digest>(), Err(DigestError::NotHex { .. })), "{text}");
        }
        assert!(matches!("e3b0".parse::<Digest>(), Err(DigestError::NoAlgorithm(_))));
    }
}
