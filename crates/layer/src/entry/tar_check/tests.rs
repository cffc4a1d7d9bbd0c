use super::*;
use crate::entry::block::{BLOCK, MAX_EXTENSION};
use crate::entry::parser::MAX_TRAILING;
use crate::entry::pax;
use proptest::prelude::*;
use tar::Header;

/// A header block of this kind and size, with a valid checksum.
fn header(name: &str, kind: u8, size: u64) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkflag = [kind];
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut entry = header(name, kind, content.len() as u64);
    entry.extend_from_slice(content);
    entry.resize(entry.len().next_multiple_of(BLOCK), 0);
    entry
}

fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let body = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let mut length = body.len() + 1;
    while length != body.len() + length.to_string().len() {
        length = body.len() + length.to_string().len();
    }
    [length.to_string().into_bytes(), body].concat()
}

fn check(tar: &[u8]) -> Result<TarSummary, TarError> {
    let mut check = TarCheck::new();
    check.push(tar)?;
    check.finish()
}

fn entries(parts: &[Vec<u8>]) -> Result<u64, TarError> {
    check(&[parts.concat(), vec![0; 2 * BLOCK]].concat()).map(|summary| summary.entries)
}

#[test]
fn a_tar_of_files_counts_its_entries_and_names_the_first() {
    let tar = [entry("./a/b", b'0', b"hello"), entry("c", b'0', &[7; 1024]), vec![0; 10_240]].concat();
    let summary = check(&tar).unwrap();
    assert_eq!(
        summary,
        TarSummary { entries: 2, first_name: Some(b"./a/b".to_vec()), size: tar.len() as u64, ended: true }
    );
}

#[test]
fn the_first_name_is_there_as_soon_as_its_header_has_passed() {
    let tar = entry("oci-layout", b'0', b"{}");
    let mut check = TarCheck::new();
    check.push(&tar[..511]).unwrap();
    assert_eq!(check.first_name(), None);
    check.push(&tar[511..512]).unwrap();
    assert_eq!(check.first_name(), Some(&b"oci-layout"[..]));
}

#[test]
fn a_tar_of_zeros_alone_is_valid_and_empty() {
    for length in [512, 1024, 10_240] {
        assert_eq!(
            check(&vec![0; length]).unwrap(),
            TarSummary { entries: 0, first_name: None, size: length as u64, ended: true }
        );
    }
}

#[test]
fn a_tar_may_end_without_zeros_or_with_one_block_or_with_anything_behind_two() {
    let file = entry("a", b'0', b"x");
    assert_eq!(check(&file).unwrap().entries, 1);
    assert_eq!(check(&[file.clone(), vec![0; BLOCK]].concat()).unwrap().entries, 1);
    assert_eq!(check(&[file, vec![0; 2 * BLOCK], b"rubbish".to_vec()].concat()).unwrap().entries, 1);
}

#[test]
fn nothing_is_an_error_of_its_own() {
    assert_eq!(check(b""), Err(TarError::Empty));
    assert_eq!(TarError::Empty.to_string(), "empty input");
}

#[test]
fn what_is_no_tar_is_told_by_its_first_block_or_by_being_shorter() {
    for bytes in [&b"hello"[..], &[b'x'; 512], &[0xff; 4096], &[0; 100]] {
        assert_eq!(check(bytes), Err(TarError::NotTar));
    }
}

#[test]
fn a_spoilt_header_further_on_is_told_with_its_place() {
    let mut tar = [entry("a", b'0', b"x"), entry("b", b'0', b"y")].concat();
    tar[1024] ^= 1;
    assert_eq!(check(&tar), Err(TarError::Checksum(1024)));
}

#[test]
fn a_tar_cut_anywhere_but_between_entries_is_truncated() {
    let tar = [entry("a", b'0', &[1; 600]), header("d", b'5', 0)].concat();
    for length in 1..tar.len() {
        let result = check(&tar[..length]);
        match length {
            ..512 => assert_eq!(result, Err(TarError::NotTar)),
            1536 => assert_eq!(result.unwrap().entries, 1),
            _ => assert!(matches!(result, Err(TarError::Truncated { .. })), "{length}: {result:?}"),
        }
    }
}

#[test]
fn a_lone_block_of_zeros_is_refused() {
    let tar = [entry("a", b'0', b""), vec![0; BLOCK], entry("b", b'0', b"")].concat();
    assert_eq!(check(&tar), Err(TarError::LoneZeroBlock(512)));
}

#[test]
fn a_pax_size_counts_and_the_last_of_several_wins() {
    let pax = [record("size", b"1"), record("comment", b"\n9 size=7\n"), record("size", b"600")].concat();
    let mut file = header("a", b'0', 3);
    file.extend([9; 1024]);
    assert_eq!(entries(&[entry("x", b'x', &pax), file, entry("b", b'0', b"")]), Ok(2));
}

