use super::*;
use crate::entry::block::{BLOCK, has_valid_checksum};
use crate::entry::parser::MAX_TRAILING;
use crate::entry::{Device, Kind, Metadata, TarCheck, TarError, TarWriter, Time};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tar::Header;

fn read(tar: &[u8]) -> io::Result<Vec<(Entry, Vec<u8>)>> {
    let mut reader = TarReader::new(tar);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut content = Vec::new();
        reader.content().read_to_end(&mut content)?;
        entries.push((entry, content));
    }
    reader.finish()?;
    Ok(entries)
}

fn error(tar: &[u8]) -> TarError {
    let error = read(tar).unwrap_err();
    *error.into_inner().unwrap().downcast().unwrap()
}

/// A header as any ustar writer makes it, changed by `change` before it is summed.
fn header(name: &[u8], kind: u8, size: u64, change: impl FnOnce(&mut [u8; BLOCK])) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.as_mut_bytes()[156] = kind;
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    change(header.as_mut_bytes());
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn pax(records: &[u8]) -> Vec<u8> {
    let mut block = header(b"PaxHeaders", b'x', records.len() as u64, |_| {});
    block.extend_from_slice(records);
    block.resize(block.len().next_multiple_of(BLOCK), 0);
    block
}

#[test]
fn content_that_is_not_read_is_skipped_and_the_end_of_the_source_is_reached() {
    let mut tar = header(b"a", b'0', 3, |_| {});
    tar.extend_from_slice(b"abc");
    tar.resize(1024, 0);
    tar.extend(header(b"b", b'0', 0, |_| {}));
    tar.resize(tar.len() + 10_240, 0);
    let mut reader = TarReader::new(&tar[..]);
    assert_eq!(reader.next_entry().unwrap().unwrap().path, b"a");
    assert_eq!(reader.offset(), 512);
    assert_eq!(reader.next_entry().unwrap().unwrap().path, b"b");
    assert!(reader.next_entry().unwrap().is_none());
    assert_eq!(reader.finish().unwrap(), tar.len() as u64);
}

#[test]
fn after_an_error_nothing_is_read_as_an_entry() {
    let mut tar = header(b"a", b'0', 0, |_| {});
    tar.extend([b'x'; 512]);
    tar.extend(header(b"smuggled", b'0', 0, |_| {}));
    let mut reader = TarReader::new(&tar[..]);
    reader.next_entry().unwrap();
    assert!(reader.next_entry().is_err());
    assert!(reader.next_entry().unwrap().is_none());
}

#[test]
fn the_size_of_an_extended_header_counts_whatever_stands_before_it() {
    let mut inner = header(b"smuggled", b'0', 0, |_| {});
    inner.resize(1024, 0);
    let mut tar = pax(b"27 SCHILY.xattr.user.a=\n\n\n\n13 size=1024\n");
    tar.extend(header(b"blob", b'0', 0, |_| {}));
    tar.extend(&inner);
    tar.extend(header(b"after", b'0', 0, |_| {}));
    let names: Vec<_> = read(&tar).unwrap().into_iter().map(|(entry, _)| entry.path).collect();
    assert_eq!(names, [b"blob".to_vec(), b"after".to_vec()]);
}

#[test]
fn what_is_no_number_no_owner_or_no_name_is_refused() {
    let number = |field| TarError::Number { offset: 0, field };
    let garbage = |range: std::ops::Range<usize>| header(b"a", b'0', 0, |block| block[range].fill(b'9'));
    assert_eq!(error(&garbage(100..107)), number("mode"));
    assert_eq!(error(&garbage(136..147)), number("mtime"));
    assert_eq!(error(&garbage(124..135)), TarError::Size(0));
    let all_ones = header(b"a", b'0', 0, |block| {
        block[108..116].copy_from_slice(b"\x80\0\0\0\xff\xff\xff\xff");
    });
    assert_eq!(error(&all_ones), number("uid"));
    let mut zero = pax(b"11 path=a\0\n");
    zero.extend(header(b"a", b'0', 0, |_| {}));
    assert_eq!(error(&zero), TarError::ZeroByte { offset: 1024, field: "name" });
    assert_eq!(error(&header(b"a", b'Z', 0, |_| {})), TarError::UnknownType { offset: 0, kind: b'Z' });
}

#[test]
fn old_and_odd_types_are_read_as_what_they_are() {
    for (name, kind, expected) in [
        (&b"dir/"[..], 0, Some(Kind::Directory)),
        (b"file", 0, Some(Kind::File { size: 0, pieces: None })),
        (b"slash/", b'0', Some(Kind::File { size: 0, pieces: None })),
        (b"contiguous", b'7', Some(Kind::File { size: 0, pieces: None })),
        (b"dumped/", b'D', Some(Kind::Directory)),
        (b"label", b'V', None),
    ] {
        let read = read(&header(name, kind, 0, |_| {})).unwrap();
        assert_eq!(read.into_iter().next().map(|(entry, _)| entry.kind), expected, "{name:?}");
    }
}

#[test]
fn what_follows_the_end_is_bounded() {
    let mut tar = header(b"a", b'0', 0, |_| {});
    tar.resize(tar.len() + 1024, 0);
    tar.resize(tar.len() + MAX_TRAILING as usize, 1);
    assert!(read(&tar).is_ok());
    tar.push(1);
    assert_eq!(error(&tar), TarError::Trailing);
}

