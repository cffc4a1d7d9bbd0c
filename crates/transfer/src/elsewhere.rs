//! The blobs that another side has, so that they need not be sent to it.

use image_format::{Class, Digest, Failure, Stream};
use layout::Layout;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Cursor, Read};

/// The longest line that is read: a SHA-512 has 135 letters.
const MAX_LINE: u64 = 4096;

/// What another side has: a layout, or what it told.
#[derive(Debug)]
pub enum Elsewhere {
    /// All blobs of this layout.
    Layout(Layout),
    /// These blobs.
    Blobs(HashSet<Digest>),
}

impl Elsewhere {
    /// Reads an archive, or digests, one a line; those that are not among `wanted` are forgotten.
    ///
    /// # Errors
    /// It is neither, or cannot be read.
    pub fn read(
        mut source: impl Read + Send + 'static,
        wanted: &HashSet<Digest>,
    ) -> Result<Elsewhere, Failure> {
        let mut start = Vec::new();
        source.by_ref().take(7).read_to_end(&mut start).map_err(Failure::from)?;
        let text = start.iter().all(|byte| byte.is_ascii_whitespace())
            || ["sha256:", "sha512:"].iter().any(|algorithm| start == algorithm.as_bytes());
        let whole = Cursor::new(start).chain(source);
        let blobs = if text { lines(whole, wanted) } else { entries(whole, wanted) };
        blobs.map(Elsewhere::Blobs)
    }

    /// Does the other side have this blob?
    pub fn has(&self, digest: &Digest) -> bool {
        match self {
            // one that cannot be looked at is sent
            Elsewhere::Layout(layout) => matches!(layout.size_of(digest), Ok(Some(_))),
            Elsewhere::Blobs(blobs) => blobs.contains(digest),
        }
    }
}

fn lines(source: impl Read, wanted: &HashSet<Digest>) -> Result<HashSet<Digest>, Failure> {
    let mut source = BufReader::new(source);
    let mut blobs = HashSet::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if source.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(Failure::from)? == 0 {
            return Ok(blobs);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let digest: Digest = text.parse().map_err(|error| {
            Failure::new(Class::Usage, error).with_hint("oci-images --blobs prints such lines")
        })?;
        if wanted.contains(&digest) {
            blobs.insert(digest);
        }
    }
}

fn entries(source: impl Read + Send + 'static, wanted: &HashSet<Digest>) -> Result<HashSet<Digest>, Failure> {
    let archive::Opened::Archive(mut archive) = archive::open(source, Some(archive::Content::Archive))?
    else {
        return Ok(HashSet::new());
    };
    let mut blobs = HashSet::new();
    while let Some((offer, _)) = archive.next()? {
        blobs.extend(offer.digest.filter(|digest| offer.size > 0 && wanted.contains(digest)));
    }
    Ok(blobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_one_a_line_are_read_and_foreign_ones_forgotten() {
        let [ours, theirs] = [b"a", b"b"].map(|content| Digest::sha256(content));
        let wanted = HashSet::from([ours]);
        let read = |text: String| Elsewhere::read(Cursor::new(text), &wanted);
        let elsewhere = read(format!("{theirs}\n\n{ours}\r\n")).unwrap();
        assert!(elsewhere.has(&ours) && !elsewhere.has(&theirs));
        assert!(!read(String::new()).unwrap().has(&ours));
        assert_eq!(read(format!("{ours}\nnonsense\n")).unwrap_err().class(), Class::Usage);
        assert_eq!(read("nonsense".to_owned()).unwrap_err().class(), Class::Integrity);
    }
}
