use super::*;
use crate::compress::test_data::noise;
use proptest::prelude::*;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A megabyte that compresses a little.
fn plain() -> Vec<u8> {
    let mut plain = noise(5, 400_000);
    plain.resize(800_000, b'x');
    plain.extend(noise(6, 200_000));
    plain
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(plain: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(1));
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn xz(plain: &[u8], window: u32, block: Option<u64>) -> Vec<u8> {
    let mut options = lzma_rust2::XzOptions::with_preset(0);
    options.lzma_options.dict_size = window;
    options.set_block_size(block.and_then(std::num::NonZeroU64::new));
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// All forms but plain, each in one stream.
fn compressed(plain: &[u8]) -> [(Form, Vec<u8>); 4] {
    [
        (Form::Gzip, gzip(plain)),
        (Form::Zstd, zstd::bulk::compress(plain, 3).unwrap()),
        (Form::Xz, xz(plain, 1 << 20, Some(300_000))),
        (Form::Bzip2, bzip2(plain)),
    ]
}

/// Gives one byte at a time, as a slow pipe may.
struct Dribble<R>(R);

impl<R: Read> Read for Dribble<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

fn read_all(source: impl Read + Send + 'static) -> io::Result<(Form, Vec<u8>)> {
    let (form, mut reader) = decompress(source)?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    Ok((form, bytes))
}

#[test]
fn every_form_reads_as_the_same_bytes_with_and_without_a_thread() {
    let plain = plain();
    for (form, blob) in compressed(&plain).into_iter().chain([(Form::Plain, plain.clone())]) {
        let mut here = Vec::new();
        decompress_here(&blob[..]).unwrap().1.read_to_end(&mut here).unwrap();
        assert!(here == plain, "{form}");
        assert_eq!(read_all(Cursor::new(blob)).unwrap(), (form, plain.clone()));
    }
}

#[test]
fn every_form_reads_from_a_pipe_that_gives_a_byte_at_a_time() {
    let plain = noise(9, 5_000);
    for (form, blob) in compressed(&plain).into_iter().chain([(Form::Plain, plain.clone())]) {
        assert_eq!(read_all(Dribble(Cursor::new(blob))).unwrap(), (form, plain.clone()));
    }
}

#[test]
fn several_streams_in_a_row_are_one() {
    let (one, two) = (noise(1, 70_000), b"and more".to_vec());
    let whole = [one.clone(), two.clone()].concat();
    for ((form, first), (_, second)) in compressed(&one).into_iter().zip(compressed(&two)) {
        assert_eq!(read_all(Cursor::new([first, second].concat())).unwrap(), (form, whole.clone()));
    }
}

#[test]
fn zeros_behind_gzip_are_padding_and_anything_else_is_said() {
    let members = [gzip(b"one"), gzip(b" and two")].concat();
    for zeros in [1, 511, 100_000] {
        let padded = [&members[..], &vec![0; zeros]].concat();
        assert_eq!(read_all(Cursor::new(padded.clone())).unwrap().1, b"one and two");
        assert_eq!(read_all(Dribble(Cursor::new(padded))).unwrap().1, b"one and two");
    }
    for (behind, shown) in
        [(&b"hello"[..], "hello"), (b"\0\0\n", "\\n"), (&[0, 0x1f, 0x8b, 8], "\\x1f\\x8b\\x08")]
    {
        let error = read_all(Cursor::new([&members[..], behind].concat())).unwrap_err();
        let expected = format!("gzip stream is corrupt: bytes that are no gzip follow its end: \"{shown}\"");
        assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::InvalidData, expected));
    }
}

#[test]
fn nothing_is_plain_and_empty_and_so_is_each_form_of_nothing() {
    assert_eq!(read_all(io::empty()).unwrap(), (Form::Plain, vec![]));
    for (form, blob) in compressed(b"") {
        assert_eq!(read_all(Cursor::new(blob)).unwrap(), (form, vec![]));
    }
}

#[test]
fn a_zstd_stream_may_begin_with_a_skippable_frame() {
    let mut blob = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    blob.extend(zstd::bulk::compress(b"tar", 3).unwrap());
    assert_eq!(read_all(Cursor::new(blob)).unwrap(), (Form::Zstd, b"tar".to_vec()));
}