#[test]
fn a_stream_cut_anywhere_is_no_whole_tar_and_the_check_agrees() {
    let mut tar = pax(b"14 path=long/\n");
    tar.extend(header(b"a", b'0', 700, |_| {}));
    tar.resize(tar.len() + 1024, 7);
    for length in (0..tar.len()).step_by(100) {
        let mut check = TarCheck::new();
        let checked = check.push(&tar[..length]).and_then(|()| check.finish().map(drop));
        let read = read(&tar[..length]).map(drop);
        assert_eq!(read.is_ok(), checked.is_ok(), "{length}");
        assert!(read.is_err(), "{length}");
    }
    assert_eq!(read(&tar).unwrap().len(), 1);
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => b'a'..=b'z', 1 => Just(b'/'), 1 => 1u8..=255];
    proptest::collection::vec(byte, 1..300)
}

fn kind() -> impl Strategy<Value = Kind> {
    let device = (0u32..2_097_152, 0u32..2_097_152).prop_map(|(major, minor)| Device { major, minor });
    let pieces = proptest::collection::vec((0u64..5000, 1u64..600), 0..30).prop_map(|gaps| {
        let mut end = 0;
        let piece = |(gap, length)| {
            let offset = end + gap;
            end = offset + length;
            crate::entry::Piece { offset, length }
        };
        let pieces: Vec<_> = gaps.into_iter().map(piece).collect();
        Kind::File { size: end + 77, pieces: Some(pieces) }
    });
    prop_oneof![
        (0u64..3000).prop_map(|size| Kind::File { size, pieces: None }),
        pieces,
        name().prop_map(|target| Kind::HardLink { target }),
        name().prop_map(|target| Kind::Symlink { target }),
        device.clone().prop_map(Kind::CharacterDevice),
        device.prop_map(Kind::BlockDevice),
        Just(Kind::Fifo),
        Just(Kind::Directory),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let owner = || prop_oneof![Just(0u32), 0..u32::MAX];
    let seconds = prop_oneof![0i64..2_000_000_000, -1i64 << 40..1 << 40];
    let xattr = (name(), proptest::collection::vec(any::<u8>(), 0..40));
    let xattrs = proptest::collection::btree_map(xattr.0, xattr.1, 0..3);
    let nanoseconds = prop_oneof![Just(0), 0u32..1_000_000_000];
    (name(), kind(), 0u32..=0o7777, owner(), owner(), (seconds, nanoseconds), xattrs).prop_map(
        |(mut path, kind, mode, uid, gid, (seconds, nanoseconds), xattrs)| {
            if kind == Kind::Directory && !path.ends_with(b"/") {
                path.push(b'/');
            }
            let xattrs: BTreeMap<_, _> = xattrs;
            let mtime = Time { seconds, nanoseconds };
            Entry { path, kind, metadata: Metadata { mode, uid, gid, mtime, xattrs } }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn what_is_written_is_read_as_the_same(entries in proptest::collection::vec(entry(), 0..8)) {
        let mut writer = TarWriter::new(Vec::new());
        let content: Vec<u8> = (0..=255).cycle().take(1 << 16).collect();
        for entry in &entries {
            writer.append(entry, &mut &content[..]).unwrap();
        }
        let tar = writer.finish().unwrap();
        let read = read(&tar).unwrap();
        for (read, written) in read.iter().zip(&entries) {
            prop_assert_eq!(&read.0, written);
            prop_assert_eq!(&read.1[..], &content[..written.stored_size() as usize]);
        }
        prop_assert_eq!(read.len(), entries.len());
    }

    #[test]
    fn whatever_the_bytes_the_check_says_what_the_reader_will_say(
        mut tar in proptest::collection::vec(entry(), 1..4).prop_map(|entries| {
            let mut writer = TarWriter::new(Vec::new());
            for entry in &entries {
                writer.append(entry, &mut &[0u8; 1 << 16][..]).unwrap();
            }
            writer.finish().unwrap()
        }),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..BLOCK, any::<u8>()), 0..6),
        steps in proptest::collection::vec(1usize..2000, 1..6),
    ) {
        let headers: Vec<usize> = (0..tar.len()).step_by(BLOCK).filter(|at| is_header(&tar[*at..])).collect();
        for (block, at, byte) in changes {
            tar[headers[block.index(headers.len())] + at] = byte;
        }
        for at in headers {
            sum(&mut tar[at..at + BLOCK]);
        }
        let mut check = TarCheck::new();
        let (mut rest, mut checked) = (&tar[..], Ok(()));
        for step in steps.iter().cycle() {
            if rest.is_empty() || checked.is_err() {
                break;
            }
            let (now, later) = rest.split_at(rest.len().min(*step));
            checked = check.push(now);
            rest = later;
        }
        match (checked.and_then(|()| check.finish()), read(&tar)) {
            (Ok(summary), Ok(entries)) => {
                prop_assert_eq!(summary.entries, entries.len() as u64);
                prop_assert_eq!(summary.first_name, entries.into_iter().next().map(|(entry, _)| entry.path));
            }
            (Err(checked), Err(read)) => prop_assert_eq!(io::Error::from(checked).to_string(), read.to_string()),
            (checked, read) => prop_assert!(false, "{checked:?}, but {read:?}"),
        }
    }
}

fn is_header(bytes: &[u8]) -> bool {
    bytes.first_chunk::<BLOCK>().is_some_and(|block| has_valid_checksum(Header::from_byte_slice(block)))
}

fn sum(block: &mut [u8]) {
    let mut header = Header::from_byte_slice(block).clone();
    header.set_cksum();
    block.copy_from_slice(header.as_bytes());
}
