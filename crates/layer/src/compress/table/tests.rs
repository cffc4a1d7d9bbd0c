use super::*;
use crate::compress::table_writer::TableWriter;
use proptest::prelude::*;
use std::io::Cursor;

/// A blob of these chunks whose data is zeros: tables are read without looking at it.
fn blob(form: TableForm, chunks: &[Chunk]) -> Vec<u8> {
    let data: usize = chunks.iter().map(|chunk| chunk.compressed as usize).sum();
    let around = match form {
        TableForm::Gzip => 20,
        TableForm::Zstd if chunks.is_empty() => 9,
        TableForm::Zstd => 0,
    };
    let mut blob = vec![0; data + around];
    let mut writer = TableWriter::new(form, 0x0105);
    chunks.iter().for_each(|chunk| writer.push(*chunk));
    let plain = chunks.iter().map(|chunk| u64::from(chunk.plain)).sum();
    let table = writer.finish(blob.len() as u64, plain).unwrap();
    blob.extend_from_slice(&table);
    blob
}

fn chunks(count: usize) -> Vec<Chunk> {
    (0..count as u32)
        .map(|i| Chunk { compressed: 5 + i % 60, plain: 1 + i, xxh3: u128::from(i) << 99 })
        .collect()
}

/// A good blob of two chunks with `bytes` written at `from_end` bytes before its end.
fn spoilt(from_end: usize, bytes: &[u8]) -> Result<ChunkTable, TableError> {
    let mut blob = blob(TableForm::Gzip, &chunks(2));
    assert!(parse(&blob).is_ok());
    let start = blob.len() - from_end;
    blob[start..start + bytes.len()].copy_from_slice(bytes);
    assert!(find_table(Cursor::new(&blob)).unwrap().is_none());
    parse(&blob)
}

#[test]
fn a_table_reads_as_it_was_written_around_the_size_of_a_member() {
    for form in [TableForm::Gzip, TableForm::Zstd] {
        for count in [0, 1, 339, 340, 341, 680, 681, 1025] {
            let blob = blob(form, &chunks(count));
            let table = parse(&blob).unwrap();
            assert_eq!((table.form(), table.encoder(), table.chunks()), (form, 0x0105, &chunks(count)[..]));
            assert_eq!(find_table(Cursor::new(&blob)).unwrap(), Some(table.clone()));
            assert_eq!(unpacked_size(Cursor::new(&blob)).unwrap(), Some(table.plain_size()));
        }
    }
}

#[test]
fn the_lengths_of_the_last_member_and_frame_are_fixed() {
    assert_eq!(TableForm::Gzip.last_length(), LAST_MEMBER);
    assert_eq!(TableForm::Zstd.last_length(), LAST_FRAME);
}

#[test]
fn blobs_without_a_table_have_none_and_that_is_no_error() {
    for blob in [&b""[..], b"x", &[0; 32], &[0; 50], &[0x1f; 4096]] {
        assert_eq!(parse(blob), Err(TableError::NoTable));
        assert_eq!(unpacked_size(Cursor::new(blob)).unwrap(), None);
    }
}

#[test]
fn every_byte_of_the_last_member_that_is_fixed_is_checked() {
    for from_end in (35..=50).chain(33..=34).chain(1..=10) {
        assert_eq!(spoilt(from_end, &[0xaa]), Err(TableError::NoTable), "{from_end}");
    }
}

#[test]
fn the_encoders_number_is_free() {
    let mut blob = blob(TableForm::Gzip, &chunks(2));
    let start = blob.len() - 32;
    blob[start..start + 2].copy_from_slice(&0x1234u16.to_le_bytes());
    assert_eq!(parse(&blob).unwrap().encoder(), 0x1234);
}

#[test]
fn a_wrong_count_offset_or_size_of_the_blob_is_refused() {
    assert_eq!(spoilt(30, &3u32.to_le_bytes()), Err(TableError::Misplaced));
    assert_eq!(spoilt(30, &u32::MAX.to_le_bytes()), Err(TableError::TooManyChunks(u32::MAX)));
    assert_eq!(spoilt(26, &30u64.to_le_bytes()), Err(TableError::Misplaced));
    assert_eq!(spoilt(26, &u64::MAX.to_le_bytes()), Err(TableError::Misplaced));
    let mut longer = vec![0];
    longer.extend(blob(TableForm::Gzip, &chunks(2)));
    assert_eq!(parse(&longer), Err(TableError::Misplaced));
}

#[test]
fn a_wrong_length_of_the_tar_is_refused() {
    assert_eq!(spoilt(18, &4u64.to_le_bytes()), Err(TableError::PlainSum));
}

#[test]
fn a_malformed_table_member_is_refused() {
    // The member of two chunks is 78 bytes long and ends where the last member begins.
    for (from_end, bytes) in [
        (128, &[0x1e][..]),
        (125, &[0]),
        (118, &[0]),
        (116, b"X"),
        (114, &[9]),
        (112, &[2]),
        (111, b"E"),
        (110, &[3]),
        (60, &[0]),
        (51, &[1]),
    ] {
        assert_eq!(spoilt(from_end, bytes), Err(TableError::Malformed), "{from_end}");
    }
}

#[test]
fn chunks_of_impossible_lengths_are_refused() {
    for plain in [0, MAX_CHUNK as u32 + 1, u32::MAX] {
        assert_eq!(spoilt(104, &plain.to_le_bytes()), Err(TableError::Chunk(0)));
    }
    for compressed in [0, 4, 66, u32::MAX] {
        assert_eq!(spoilt(108, &compressed.to_le_bytes()), Err(TableError::Chunk(0)));
    }
}

#[test]
fn compressed_lengths_that_do_not_add_up_are_refused() {
    assert_eq!(spoilt(108, &6u32.to_le_bytes()), Err(TableError::CompressedSum));
}

#[test]
fn members_but_the_last_must_be_full() {
    let all = chunks(341);
    let good = blob(TableForm::Zstd, &all);
    let offset: usize = all.iter().map(|chunk| chunk.compressed as usize).sum();
    let mut bad = good[..offset].to_vec();
    for part in [&all[..1], &all[1..]] {
        let mut writer = TableWriter::new(TableForm::Zstd, 0);
        part.iter().for_each(|chunk| writer.push(*chunk));
        let table = writer.finish(0, 0).unwrap();
        bad.extend_from_slice(&table[..table.len() - LAST_FRAME]);
    }
    bad.extend_from_slice(&good[good.len() - LAST_FRAME..]);
    assert_eq!(bad.len(), good.len());
    assert_eq!(parse(&bad), Err(TableError::Count));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(blob in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&blob);
    }

    #[test]
    fn a_changed_byte_is_refused_or_leaves_a_table_that_adds_up(at in 0usize..200, value: u8) {
        let mut blob = blob(TableForm::Gzip, &chunks(3));
        let at = blob.len() - 1 - at % blob.len();
        blob[at] = value;
        if let Ok(table) = parse(&blob) {
            let sum: u64 = table.chunks().iter().map(|chunk| u64::from(chunk.plain)).sum();
            prop_assert_eq!(sum, table.plain_size());
        }
    }
}
