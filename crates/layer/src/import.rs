//! A tar from outside becomes a layer in a sink: decompressed, checked, compressed and hashed in one pass.

use crate::compress::Compression;
use crate::compress::LayerWriter;
use crate::compress::Threads;
use crate::compress::decompress;
use crate::entry::TarCheck;
use crate::failure::of_stream;
use image_format::edit::NewLayer;
use image_format::{Algorithm, Class, Descriptor, Expected, Failure, MediaType, Sink};
use std::io::{self, Read, Write};

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;

/// What a tar may be besides a root filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archives {
    /// A tar that begins as an image archive does is refused.
    Refuse,
    /// Every tar is a root filesystem.
    Take,
}

/// How a tar is imported.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions<'a> {
    /// What messages call the source.
    pub from: &'a str,
    /// How the layer is compressed.
    pub compression: Compression,
    /// How many threads compress; the layer's bytes do not depend on it.
    pub threads: Threads,
    /// Whether image archives are refused.
    pub archives: Archives,
    /// Whether hard links may lead to files of other layers.
    pub links: Links,
}

/// Where the hard links of a tar may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// To entries before them: the tar is a whole root filesystem.
    Inside,
    /// To the layers below as well.
    Below,
}

impl ImportOptions<'_> {
    /// What is wrong with the source, and not with the sink.
    fn read_failure(&self, error: io::Error) -> Failure {
        of_stream(error).at(self.from)
    }
}

/// Reads `source` to its end, a tar in any compression, and stores it as a layer.
///
/// `progress` hears of every piece of plain tar and may stop it. After an error the sink has nothing.
///
/// # Errors
/// The source is no tar, a broken one or an image archive; it cannot be read; the sink cannot be written.
pub fn import(
    source: impl Read + Send + 'static,
    sink: &dyn Sink,
    options: ImportOptions<'_>,
    progress: &dyn Fn(u64) -> Result<(), Failure>,
) -> Result<NewLayer, Failure> {
    let (_, mut tar) = decompress(source).map_err(|error| options.read_failure(error))?;
    let blob = sink.writer(Expected::Algorithm(Algorithm::Sha256))?;
    let mut layer = LayerWriter::new(blob, options.compression, options.threads);
    let mut check = match options.links {
        Links::Inside => TarCheck::alone(),
        Links::Below => TarCheck::new(),
    };
    let mut buffer = vec![0; BUFFER];
    let mut first = true;
    loop {
        let piece = fill(&mut tar, &mut buffer).map_err(|error| options.read_failure(error))?;
        if piece.is_empty() {
            break;
        }
        check.push(piece).map_err(|error| options.read_failure(error.into()))?;
        if std::mem::replace(&mut first, false) && options.archives == Archives::Refuse {
            refuse_image_archive(check.first_name(), piece).map_err(|failure| failure.at(options.from))?;
        }
        layer.write_all(piece)?;
        progress(piece.len() as u64)?;
    }
    check.finish().map_err(|error| options.read_failure(error.into()))?;
    let (finished, blob) = layer.finish()?;
    let Descriptor { digest, size, .. } = blob.commit()?;
    let descriptor = Descriptor::new(media_type(options.compression), digest, size);
    Ok(NewLayer { descriptor, diff_id: finished.diff_id })
}

/// OCI's media type of a layer with this compression.
fn media_type(compression: Compression) -> MediaType {
    match compression {
        Compression::Gzip(_) => MediaType::OciLayerGzip,
        Compression::Zstd(_) => MediaType::OciLayerZstd,
        Compression::None => MediaType::OciLayer,
    }
}

/// As much as there is, up to the whole buffer.
fn fill<'a>(source: &mut impl Read, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&buffer[..filled])
}

fn refuse_image_archive(first_name: Option<&[u8]>, start: &[u8]) -> Result<(), Failure> {
    let name = first_name.map(|name| if name == b"./" { second_name(start) } else { name });
    if !name.is_some_and(begins_image_archive) {
        return Ok(());
    }
    Err(Failure::new(Class::Usage, "an image archive; expected the tar of a root filesystem")
        .with_hint("image archives cannot be imported yet; --format rootfs takes it as plain files"))
}

/// What stands behind `./` in the first piece of a tar: `tar -C LAYOUT -c .` begins so.
fn second_name(tar: &[u8]) -> &[u8] {
    let name = tar.get(512..612).unwrap_or_default();
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The first entries of what docker, podman, skopeo, crane, BuildKit and regctl write.
fn begins_image_archive(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"./").unwrap_or(name);
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let is_id = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match name.split_once('/') {
        Some(("blobs", rest)) => rest.is_empty() || rest.starts_with("sha256") || rest.starts_with("sha512"),
        Some((id, _)) => is_id(id),
        None => {
            ["oci-layout", "index.json", "manifest.json", "repositories", "blobs"].contains(&name)
                || name.strip_prefix("sha256:").is_some_and(is_id)
                || name.strip_suffix(".json").or(name.strip_suffix(".tar")).is_some_and(is_id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_archives_are_known_by_their_first_entry() {
        let id = "0123456789abcdef".repeat(4);
        for name in [
            "oci-layout",
            "./blobs/",
            "blobs/sha256/",
            "manifest.json",
            &format!("{id}/"),
            &format!("{id}.json"),
            &format!("sha256:{id}"),
        ] {
            assert!(begins_image_archive(name.as_bytes()), "{name}");
        }
        for name in ["./", "bin/", "blobs.txt", "blobs/mine", "etc/manifest.json", "abc.tar"] {
            assert!(!begins_image_archive(name.as_bytes()), "{name}");
        }
    }
}
