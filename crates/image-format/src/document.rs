//! Small blobs that are held whole: manifests, indexes, configs.

use crate::{Class, Descriptor, Expected, Failure, Sink, Source, Verifier};
use std::io::{Read, Write};

/// The most bytes of a manifest or index that are read (distribution-spec allows registries to refuse more).
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// The most bytes of a config that are read.
pub const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// Reads a whole small blob and checks size and digest.
///
/// # Errors
/// It is longer than `limit`, or not what its descriptor says ([`Class::Integrity`]), or cannot be read.
pub fn read_verified(source: &dyn Source, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Failure> {
    let (digest, size) = (descriptor.digest, descriptor.size);
    if size > limit {
        let message = format_args!("{digest}: {size} bytes; expected at most {limit}");
        return Err(Failure::new(Class::Integrity, message));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    source
        .open(descriptor, 0)?
        .take(size + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io(digest, error))?;
    let mut verifier = Verifier::new(Expected::Descriptor(descriptor.clone()));
    verifier.update(&bytes).and_then(|()| verifier.finish()).map_err(|mismatch| mismatch.of(&digest))?;
    Ok(bytes)
}

/// Stores a small blob, unless it is there. Was it not?
///
/// # Errors
/// The bytes are not what `descriptor` says ([`Class::Integrity`]), or cannot be written.
pub fn store(sink: &dyn Sink, descriptor: &Descriptor, bytes: &[u8]) -> Result<bool, Failure> {
    if sink.missing(std::slice::from_ref(descriptor))?.is_empty() {
        return Ok(false);
    }
    let mut writer = sink.writer(Expected::Descriptor(descriptor.clone()))?;
    if writer.have() > 0 {
        writer.restart()?;
    }
    writer.write_all(bytes).map_err(Failure::from)?;
    writer.commit().map(|_| true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MediaType, MemoryStore};

    #[test]
    fn a_blob_is_read_only_if_it_is_what_its_descriptor_says() {
        let store = MemoryStore::new();
        let right = store.put(MediaType::OciConfig, *b"{}");
        assert_eq!(read_verified(&store, &right, 2).unwrap(), b"{}");
        assert_eq!(read_verified(&store, &right, 1).unwrap_err().class(), Class::Integrity);
        for wrong in [&b"{"[..], b"[]", b"{} ", b""] {
            store.insert(right.digest, wrong.to_vec());
            let failure = read_verified(&store, &right, 100).unwrap_err();
            assert_eq!(failure.class(), Class::Integrity, "{wrong:?}: {failure}");
        }
    }

    #[test]
    fn a_blob_is_stored_once_and_only_with_its_own_bytes() {
        let store = MemoryStore::new();
        let elsewhere = MemoryStore::new().put(MediaType::OciConfig, *b"{}");
        assert_eq!(super::store(&store, &elsewhere, b"[]").unwrap_err().class(), Class::Integrity);
        assert!(super::store(&store, &elsewhere, b"{}").unwrap());
        // it is there: nobody looks at these
        assert!(!super::store(&store, &elsewhere, b"[]").unwrap());
        assert_eq!(store.get(&elsewhere.digest).unwrap(), b"{}");
    }
}
