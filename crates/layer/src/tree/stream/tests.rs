use super::*;
use crate::tree::fixture::{Files, Heard};
use crate::{Compression, LayerWriter, Threads};
use image_format::{Descriptor, Digest, MediaType};
use std::io::Write;
use test_support::noise;

/// Several chunks' worth of tar; here it need not be one.
fn tar() -> Vec<u8> {
    [noise(1, 3_000_000), vec![0; 1_000_000], noise(2, 1_000_000)].concat()
}

fn blob(compression: &str, tar: &[u8]) -> Vec<u8> {
    let compression: Compression = compression.parse().unwrap();
    let mut layer = LayerWriter::new(Vec::new(), compression, Threads::default());
    layer.write_all(tar).unwrap();
    layer.finish().unwrap().1
}

/// What comes of reading a blob as a layer of these digests.
fn read(content: &[u8], blob: Digest, diff_id: Digest) -> Result<Vec<u8>, Failure> {
    let files = Files::new();
    let descriptor = Descriptor::new(MediaType::OciLayerGzip, blob, content.len() as u64);
    files.insert(&descriptor.digest, content);
    let layer = Layer { descriptor, diff_id: DiffId::new(diff_id) };
    let heard = Heard::default();
    let mut stream = LayerStream::open(&files, &layer, &heard)?;
    let mut plain = Vec::new();
    stream.read_to_end(&mut plain)?;
    assert_eq!(stream.finish()?, plain.len() as u64);
    assert_eq!(*heard.bytes.lock().unwrap(), plain.len() as u64);
    Ok(plain)
}

#[test]
fn a_layer_in_chunks_is_verified_on_both_sides() {
    let tar = tar();
    for compression in ["gzip", "zstd", "none"] {
        let blob = blob(compression, &tar);
        let (digest, diff_id, other) = (Digest::sha256(&blob), Digest::sha256(&tar), Digest::sha256(b""));
        assert!(read(&blob, digest, diff_id).unwrap() == tar, "{compression}");
        let failure = read(&blob, digest, other).unwrap_err();
        assert_eq!(failure.class(), Class::Integrity);
        assert!(failure.to_string().starts_with(&format!("unpacks to {diff_id}")), "{failure}");
        let failure = read(&blob, other, diff_id).unwrap_err();
        assert_eq!(failure.class(), Class::Integrity);
        assert!(failure.to_string().contains(&format!("digest is {digest}")), "{failure}");
    }
}

#[test]
fn digests_of_any_algorithm_are_verified() {
    use image_format::Algorithm::Sha512;
    let tar = tar();
    let blob = blob("gzip", &tar);
    assert!(read(&blob, Digest::of(Sha512, &blob), Digest::of(Sha512, &tar)).unwrap() == tar);
}

#[test]
fn what_is_changed_behind_the_chunks_is_noticed() {
    let tar = tar();
    let blob = blob("gzip", &tar);
    let digest = Digest::sha256(&blob);
    // of the member behind the data: its checksum, which no chunk comes from
    let table = crate::table::parse(&blob).unwrap();
    let data: u64 = table.chunks().iter().map(|chunk| u64::from(chunk.compressed)).sum();
    let mut changed = blob.clone();
    changed[data as usize + 13] ^= 1;
    let failure = read(&changed, digest, Digest::sha256(&tar)).unwrap_err();
    assert!(failure.to_string().contains("digest is"), "{failure}");
}

#[test]
fn a_glance_reads_the_same_bytes() {
    let tar = tar();
    let files = Files::new();
    for compression in ["gzip", "zstd", "none"] {
        let blob = blob(compression, &tar);
        let descriptor = Descriptor::new(MediaType::OciLayerGzip, Digest::sha256(&blob), blob.len() as u64);
        files.insert(&descriptor.digest, &blob);
        let layer = Layer { descriptor, diff_id: DiffId::new(Digest::sha256(&tar)) };
        let mut plain = Vec::new();
        glance(&files, &layer).unwrap().read_to_end(&mut plain).unwrap();
        assert!(plain == tar, "{compression}");
    }
}
