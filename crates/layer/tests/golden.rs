//! The bytes of a layer are a contract (docs/layer-format.md): digests that no release may change but
//! with a new encoder number and a line in the CHANGELOG. Run in debug and in release.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use image_format::Digest;
use ociutils_layer::{Compression, Finished, LayerWriter, Threads};
use std::io::Write;
use std::num::NonZeroUsize;

fn threads(count: usize) -> Threads {
    Threads::new(NonZeroUsize::new(count).unwrap())
}

fn blob(plain: &[u8], compression: &str, count: usize, step: usize) -> (Finished, Vec<u8>) {
    let mut writer = LayerWriter::new(Vec::new(), compression.parse().unwrap(), threads(count));
    for part in plain.chunks(step) {
        writer.write_all(part).unwrap();
    }
    let (finished, blob) = writer.finish().unwrap();
    assert_eq!(finished.diff_id.digest(), &Digest::sha256(plain));
    assert_eq!((finished.plain_size, finished.compressed_size), (plain.len() as u64, blob.len() as u64));
    (finished, blob)
}

/// Text-like bytes, the same everywhere: words by a generator, in lines, with a run of zeros here and there.
fn corpus(length: usize) -> Vec<u8> {
    let (mut bytes, mut state) = (Vec::with_capacity(length + 4096), 1u64);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = state >> 52;
        bytes.extend_from_slice(
            format!("{:x}{}", word * word, if word % 11 == 0 { "\n" } else { " " }).as_bytes(),
        );
        if word == 77 {
            bytes.resize(bytes.len() + 3000, 0);
        }
    }
    bytes.truncate(length);
    bytes
}

/// Asserts digest and size; for the default levels with several numbers of threads and sizes of writes.
fn assert_golden(plain: &[u8], compression: &str, size: usize, digest: &str) {
    let all = [(3, 100_003), (1, usize::MAX), (2, 1 << 20), (4, 10_007), (16, 65_536)];
    let is_default = ["gzip", "gzip:5", "zstd:3"].contains(&compression);
    for (count, step) in &all[..if is_default { all.len() } else { 1 }] {
        let (_, blob) = blob(plain, compression, *count, *step);
        let got = (blob.len(), Digest::sha256(&blob).hex());
        assert_eq!(got, (size, digest.to_owned()), "{compression}, {count} threads");
    }
}

#[test]
fn an_empty_tar_is_70_bytes() {
    let digest = "4a0b222ee0bdceba1e4a43b6a0f2c03b5257a8a706ec037ba3ee5657e5a26ddd";
    assert_golden(b"", "gzip", 70, digest);
}

#[test]
fn the_smallest_tar_of_ten_thousand_zeros_is_155_bytes() {
    let digest = "1740c077730b91c13a6815d0358c2d927b28c8d2f89f9ef8049511703f1d4a56";
    assert_golden(&[0; 10_240], "gzip", 155, digest);
}

#[test]
fn nine_million_zeros_and_one_are_8956_bytes() {
    let digest = "1af3e8f4f442f54314c90c28032fc437078f43a8414c4dd3e475183c99862600";
    assert_golden(&vec![0; 9_000_001], "gzip:5", 8_956, digest);
}

/// Made by zlib-rs 0.6.8 under flate2 1.1.11.
#[test]
fn a_corpus_of_words_has_one_digest_a_gzip_level() {
    let corpus = corpus(7_000_000);
    for (level, size, digest) in GZIP_GOLDENS {
        assert_golden(&corpus, &format!("gzip:{level}"), size, digest);
    }
}

/// Made by zstd 0.13.3 (libzstd 1.5.7).
#[test]
fn zstd_has_one_digest_for_zeros_and_for_words() {
    for (plain, level, size, digest) in zstd_goldens() {
        assert_golden(&plain, &format!("zstd:{level}"), size, digest);
    }
}

/// Level, size of the blob, SHA-256 of the blob.
const GZIP_GOLDENS: [(u8, usize, &str); 8] = [
    (2, 2732089, "7fce680d8b16d6f054a45db9de622411d270e6be2f3e912d2f9091d265b3c928"),
    (3, 2630366, "a9200bda512c2b572836aa59e8ec161135898e24b25e9df34f1e2965aee09805"),
    (4, 2622510, "44f39d08470d3b220dd3f9589fadb702b3c0967385c12f23a5f10ae6affca8f2"),
    (5, 2597953, "dfe0d8e6b13a098410ce547c8b9c5bfee2673c060701f03ae756442d6dbb3814"),
    (6, 2597814, "a936b2a60a50ebfb33728bb41bbe35cc108e361746c789324b394642c79e24c1"),
    (7, 2585867, "b8e240efb618738714959e328775cdfca23535e3bceff59bd9d3417438a7a26f"),
    (8, 2585834, "91733c8ac22b3992387571ee1f0fd755b2af7f82a80067e825d057e8ca22f9a0"),
    (9, 2625083, "da6d99fbd9cefd837cf64720beb4e570fb3354659fcbb7ef1091320e7d1785e3"),
];

/// The tar, level, size of the blob, SHA-256 of the blob.
fn zstd_goldens() -> [(Vec<u8>, u8, usize, &'static str); 6] {
    let words = corpus(7_000_000);
    [
        (vec![], 3, 41, "517b0bb23c7bf62ec825d41300b22e80e60a3556e4a8dc9556f4aa202ea3f451"),
        (vec![0; 9_000_001], 3, 448, "4afcc70a172c3adc8884d18b42539a753c8845f5d7bd985a9d215f5807a33e39"),
        (words.clone(), 3, 2382606, "1b170d030db5588d80512d72e810f1d28e8db2bacee0f24e7a0814f6b0dba2ca"),
        (words.clone(), 1, 2649533, "573f66b728c0a10d7b7bcc21b378e3db192ada0b483552d3667be28ce6aaa6ae"),
        (words.clone(), 9, 2337543, "6f1d60e31b4378e63182dcf285018c1281da7bc1454593be07e603b64a8fb87d"),
        (words, 19, 2091172, "366bd87d23dea2a6b185e433e24feb5c0eb92b520937e643262ff63827713794"),
    ]
}

#[test]
fn a_plain_layer_is_the_tar_itself() {
    let corpus = corpus(100_000);
    let (finished, blob) = blob(&corpus, "none", 2, 999);
    assert_eq!(blob, corpus);
    assert_eq!(finished.encoder, None);
    assert_eq!(Compression::default(), Compression::Gzip(Default::default()));
}
