//! Our reader of tars against Python's `tarfile`, on archives that GNU tar and Python write: every entry the same.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use ociutils_layer::{Entry, Kind, Metadata, Piece, TarReader, TarWriter};
use proptest::prelude::*;
use rustix::fs::XattrFlags;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

/// Prints one line an entry: name, type, mode, owner, whole seconds, link and hash of the whole content.
const PYTHON_READS: &str = r#"
import sys, tarfile, hashlib, math
t = tarfile.open(fileobj=sys.stdin.buffer, mode="r|", encoding="utf-8", errors="surrogateescape")
raw = lambda text: text.encode("utf-8", "surrogateescape").hex()
for m in t:
    kind = {b"0": "file", b"\0": "file", b"7": "file", b"S": "file", b"1": "hard", b"2": "sym", b"3": "char", b"4": "block", b"5": "dir", b"6": "fifo"}[m.type]
    data = hashlib.sha256()
    if kind == "file":
        f = t.extractfile(m)
        while piece := f.read(1 << 20): data.update(piece)
    x = "".join(sorted("%s=%s;" % (k[13:], raw(v)) for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr.")))
    device = "%d:%d" % (m.devmajor, m.devminor) if kind in ("char", "block") else "-"
    link = raw(m.linkname) if kind in ("hard", "sym") else ""
    print(raw(m.name.rstrip("/")), kind, oct(m.mode & 0o7777), m.uid, m.gid, math.floor(m.mtime), link, device, data.hexdigest() if kind == "file" else "-", x)
"#;

fn as_python_reads(tar: &[u8]) -> String {
    let mut child = python(&["-c", PYTHON_READS]);
    let mut stdin = child.stdin.take().unwrap();
    let tar = tar.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&tar));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn python(args: &[&str]) -> std::process::Child {
    let mut command = Command::new("python3");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 is there")
}

fn as_we_read(tar: &[u8]) -> String {
    let mut reader = TarReader::new(tar);
    let mut lines = String::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        let mut stored = Vec::new();
        reader.content().read_to_end(&mut stored).unwrap();
        lines.push_str(&line(&entry, &stored));
    }
    lines
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn line(entry: &Entry, stored: &[u8]) -> String {
    let (mut link, mut device, mut hash) = (String::new(), "-".to_owned(), "-".to_owned());
    let kind = match &entry.kind {
        Kind::File { size, pieces } => {
            let mut whole = vec![0; *size as usize];
            let mut at = 0;
            match pieces {
                None => whole.copy_from_slice(stored),
                Some(pieces) => pieces.iter().for_each(|piece| {
                    let (start, length) = (piece.offset as usize, piece.length as usize);
                    whole[start..start + length].copy_from_slice(&stored[at..at + length]);
                    at += length;
                }),
            }
            hash = hex(&Sha256::digest(&whole));
            "file"
        }
        Kind::HardLink { target } => {
            link = hex(target);
            "hard"
        }
        Kind::Symlink { target } => {
            link = hex(target);
            "sym"
        }
        Kind::CharacterDevice(numbers) | Kind::BlockDevice(numbers) => {
            device = format!("{}:{}", numbers.major, numbers.minor);
            if matches!(entry.kind, Kind::BlockDevice(_)) { "block" } else { "char" }
        }
        Kind::Fifo => "fifo",
        Kind::Directory => "dir",
    };
    let end = entry.path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let meta = &entry.metadata;
    let xattr =
        |(name, value): (&Vec<u8>, &Vec<u8>)| format!("{}={};", String::from_utf8_lossy(name), hex(value));
    let xattrs: String = meta.xattrs.iter().map(xattr).collect();
    let (name, mode, seconds) = (hex(&entry.path[..end]), meta.mode, meta.mtime.seconds);
    let (uid, gid) = (meta.uid, meta.gid);
    format!("{name} {kind} 0o{mode:o} {uid} {gid} {seconds} {link} {device} {hash} {xattrs}\n")
}

/// A tree with whatever tars find hard.
fn odd_tree(root: &Path) {
    fs::create_dir_all(root.join("d/e")).unwrap();
    fs::write(root.join("d/plain"), "plain\n").unwrap();
    fs::write(root.join("d").join("l".repeat(200)), "long\n").unwrap();
    let deep = root.join("p".repeat(120)).join("q".repeat(120));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("r".repeat(90)), "deep\n").unwrap();
    fs::hard_link(deep.join("r".repeat(90)), root.join("zz-link")).unwrap();
    symlink("s".repeat(180), root.join("sym")).unwrap();
    fs::write(root.join(std::ffi::OsStr::new("caf\u{e9}\n")), "name\n").unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, root.join("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    assert!(fs::metadata(root.join("fifo")).unwrap().file_type().is_fifo());
    let mut sparse = File::create(root.join("sparse")).unwrap();
    for at in 0..30 {
        sparse.seek(SeekFrom::Start(at << 17)).unwrap();
        sparse.write_all(format!("piece {at}").as_bytes()).unwrap();
    }
    sparse.set_len(5 << 20).unwrap();
    File::create(root.join("hole")).unwrap().set_len(1 << 20).unwrap();
    let plain = root.join("d/plain");
    rustix::fs::setxattr(&plain, "user.note", b"one\ntwo\0\xff", XattrFlags::empty()).unwrap();
    rustix::fs::setxattr(&plain, "user.zero", b"", XattrFlags::empty()).unwrap();
}

fn gnu_tar(root: &Path, options: &[&str]) -> Vec<u8> {
    let output = Command::new("tar")
        .args(["--sort=name", "--owner=3000000", "--group=70000", "--mtime=@-5.25"])
        .args(options)
        .arg("-C")
        .arg(root)
        .args(["-c", "."])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn what_gnu_tar_writes_in_every_form_is_read_as_python_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    odd_tree(dir.path());
    for options in [
        &["--format=gnu", "--sparse"][..],
        &["--format=gnu"],
        &["--format=oldgnu", "--sparse"],
        &["--format=pax", "--sparse", "--sparse-version=0.0"],
        &["--format=pax", "--sparse", "--sparse-version=0.1"],
        &["--format=pax", "--sparse", "--sparse-version=1.0", "--xattrs"],
    ] {
        let tar = gnu_tar(dir.path(), options);
        assert_eq!(as_we_read(&tar), as_python_reads(&tar), "{options:?}");
    }
}

#[test]
fn fractions_of_a_second_before_1970_are_read_from_gnu_tar_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "").unwrap();
    let tar = gnu_tar(dir.path(), &["--format=pax"]);
    let mut reader = TarReader::new(&tar[..]);
    while let Some(entry) = reader.next_entry().unwrap() {
        assert_eq!((entry.metadata.mtime.seconds, entry.metadata.mtime.nanoseconds), (-6, 750_000_000));
    }
}