#[test]
fn a_newline_in_a_value_does_not_hide_the_size_behind_it() {
    // RUSTSEC-2026-0068's relative, still in tar 0.4.46: records split at newlines.
    let pax = [record("SCHILY.xattr.user.x", b"\n"), record("size", b"512")].concat();
    let hidden = header("evil", b'0', 0);
    assert_eq!(
        entries(&[entry("x", b'x', &pax), header("a", b'0', 0), hidden, entry("b", b'0', b"")]),
        Ok(2)
    );
}

#[test]
fn pax_sizes_that_are_no_sizes_are_refused() {
    for size in [&b""[..], b"-1", b"+5", b"1e3", b"9223372036854775807", b"99999999999999999999"] {
        let result = entries(&[entry("x", b'x', &record("size", size)), header("a", b'0', 0)]);
        assert_eq!(result, Err(TarError::Size(0)), "{size:?}");
    }
}

#[test]
fn the_first_name_is_the_long_one_or_the_pax_path() {
    let long = "d/".repeat(100);
    let gnu =
        [entry("././@LongLink", b'L', format!("{long}\0").as_bytes()), entry("d/d", b'0', b"")].concat();
    assert_eq!(check(&gnu).unwrap().first_name, Some(long.clone().into_bytes()));
    let pax = [entry("x", b'x', &record("path", long.as_bytes())), entry("d/d", b'0', b"")].concat();
    assert_eq!(check(&pax).unwrap().first_name, Some(long.into_bytes()));
}

#[test]
fn a_global_header_is_no_entry_and_may_not_set_a_size() {
    let global = entry("pax_global_header", b'g', &record("comment", b"0123"));
    let summary = check(&[global.clone(), entry("a", b'0', b"x")].concat()).unwrap();
    assert_eq!((summary.entries, summary.first_name), (1, Some(b"a".to_vec())));
    assert_eq!(check(&global).unwrap().entries, 0);
    assert_eq!(check(&entry("g", b'g', &record("size", b"5"))), Err(TarError::GlobalSize(0)));
}

#[test]
fn an_extended_header_with_nothing_behind_it_is_refused() {
    for kind in [b'x', b'L', b'K'] {
        assert_eq!(entries(&[entry("x", kind, &record("path", b"a"))]), Err(TarError::Dangling));
    }
}

#[test]
fn malformed_pax_records_are_refused_with_their_place() {
    let result = check(&entry("x", b'x', b"5 a=b\n"));
    assert_eq!(result, Err(TarError::Pax { offset: 0, error: pax::PaxError::Newline }));
}

#[test]
fn an_extended_header_above_a_mebibyte_is_refused_before_it_is_read() {
    for kind in *b"xgLKX" {
        let size = MAX_EXTENSION + 1;
        assert_eq!(check(&header("x", kind, size)), Err(TarError::ExtensionTooLong { offset: 0, size }));
    }
}

#[test]
fn sizes_in_base_256_count_and_those_too_big_are_refused() {
    let mut big = Header::from_byte_slice(&header("a", b'0', 0)).clone();
    for (size, result) in
        [(600u64, Ok(())), (u64::MAX / 2, Err(TarError::Size(0))), (u64::MAX, Err(TarError::Size(0)))]
    {
        let field = &mut big.as_old_mut().size;
        field.fill(0);
        field[0] = 0x80;
        field[4..].copy_from_slice(&size.to_be_bytes());
        big.set_cksum();
        let tar = [big.as_bytes().to_vec(), vec![1; 1024], entry("b", b'0', b"")].concat();
        assert_eq!(check(&tar).map(|summary| assert_eq!(summary.entries, 2)), result, "{size}");
    }
}

#[test]
fn a_negative_size_is_refused() {
    let mut negative = Header::from_byte_slice(&header("a", b'0', 0)).clone();
    negative.as_old_mut().size = [0xff; 12];
    negative.set_cksum();
    assert_eq!(check(negative.as_bytes()), Err(TarError::Size(0)));
}

#[test]
fn links_and_directories_have_no_content_whatever_their_size_says() {
    for kind in b'1'..=b'6' {
        assert_eq!(entries(&[header("a", kind, 4096), entry("b", b'0', b"x")]), Ok(2), "{}", kind as char);
    }
    assert_eq!(entries(&[header("old/", 0, 4096), entry("b", b'0', b"x")]), Ok(2));
}

