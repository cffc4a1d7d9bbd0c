//! Layers as tar streams, written in code: the same calls give the same bytes.

use std::io::Write;

/// A tar stream in the making. `mode`, `owner`, `mtime` and `xattr` change the entry added last.
#[derive(Clone, Default)]
pub struct TarBuilder {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    path: Vec<u8>,
    kind: u8,
    link: Vec<u8>,
    mode: u32,
    owner: (u64, u64),
    mtime: u64,
    device: (u32, u32),
    xattrs: Vec<(String, Vec<u8>)>,
    content: Vec<u8>,
}

const FILE: u8 = b'0';
const HARD_LINK: u8 = b'1';
const SYMLINK: u8 = b'2';
const CHARACTER_DEVICE: u8 = b'3';
const DIR: u8 = b'5';
const FIFO: u8 = b'6';
const PAX: u8 = b'x';
/// a kind of block of our own: bytes that go into the stream as they are
const RAW: u8 = 0;

impl TarBuilder {
    /// An empty stream.
    pub fn new() -> TarBuilder {
        TarBuilder::default()
    }

    /// A regular file, 0644, root's, mtime 0.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> TarBuilder {
        self.entry(path, FILE, "", 0o644, content.as_ref())
    }

    /// A regular file of `size` bytes that look random but depend only on the path.
    pub fn noise_file(self, path: &str, size: usize) -> TarBuilder {
        let seed = path.bytes().fold(1, |seed: u64, b| seed.wrapping_mul(31).wrapping_add(u64::from(b)));
        self.file(path, noise(seed, size))
    }

    /// A directory, 0755.
    pub fn dir(self, path: &str) -> TarBuilder {
        self.entry(&format!("{}/", path.trim_end_matches('/')), DIR, "", 0o755, b"")
    }

    /// A symbolic link.
    pub fn symlink(self, path: &str, target: &str) -> TarBuilder {
        self.entry(path, SYMLINK, target, 0o777, b"")
    }

    /// A hard link to an entry of the same stream or of a layer below.
    pub fn hard_link(self, path: &str, target: &str) -> TarBuilder {
        self.entry(path, HARD_LINK, target.trim_start_matches('/'), 0o644, b"")
    }

    /// A named pipe.
    pub fn fifo(self, path: &str) -> TarBuilder {
        self.entry(path, FIFO, "", 0o644, b"")
    }

    /// A character device.
    pub fn device(mut self, path: &str, major: u32, minor: u32) -> TarBuilder {
        self = self.entry(path, CHARACTER_DEVICE, "", 0o666, b"");
        self.last().device = (major, minor);
        self
    }

    /// The mark that `path` of a layer below is gone: `dir/.wh.name`.
    pub fn whiteout(self, path: &str) -> TarBuilder {
        let (dir, name) = path.rsplit_once('/').map_or((String::new(), path), |(d, n)| (format!("{d}/"), n));
        self.file(&format!("{dir}.wh.{name}"), "")
    }

    /// The mark that nothing of the layers below shows in this directory.
    pub fn opaque(self, dir: &str) -> TarBuilder {
        self.file(&format!("{}/.wh..wh..opq", dir.trim_end_matches('/')), "")
    }

    /// Bytes that go into the stream as they are, for what no honest writer makes.
    pub fn raw(self, bytes: impl AsRef<[u8]>) -> TarBuilder {
        self.entry("", RAW, "", 0, bytes.as_ref())
    }

    /// The last entry's permissions.
    pub fn mode(mut self, mode: u32) -> TarBuilder {
        self.last().mode = mode;
        self
    }

    /// The last entry's user and group id.
    pub fn owner(mut self, user: u64, group: u64) -> TarBuilder {
        self.last().owner = (user, group);
        self
    }

    /// The last entry's time, in seconds since 1970.
    pub fn mtime(mut self, seconds: u64) -> TarBuilder {
        self.last().mtime = seconds;
        self
    }

    /// One extended attribute of the last entry.
    pub fn xattr(mut self, name: &str, value: impl AsRef<[u8]>) -> TarBuilder {
        self.last().xattrs.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// The stream, with its two empty blocks at the end.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.unfinished();
        out.resize(out.len() + 1024, 0);
        out
    }

    /// The stream without its end, as one that was cut short.
    pub fn unfinished(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for entry in &self.entries {
            entry.write(&mut out);
        }
        out
    }

    fn entry(mut self, path: &str, kind: u8, link: &str, mode: u32, content: &[u8]) -> TarBuilder {
        self.entries.push(Entry {
            // layers name their entries without a leading slash
            path: path.trim_start_matches('/').into(),
            kind,
            link: link.into(),
            mode,
            owner: (0, 0),
            mtime: 0,
            device: (0, 0),
            xattrs: Vec::new(),
            content: content.to_vec(),
        });
        self
    }

    fn last(&mut self) -> &mut Entry {
        self.entries.last_mut().expect("there is an entry to change")
    }
}