/// Writes a tar of the lines `NAME-HEX TYPE MODE UID GID MTIME LINK-HEX SIZE` in the form that its argument names.
const PYTHON_WRITES: &str = r#"
import sys, tarfile, io
form = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}[sys.argv[1]]
t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=form, encoding="utf-8", errors="surrogateescape")
for line in sys.stdin:
    name, kind, mode, uid, gid, mtime, link, size = line.rstrip("\n").split(" ")
    m = tarfile.TarInfo(bytes.fromhex(name).decode("utf-8", "surrogateescape"))
    m.type, m.mode, m.uid, m.gid, m.mtime = kind.encode(), int(mode), int(uid), int(gid), int(mtime)
    m.linkname = bytes.fromhex(link).decode("utf-8", "surrogateescape")
    m.size, m.devmajor, m.devminor = int(size), 8, 300
    t.addfile(m, io.BytesIO(b"x" * m.size))
t.close()
"#;

fn python_writes(form: &str, lines: &str) -> Vec<u8> {
    let mut child = python(&["-c", PYTHON_WRITES, form]);
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// One such line; `most` bounds the lengths of names and sizes of numbers that the form can hold.
fn python_line(long: bool) -> impl Strategy<Value = String> {
    let (most, owners) = if long { (400, 4_000_000_000u32) } else { (90, 2_000_000) };
    let byte = prop_oneof![9 => b'a'..=b'z', 1 => Just(b'/'), 1 => 0x80u8..=0xff];
    let name = || proptest::collection::vec(byte.clone(), 1..most);
    let start = Just(b'n');
    (start, name(), 0u8..7, 0u32..0o10000, 0..owners, 0..owners, 0i64..4_000_000_000, name(), 0usize..2000)
        .prop_map(|(first, mut name, kind, mode, uid, gid, mtime, link, size)| {
            name[0] = first;
            let size = if kind == 0 { size } else { 0 };
            let link = if matches!(kind, 1 | 2) { hex(&link) } else { String::new() };
            format!("{} {kind} {mode} {uid} {gid} {mtime} {link} {size}\n", hex(&name))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5))]
    #[test]
    fn what_python_writes_is_read_as_python_reads_it(
        long in proptest::collection::vec(python_line(true), 1..30),
        short in proptest::collection::vec(python_line(false), 1..30),
    ) {
        for (form, lines) in [("pax", &long), ("gnu", &long), ("ustar", &short)] {
            let tar = python_writes(form, &lines.concat());
            prop_assert_eq!(as_we_read(&tar), as_python_reads(&tar), "{}", form);
        }
    }
}