#[test]
fn the_headers_of_an_old_sparse_file_are_followed() {
    let mut sparse = Header::from_byte_slice(&header("a", b'S', 600)).clone();
    let gnu = sparse.as_gnu_mut().unwrap();
    gnu.isextended = [1];
    gnu.realsize = *b"00000001130\0";
    gnu.sparse[0].offset = *b"00000000000\0";
    gnu.sparse[0].numbytes = *b"00000001130\0";
    sparse.set_cksum();
    let (mut more, last) = (vec![0; BLOCK], vec![0; BLOCK]);
    more[504] = 1;
    let tar = [sparse.as_bytes().to_vec(), more, last, vec![5; 1024]];
    assert_eq!(entries(&[tar.concat(), entry("b", b'0', b"")]), Ok(2));
    assert!(matches!(check(&tar[..2].concat()), Err(TarError::Truncated { missing: 1112, .. })));
}

#[test]
fn what_the_reader_refuses_is_refused_as_it_passes_by() {
    let with = |range: std::ops::Range<usize>, byte: u8| {
        let mut header = Header::from_byte_slice(&header("a", b'3', 0)).clone();
        header.as_mut_bytes()[range].fill(byte);
        header.set_cksum();
        check(header.as_bytes())
    };
    let number = |field| Err(TarError::Number { offset: 0, field });
    assert_eq!(with(100..107, b'9'), number("mode"));
    assert_eq!(with(108..115, b'x'), number("uid"));
    assert_eq!(with(136..147, b'8'), number("mtime"));
    assert_eq!(with(329..336, b'9'), number("device number"));
    assert_eq!(with(156..157, b'Z'), Err(TarError::UnknownType { offset: 0, kind: b'Z' }));
    let zero = [entry("x", b'x', &record("path", b"a\0b")), header("a", b'0', 0)].concat();
    assert_eq!(check(&zero), Err(TarError::ZeroByte { offset: 1024, field: "name" }));
    let trailing = [entry("a", b'0', b""), vec![0; 2 * BLOCK + MAX_TRAILING as usize + 1]].concat();
    assert_eq!(check(&trailing), Err(TarError::Trailing));
}

#[test]
fn as_a_writer_it_gives_its_error_as_the_source() {
    let error = TarCheck::new().write_all(&[b'x'; 512]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.get_ref().is_some_and(|inner| inner.is::<TarError>()));
}

proptest! {
    #[test]
    fn any_bytes_and_any_pieces_give_the_same_answer_and_no_panic(
        seed in proptest::collection::vec(any::<u8>(), 0..3000),
        steps in proptest::collection::vec(1usize..700, 1..10),
        kinds in proptest::collection::vec(0usize..9, 0..6),
    ) {
        let mut tar: Vec<u8> = kinds.iter().flat_map(|kind| entry("n", b"0x15LgKS7"[*kind], &seed)).collect();
        tar.extend(&seed);
        let mut streamed = TarCheck::new();
        let (mut rest, mut result) = (&tar[..], Ok(()));
        for step in steps.iter().cycle() {
            if rest.is_empty() || result.is_err() {
                break;
            }
            let (now, later) = rest.split_at(rest.len().min(*step));
            result = streamed.push(now);
            rest = later;
        }
        prop_assert_eq!(result.and_then(|()| streamed.finish()), check(&tar));
    }
}

#[test]
fn a_hard_link_of_a_tar_that_stands_alone_leads_to_an_entry_before_it() {
    let link = |target: &str| {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..4].copy_from_slice(b"link");
        header.as_old_mut().linkflag = [b'1'];
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_size(0);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let long =
        |target: &str| [entry("././@LongLink", b'K', format!("{target}\0").as_bytes()), link("cut")].concat();
    let pax =
        |target: &str| [entry("pax", b'x', &record("linkpath", target.as_bytes())), link("cut")].concat();
    let alone = |link: Vec<u8>| {
        let mut check = TarCheck::alone();
        check.push(&[entry("./etc/passwd", b'0', b"x"), link, vec![0; 2 * BLOCK]].concat())?;
        check.finish()
    };
    for target in ["etc/passwd", "./etc/passwd", "/etc/passwd"] {
        for link in [link(target), long(target), pax(target)] {
            assert_eq!(alone(link).unwrap().entries, 2, "{target}");
        }
    }
    for target in ["etc/shadow", "../etc/passwd", "etc", "/tmp/canary/victim"] {
        for link in [link(target), long(target), pax(target)] {
            // a layer may link to what is below it
            assert_eq!(entries(&[entry("a", b'0', b""), link.clone()]), Ok(2));
            let error = alone(link).unwrap_err();
            assert!(matches!(&error, TarError::LostLink { target: said, .. } if said == target), "{error}");
        }
    }
}
