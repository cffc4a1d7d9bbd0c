//! An archive as a stream of blobs, and what tells it from the tar of a root filesystem.

use crate::content::{Content, START, is_id, remark, tell};
use image_format::{Class, Digest, Failure, Offer, Stream};
use layer::{Form, Kind, TarReader, decompress, of_stream, read_full};
use std::io::{self, BufReader, Cursor, Read};

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;

/// A tar from outside.
pub enum Opened {
    /// An archive of images.
    Archive(ArchiveReader),
    /// Anything else.
    Rootfs {
        /// The plain bytes, from the first on.
        tar: Box<dyn Read + Send>,
        /// What whoever gave it may not expect.
        remark: Option<String>,
    },
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Opened::Archive(_) => "Archive",
            Opened::Rootfs { .. } => "Rootfs",
        })
    }
}

/// Looks at the beginning of `source`, a tar in any compression, and tells what it is, unless `content` says it.
///
/// # Errors
/// The source cannot be read, or is compressed more than once.
pub fn open(source: impl Read + Send + 'static, content: Option<Content>) -> Result<Opened, Failure> {
    let (form, mut plain) = decompress(source).map_err(of_stream)?;
    let mut start = vec![0; START];
    let length = read_full(&mut plain, &mut start).map_err(of_stream)?;
    start.truncate(length);
    if form != Form::Plain && Form::of(&start) != Form::Plain {
        return Err(Failure::new(
            Class::Integrity,
            format_args!("{} within {form}; expected a tar, compressed once", Form::of(&start)),
        ));
    }
    let content = content.unwrap_or_else(|| tell(&start));
    let remark = remark(&start);
    let whole: Box<dyn Read + Send> = Box::new(Cursor::new(start).chain(plain));
    Ok(match content {
        Content::Archive => Opened::Archive(ArchiveReader::new(whole)),
        Content::Rootfs => Opened::Rootfs { tar: whole, remark },
    })
}

/// Reads an archive's entries in their order.
pub struct ArchiveReader {
    /// `None` once it was read to its end.
    tar: Option<Tar>,
}

struct Tar(TarReader<BufReader<Box<dyn Read + Send>>>);

/// The content of the present entry.
impl Read for Tar {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.content().read(buffer)
    }
}

impl std::fmt::Debug for ArchiveReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ArchiveReader")
    }
}

impl ArchiveReader {
    /// Reads a plain tar.
    pub fn new(tar: Box<dyn Read + Send>) -> ArchiveReader {
        ArchiveReader { tar: Some(Tar(TarReader::new(BufReader::with_capacity(BUFFER, tar)))) }
    }

    /// The next entry that has bytes or leads to one that has; at the end the source is read to its own, since the
    /// checksum of a compressed stream stands there.
    fn advance(&mut self) -> io::Result<Option<Offer>> {
        let Some(Tar(tar)) = &mut self.tar else { return Ok(None) };
        while let Some(entry) = tar.next_entry()? {
            let name = plain_name(&entry.path);
            let size = entry.stored_size();
            let link = match entry.kind {
                Kind::File { pieces: None, .. } => None,
                Kind::Symlink { target } => Some(beside(&name, &String::from_utf8_lossy(&target))),
                Kind::HardLink { target } => Some(plain_name(&target)),
                _ => continue,
            };
            let digest = digest_of_name(&name);
            return Ok(Some(Offer { name, digest, size, link }));
        }
        match self.tar.take() {
            Some(Tar(tar)) => tar.finish().map(|_| None),
            None => Ok(None),
        }
    }
}

impl Stream for ArchiveReader {
    /// Directories, devices, sparse files and such are passed over.
    fn next(&mut self) -> Result<Option<(Offer, &mut (dyn Read + Send))>, Failure> {
        let offer = self.advance().map_err(of_stream)?;
        Ok(offer.zip(self.tar.as_mut().map(|tar| tar as &mut (dyn Read + Send))))
    }
}

/// A name without its leading `./`. Nothing is ever written under it, so what else it holds does not matter.
pub(crate) fn plain_name(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    name.trim_start_matches("./").to_owned()
}

/// What a symbolic link beside `name` leads to, within the archive; links to anywhere else lead to no entry.
fn beside(name: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    let mut path: Vec<&str> = name.split('/').collect();
    path.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if path.is_empty() => return format!("/{target}"),
            ".." => drop(path.pop()),
            part => path.push(part),
        }
    }
    path.join("/")
}

/// The digest that an entry's name claims: `blobs/ALGORITHM/HEX`; `HEX`, `HEX.json` and `sha256:HEX` are SHA-256.
///
/// `HEX.tar` and `HEX.tar.gz` claim nothing: their writers mean the DiffID, or the blob, or the layer's position in a
/// chain.
pub(crate) fn digest_of_name(name: &str) -> Option<Digest> {
    if let Some(rest) = name.strip_prefix("blobs/") {
        let (algorithm, hex) = rest.split_once('/')?;
        return format!("{algorithm}:{hex}").parse().ok();
    }
    let hex = name.strip_prefix("sha256:").unwrap_or(name);
    let hex = hex.strip_suffix(".json").unwrap_or(hex);
    if is_id(hex) { format!("sha256:{hex}").parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_within_the_archive() {
        for (name, target, leads) in [
            ("b/layer.tar", "../a/layer.tar", "a/layer.tar"),
            ("b/layer.tar", "layer2.tar", "b/layer2.tar"),
            ("l.tar", "../../etc/passwd", "/../../etc/passwd"),
            ("l.tar", "/etc/passwd", "/etc/passwd"),
            ("a/b/l.tar", "./.././x", "a/x"),
        ] {
            assert_eq!(beside(name, target), leads, "{name} -> {target}");
        }
    }

    #[test]
    fn a_name_claims_a_digest_or_none() {
        let hex = "0123456789abcdef".repeat(4);
        for name in
            [format!("blobs/sha256/{hex}"), format!("{hex}.json"), format!("sha256:{hex}"), hex.clone()]
        {
            assert_eq!(digest_of_name(&name).map(|digest| digest.hex()), Some(hex.clone()), "{name}");
        }
        for name in [
            format!("blobs/sha256/{hex}.tmp"),
            format!("blobs/sha256/../{hex}"),
            format!("blobs/sha256/{}", hex.to_uppercase()),
            format!("{hex}.tar"),
            "manifest.json".to_owned(),
        ] {
            assert_eq!(digest_of_name(&name), None, "{name}");
        }
    }
}