#[test]
fn a_reader_of_a_pipe_sees_the_same() {
    let dir = tempfile::tempdir().unwrap();
    odd_tree(dir.path());
    let tar = gnu_tar(dir.path(), &["--format=pax", "--sparse", "--xattrs"]);
    let mut reader = TarReader::new(BufReader::with_capacity(7, &tar[..]));
    let mut count = 0;
    while reader.next_entry().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, as_python_reads(&tar).lines().count());
}

/// GNU tar has every piece but the last fill whole blocks, as file systems do. Files with holes at their beginning, in their middle, at their end, and nothing else.
#[test]
fn gnu_tar_and_python_find_every_hole_that_we_write() {
    let dir = tempfile::tempdir().unwrap();
    let piece = |offset, length| Piece { offset, length };
    let files = [
        ("whole", vec![piece(0, 3)], 3),
        ("begin", vec![piece(4096, 3)], 4099),
        ("end", vec![piece(0, 3)], 1 << 20),
        ("both", vec![piece(512, 1024), piece(9000, 2)], 50_000),
        ("all", vec![], 1 << 20),
        ("empty", vec![], 0),
    ];
    let mut writer = TarWriter::new(Vec::new());
    for (name, pieces, size) in &files {
        let kind = Kind::File { size: *size, pieces: Some(pieces.clone()) };
        let entry = Entry { path: name.as_bytes().to_vec(), kind, metadata: Metadata::default() };
        let stored: u64 = pieces.iter().map(|piece| piece.length).sum();
        writer.append(&entry, &mut &vec![b'x'; stored as usize][..]).unwrap();
    }
    let tar = writer.finish().unwrap();
    assert_eq!(as_we_read(&tar), as_python_reads(&tar));
    fs::write(dir.path().join("t.tar"), &tar).unwrap();
    let unpacked = Command::new("tar").current_dir(dir.path()).args(["-xf", "t.tar"]).output().unwrap();
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
    for (name, pieces, size) in files {
        let mut expected = vec![0; size as usize];
        for piece in pieces {
            expected[piece.offset as usize..][..piece.length as usize].fill(b'x');
        }
        assert!(fs::read(dir.path().join(name)).unwrap() == expected, "{name}");
    }
}
