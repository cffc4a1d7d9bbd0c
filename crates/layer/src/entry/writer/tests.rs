use super::*;
use std::process::{Command, Stdio};

fn file(path: &str, size: u64) -> Entry {
    Entry { path: path.into(), kind: Kind::File { size, pieces: None }, metadata: Metadata::default() }
}

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    for entry in entries {
        writer.append(entry, &mut &[b'x'; 4096][..]).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn what_ustar_can_hold_has_no_extended_header() {
    let mut entry = file(&format!("{}/{}", "d".repeat(150), "f".repeat(100)), 1);
    entry.metadata = Metadata {
        mode: 0o6755,
        uid: 0o7_777_777,
        mtime: Time::from_seconds((1 << 33) - 1),
        ..Metadata::default()
    };
    assert_eq!(tar(&[entry.clone()]).len(), 512 + 512 + 1024);
    entry.metadata.mtime = Time { seconds: -1, nanoseconds: 5 };
    assert_eq!(tar(&[entry]).len(), 1024 + 512 + 512 + 1024);
}

#[test]
fn content_that_ends_too_early_is_an_error_not_a_hole() {
    let error = TarWriter::new(Vec::new()).append(&file("a", 5), &mut &b"abc"[..]).unwrap_err();
    assert_eq!(error.to_string(), "content ends 2 bytes too early");
}

#[test]
fn a_device_number_that_no_header_holds_is_refused() {
    let kind = Kind::BlockDevice(Device { major: 1 << 21, minor: 0 });
    let entry = Entry { path: b"sda".to_vec(), kind, metadata: Metadata::default() };
    assert_eq!(
        TarWriter::new(Vec::new()).append(&entry, &mut &b""[..]).unwrap_err().kind(),
        io::ErrorKind::InvalidInput
    );
}

#[test]
fn a_file_of_nine_gibibytes_has_its_size_in_ustar_up_to_eight_and_in_a_record_above() {
    let size = |size| head(&file("big", size)).unwrap();
    assert_eq!(size(MAX_LONG).len(), 512);
    let above = size(MAX_LONG + 1);
    assert!(
        above[512..].starts_with(b"19 size=8589934592\n"),
        "{:?}",
        String::from_utf8_lossy(&above[512..540])
    );
}

/// What GNU tar says of it: `-rwsr-xr-x 3000000/1 1 1969-12-31 23:59:59 name`.
#[test]
fn gnu_tar_lists_it_as_it_was_meant() {
    let long = format!("{}/{}", "a".repeat(120), "b".repeat(150));
    let mut entry = file(&long, 1);
    entry.metadata = Metadata {
        mode: 0o4755,
        uid: 3_000_000,
        gid: 1,
        mtime: Time::from_seconds(-1),
        ..Metadata::default()
    };
    entry.metadata.xattrs.insert(b"user.note".to_vec(), b"\n1\0".to_vec());
    let link = Entry {
        path: b"l".to_vec(),
        kind: Kind::HardLink { target: long.clone().into() },
        metadata: Metadata::default(),
    };
    let pieces = vec![super::super::Piece { offset: 1 << 20, length: 5 }];
    let sparse = Entry {
        path: b"s".to_vec(),
        kind: Kind::File { size: 1 << 40, pieces: Some(pieces) },
        metadata: Metadata::default(),
    };
    let mut child = Command::new("tar")
        .args(["--utc", "--numeric-owner", "--full-time", "-tvf", "-"])
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&tar(&[entry, link, sparse])).unwrap();
    let output = child.wait_with_output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let words: Vec<Vec<&str>> = lines.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(output.status.success());
    assert_eq!(words[0], ["-rwsr-xr-x", "3000000/1", "1", "1969-12-31", "23:59:59", &long]);
    assert_eq!((words[1][5], &words[1][6..]), ("l", &["link", "to", &long[..]][..]));
    assert_eq!((words[2][2], words[2][5]), ("1099511627776", "s"));
}
