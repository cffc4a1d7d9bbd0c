//! A layer's way out and back, and what happens when it does not get to its end.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use ociutils_layer::{Compression, LayerWriter, Threads, decompress, find_table, unpacked_size};
use proptest::prelude::*;
use std::io::{self, Cursor, Read, Write};
use std::num::NonZeroUsize;
use std::sync::Arc;

fn threads(count: usize) -> Threads {
    Threads::new(NonZeroUsize::new(count).unwrap())
}

/// `length` bytes of which every third run of 1,000 compresses.
fn data(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = vec![0; length];
    for (at, byte) in bytes.iter_mut().enumerate() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = if at / 1000 % 3 == 0 { b'a' } else { (state >> 56) as u8 };
    }
    bytes
}

fn blob(plain: &[u8], compression: Compression, count: usize, steps: &[usize]) -> Vec<u8> {
    let mut writer = LayerWriter::new(Vec::new(), compression, threads(count));
    let mut rest = plain;
    for step in steps.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at(rest.len().min(*step));
        writer.write_all(now).unwrap();
        rest = later;
    }
    writer.finish().unwrap().1
}

fn gzip() -> Compression {
    Compression::default()
}

fn zstd() -> Compression {
    "zstd".parse().unwrap()
}

#[test]
fn a_reader_of_one_gzip_member_and_one_of_many_get_the_whole_tar() {
    let plain = data(1, 9_000_000);
    let blob = blob(&plain, gzip(), 2, &[1 << 20]);
    let (mut one, mut many) = (Vec::new(), Vec::new());
    flate2::read::GzDecoder::new(&blob[..]).read_to_end(&mut one).unwrap();
    flate2::read::MultiGzDecoder::new(&blob[..]).read_to_end(&mut many).unwrap();
    assert!(one == plain && many == plain);
}

#[test]
fn decompress_reads_every_compression_back() {
    for length in [0, 1, 262_144, 262_145, 5_000_000] {
        let plain = data(2, length);
        for compression in [gzip(), zstd(), Compression::None] {
            let mut back = Vec::new();
            let blob = blob(&plain, compression, 2, &[1 << 20]);
            decompress(Cursor::new(blob)).unwrap().1.read_to_end(&mut back).unwrap();
            assert!(back == plain, "{compression} {length}");
        }
    }
}

#[test]
fn the_table_of_a_blob_says_where_each_chunk_lies_and_each_inflates_alone() {
    let plain = data(3, 9_000_000);
    for compression in [gzip(), zstd()] {
        let blob = blob(&plain, compression, 2, &[1 << 20]);
        assert_eq!(unpacked_size(Cursor::new(&blob)).unwrap(), Some(9_000_000));
        let table = find_table(Cursor::new(&blob)).unwrap().unwrap();
        let (mut at, mut from) = (table.first_chunk_offset() as usize, 0);
        for chunk in table.chunks() {
            let bytes = &blob[at..at + chunk.compressed as usize];
            let mut back = vec![0; chunk.plain as usize];
            let length = match compression {
                Compression::Zstd(_) => zstd::bulk::decompress_to_buffer(bytes, &mut back).unwrap(),
                _ => flate2::read::DeflateDecoder::new(bytes)
                    .read_exact(&mut back)
                    .map(|()| back.len())
                    .unwrap(),
            };
            assert_eq!(length, back.len());
            assert!(back == plain[from..from + back.len()]);
            assert_eq!(xxhash_rust::xxh3::xxh3_128(&back), chunk.xxh3);
            (at, from) = (at + bytes.len(), from + back.len());
        }
        assert_eq!(from, plain.len());
    }
}

#[test]
fn a_plain_layer_has_no_table() {
    assert_eq!(unpacked_size(Cursor::new(blob(&[0; 10_240], Compression::None, 1, &[999]))).unwrap(), None);
}

/// Takes so many bytes, then fails.
#[derive(Debug)]
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_error_of_the_sink_comes_out_and_ends_the_layer() {
    for compression in [gzip(), zstd(), Compression::None] {
        let mut writer = LayerWriter::new(Full(2_000_000), compression, threads(4));
        let error = writer.write_all(&data(4, 90_000_000)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{compression}");
        assert!(writer.write_all(b"more").is_err());
        assert!(writer.finish().is_err());
    }
    let mut writer = LayerWriter::new(Full(10), gzip(), threads(4));
    writer.write_all(b"little").unwrap();
    assert_eq!(writer.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_writer_dropped_midway_drops_its_sink_and_waits_for_its_threads() {
    struct Sink(#[expect(dead_code, reason = "held for its count")] Arc<()>);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let count = Arc::new(());
    let mut writer = LayerWriter::new(Sink(Arc::clone(&count)), gzip(), threads(16));
    writer.write_all(&data(5, 30_000_000)).unwrap();
    drop(writer);
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn writers_side_by_side_do_not_mix() {
    let plain = data(6, 3_000_000);
    let expected = blob(&plain, gzip(), 1, &[1 << 20]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(blob(&plain, gzip(), 3, &[70_001]) == expected));
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_layer_is_the_same_with_any_threads_and_any_sizes_of_writes(
        seed: u64,
        length in 0usize..9_000_000,
        steps in proptest::collection::vec(1usize..2_000_000, 1..10),
        count in 2usize..20,
    ) {
        let plain = data(seed, length);
        for compression in [gzip(), zstd()] {
            prop_assert!(blob(&plain, compression, count, &steps) == blob(&plain, compression, 1, &[usize::MAX]));
        }
    }
}
