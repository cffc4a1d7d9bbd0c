use super::*;
use crate::compress::table::{self, TableForm};
use crate::compress::table_writer::TableWriter;
use crate::compress::test_data::noise;
use crate::compress::writer::LayerWriter;
use std::io::Write;

/// Noise with quiet in between: about six chunks.
fn tar() -> Vec<u8> {
    [noise(1, 4_000_000), vec![0; 3_000_000], noise(2, 2_000_001)].concat()
}

fn blob(compression: &str, tar: &[u8]) -> Vec<u8> {
    let mut layer = LayerWriter::new(Vec::new(), compression.parse().unwrap(), Threads::default());
    layer.write_all(tar).unwrap();
    layer.finish().unwrap().1
}

/// The blob with a table that says of `chunk` and the one behind it what `lie` makes of it.
fn with_lie(blob: &[u8], chunk: usize, lie: impl Fn(&mut Chunk, &mut Chunk)) -> Vec<u8> {
    let table = table::parse(blob).unwrap();
    let mut chunks = table.chunks().to_vec();
    let [first, second] = &mut chunks[chunk..chunk + 2] else { panic!("two chunks are two") };
    lie(first, second);
    let compressed: u64 = chunks.iter().map(|chunk| u64::from(chunk.compressed)).sum();
    let data = compressed + if table.form() == TableForm::Gzip { 20 } else { 0 };
    let mut writer = TableWriter::new(table.form(), table.encoder());
    chunks.into_iter().for_each(|chunk| writer.push(chunk));
    let mut lying = blob[..data as usize].to_vec();
    lying.extend(writer.finish(data, table.plain_size()).unwrap());
    lying
}

fn open(blob: &[u8]) -> SideBySide {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(blob).unwrap();
    let size = blob.len() as u64;
    let blob = Blob::from_file(FileRange { file, offset: 0, length: size }).unwrap();
    SideBySide::start(ChunkedBlob::of(&blob, size).unwrap().unwrap()).unwrap()
}

fn read(blob: &[u8]) -> io::Result<Vec<u8>> {
    let (mut parts, mut plain) = (open(blob), Vec::new());
    while let Some(part) = parts.next()? {
        plain.extend_from_slice(part.plain());
    }
    Ok(plain)
}

#[test]
fn the_parts_are_the_tar_in_its_order() {
    let tar = tar();
    for compression in ["gzip", "zstd"] {
        let blob = blob(compression, &tar);
        assert!(table::parse(&blob).unwrap().chunks().len() > 4);
        assert!(read(&blob).unwrap() == tar, "{compression}");
    }
}

#[test]
fn the_compressed_bytes_of_all_parts_are_the_data_of_the_blob() {
    let blob = blob("gzip", &tar());
    let (mut parts, mut compressed) = (open(&blob), Vec::new());
    while let Some(part) = parts.next().unwrap() {
        compressed.extend_from_slice(part.compressed());
    }
    assert!(blob[10..].starts_with(&compressed) && blob[10 + compressed.len()..].starts_with(&[3, 0]));
}

#[test]
fn a_table_that_lies_costs_time_and_nothing_else() {
    let tar = tar();
    for compression in ["gzip", "zstd"] {
        let blob = blob(compression, &tar);
        for chunk in [0, 2] {
            let cuts = with_lie(&blob, chunk, |first, second| {
                first.compressed += 7;
                second.compressed -= 7;
            });
            assert!(read(&cuts).unwrap() == tar, "{compression} {chunk}");
            let lengths = with_lie(&blob, chunk, |first, second| {
                first.plain -= 1;
                second.plain += 1;
            });
            assert!(read(&lengths).unwrap() == tar, "{compression} {chunk}");
        }
    }
}

#[test]
fn a_broken_chunk_is_the_error_that_one_stream_would_give() {
    let mut blob = blob("gzip", &tar());
    // a block of a type that is none
    blob[10] = 0xff;
    let error = read(&blob).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().starts_with("gzip stream is corrupt"), "{error}");
}

#[test]
fn an_error_of_the_disk_is_said_and_not_taken_for_a_wrong_table() {
    let blob = blob("gzip", &tar());
    let directory = tempfile::tempdir().unwrap();
    let file = File::open(directory.path()).unwrap();
    let table = table::parse(&blob).unwrap();
    let mut parts = SideBySide::start(ChunkedBlob { file, size: blob.len() as u64, table }).unwrap();
    assert_eq!(parts.next().err().unwrap().kind(), io::ErrorKind::IsADirectory);
    assert!(parts.rest.is_none() && !parts.shared.lock().stopped, "nothing was tried as one stream");
}

#[test]
fn a_blob_that_is_another_file_than_its_size_says_has_no_chunks() {
    let blob = blob("gzip", &tar());
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&blob).unwrap();
    let size = blob.len() as u64;
    let range = |offset, length| FileRange { file: file.try_clone().unwrap(), offset, length };
    for (range, size) in [(range(0, size), size + 1), (range(0, size - 1), size), (range(1, size), size)] {
        assert!(ChunkedBlob::of(&Blob::from_file(range).unwrap(), size).unwrap().is_none());
    }
    assert!(ChunkedBlob::of(&Blob::from_reader(io::Cursor::new(blob)), size).unwrap().is_none());
}

#[test]
fn dropped_early_it_ends_its_threads() {
    let mut parts = open(&blob("gzip", &tar()));
    let kept = parts.next().unwrap();
    let shared = Arc::clone(&parts.shared);
    drop((parts, kept));
    assert_eq!(Arc::strong_count(&shared), 1);
}