impl From<TarBuilder> for Vec<u8> {
    fn from(tar: TarBuilder) -> Vec<u8> {
        tar.bytes()
    }
}

impl Entry {
    fn write(&self, out: &mut Vec<u8>) {
        if self.kind == RAW {
            return out.extend(&self.content);
        }
        let mut pax = Vec::new();
        for (key, long) in [("path", &self.path), ("linkpath", &self.link)] {
            if long.len() > 100 {
                pax.extend(pax_record(key, long));
            }
        }
        for (name, value) in &self.xattrs {
            pax.extend(pax_record(&format!("SCHILY.xattr.{name}"), value));
        }
        if !pax.is_empty() {
            let head = Entry { path: "PaxHeader".into(), kind: PAX, link: Vec::new(), ..self.clone() };
            head.block(out, &pax);
        }
        self.block(out, &self.content);
    }

    /// One header and its content, padded to whole blocks of 512 bytes.
    fn block(&self, out: &mut Vec<u8>, content: &[u8]) {
        let mut head = [0; 512];
        text(&mut head[..100], &self.path);
        number(&mut head[100..108], u64::from(self.mode));
        number(&mut head[108..116], self.owner.0);
        number(&mut head[116..124], self.owner.1);
        number(&mut head[124..136], content.len() as u64);
        number(&mut head[136..148], self.mtime);
        head[148..156].fill(b' ');
        head[156] = self.kind;
        text(&mut head[157..257], &self.link);
        head[257..265].copy_from_slice(b"ustar\x0000");
        number(&mut head[329..337], u64::from(self.device.0));
        number(&mut head[337..345], u64::from(self.device.1));
        let sum: u64 = head.iter().map(|b| u64::from(*b)).sum();
        number(&mut head[148..155], sum);
        out.extend(head);
        out.extend(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
}

fn text(field: &mut [u8], value: &[u8]) {
    let n = value.len().min(field.len());
    field[..n].copy_from_slice(&value[..n]);
}

/// Octal digits and a NUL, or GNU's base 256 for a number that does not fit.
fn number(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    let octal = format!("{value:0digits$o}\0");
    if octal.len() == field.len() {
        field.copy_from_slice(octal.as_bytes());
    } else {
        field.fill(0);
        let at = field.len() - 8;
        field[at..].copy_from_slice(&value.to_be_bytes());
        field[0] |= 0x80;
    }
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (1..=20).map(|digits| rest + digits).find(|n| rest + n.to_string().len() == *n);
    let mut record = format!("{} {key}=", length.expect("some number of digits fits")).into_bytes();
    record.extend(value);
    record.push(b'\n');
    record
}

/// `size` bytes that look random and depend only on the seed (splitmix64).
pub fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend((z ^ (z >> 31)).to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// One plain gzip member, as any other writer makes it.
pub fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes.as_ref()).and_then(|()| encoder.finish()).expect("a Vec takes everything")
}

/// One plain zstd frame.
pub fn zstd_frame(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    zstd::encode_all(bytes.as_ref(), 3).expect("a Vec takes everything")
}