#[test]
fn a_stream_cut_anywhere_is_said_to_end_too_early_by_its_form() {
    let plain = noise(2, 300);
    for (form, blob) in compressed(&plain) {
        for length in Form::PREFIX..blob.len() {
            let error = read_all(Cursor::new(blob[..length].to_vec())).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("{form} stream ends too early"),
                "at {length} of {}",
                blob.len()
            );
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}

#[test]
fn a_changed_byte_in_the_middle_is_corruption_said_by_its_form() {
    let plain = plain();
    for (form, mut blob) in compressed(&plain) {
        let middle = blob.len() / 2;
        blob[middle] ^= 0x55;
        // zstd has no checksum by default: the change may pass as other bytes.
        match read_all(Cursor::new(blob)) {
            Ok((_, bytes)) => assert!(form == Form::Zstd && bytes != plain, "{form}"),
            Err(error) => assert!(error.to_string().starts_with(&format!("{form} stream ")), "{error}"),
        }
    }
}

#[test]
fn an_error_of_the_source_comes_through_as_it_is() {
    struct Breaks;
    impl Read for Breaks {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::ConnectionReset, "the wire broke"))
        }
    }
    for (form, blob) in compressed(&plain()) {
        let half = blob[..blob.len() / 2].to_vec();
        let error = read_all(Cursor::new(half).chain(Breaks)).unwrap_err();
        assert_eq!(
            (error.kind(), &*error.to_string()),
            (io::ErrorKind::ConnectionReset, "the wire broke"),
            "{form}"
        );
    }
}

#[test]
fn an_xz_block_that_wants_a_window_above_64_mib_is_refused_even_behind_a_good_one() {
    let good = xz(&noise(3, 10_000), 64 << 20, None);
    assert!(read_all(Cursor::new(good.clone())).is_ok());
    let mut bad = xz(b"x", 1 << 20, None);
    // Block header: size, flags, filter 0x21, one byte of properties: the window; its CRC is behind.
    assert_eq!(bad[14..16], [0x21, 1]);
    bad[16] = 40;
    for blob in [bad.clone(), [good, bad].concat()] {
        let error = read_all(Cursor::new(blob)).unwrap_err();
        assert_eq!(error.to_string(), "xz stream cannot be decoded: it needs a window of more than 64 MiB");
    }
}

#[test]
fn an_xz_of_many_blocks_and_streams_is_followed_to_its_end() {
    let plain = plain();
    let mut many = xz(&plain, 1 << 16, Some(65_537));
    many.extend([0; 8]);
    many.extend(xz(&plain, 1 << 20, Some(100_000)));
    assert!(read_all(Cursor::new(many)).unwrap().1 == plain.repeat(2));
}

#[test]
fn a_dropped_reader_ends_the_thread_and_drops_the_source() {
    struct Flag(Arc<AtomicBool>, Cursor<Vec<u8>>);
    impl Read for Flag {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1.read(buffer)
        }
    }
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let source = Flag(Arc::clone(&dropped), Cursor::new(gzip(&vec![0; 20_000_000])));
    let (_, mut reader) = decompress(source).unwrap();
    reader.read_exact(&mut [0; 10]).unwrap();
    drop(reader);
    for _ in 0..1000 {
        if dropped.load(Ordering::SeqCst) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the source was not dropped");
}

#[test]
fn after_an_error_there_is_no_end() {
    let blob = gzip(&noise(4, 1000));
    let (_, mut reader) = decompress_here(&blob[..500]).unwrap();
    assert!(reader.read_to_end(&mut Vec::new()).is_err());
    assert!(reader.read(&mut [0; 1]).is_err());
}

proptest! {
    #[test]
    fn any_bytes_behind_any_magic_are_read_without_a_panic(
        form in 0usize..4, cut in 0usize..60, bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut blob = compressed(b"some words, some words").into_iter().nth(form).unwrap().1;
        blob.truncate(Form::PREFIX + cut);
        blob.extend(bytes);
        let mut plain = Vec::new();
        let _ = decompress_here(&blob[..]).map(|(_, reader)| reader.take(1 << 20).read_to_end(&mut plain));
    }
}

#[test]
fn only_what_is_very_long_and_comes_out_of_next_to_nothing_is_a_bomb() {
    let named = |plain, compressed| Named {
        form: Form::Zstd,
        decoder: io::empty(),
        failed: false,
        count: Arc::new(AtomicU64::new(compressed)),
        plain,
    };
    assert!(!named(FREE, 1).is_bomb());
    assert!(!named(64 << 30, 64 << 20).is_bomb());
    assert!(named(64 << 30, 2 << 20).is_bomb());
    let error = named(64 << 30, 2 << 20).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().starts_with("zstd stream is a bomb: more than 8 GiB come out"), "{error}");
}
