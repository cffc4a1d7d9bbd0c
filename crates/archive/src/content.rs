//! What a tar is, told by its first entries: an archive of images, or a root filesystem.

use image_format::{Class, Failure};
use layer::{Kind, TarReader};

/// What a tar is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Images.
    Archive,
    /// One tree of files.
    Rootfs,
}

impl std::str::FromStr for Content {
    type Err = Failure;

    /// `archive` or `rootfs`.
    fn from_str(text: &str) -> Result<Content, Failure> {
        match text {
            "archive" => Ok(Content::Archive),
            "rootfs" => Ok(Content::Rootfs),
            _ => Err(Failure::new(Class::Usage, format_args!("{text:?}: expected archive or rootfs"))),
        }
    }
}

/// Enough of a tar to tell what it is: directories may come before the first file.
pub(crate) const START: usize = 32 << 10;

/// Tells by the entries in the first [`START`] bytes; what is no tar is no archive.
///
/// What docker, podman, skopeo, crane, BuildKit, regctl and umoci write begins with the names that are known here. A
/// tar that begins with a lone `NAME.json` or `NAME.tar`, or with a directory that holds `json` or `layer.tar`, is
/// taken for what somebody made of an archive's files by hand.
pub(crate) fn tell(start: &[u8]) -> Content {
    let mut tar = TarReader::new(start);
    while let Ok(Some(entry)) = tar.next_entry() {
        let Ok(name) = std::str::from_utf8(&entry.path) else { return Content::Rootfs };
        let name = name.trim_start_matches("./").trim_end_matches('/');
        match begins_archive(name) {
            true => return Content::Archive,
            false if entry.kind == Kind::Directory => {}
            false => return Content::Rootfs,
        }
    }
    Content::Rootfs
}

/// What whoever gave a root filesystem may not expect of it: a directory of it is an OCI layout, if its first [`START`]
/// bytes say so.
pub(crate) fn remark(start: &[u8]) -> Option<String> {
    let layout = layout_within(start)?;
    Some(format!(
        "{layout} in it looks like an OCI layout and is taken as files; for its images: tar -C {layout} -c . | oci-import"
    ))
}

fn layout_within(start: &[u8]) -> Option<String> {
    let mut tar = TarReader::new(start);
    while let Ok(Some(entry)) = tar.next_entry() {
        let name = String::from_utf8_lossy(&entry.path).into_owned();
        let name = name.trim_start_matches("./").trim_end_matches('/');
        let Some((directory, below)) = name.split_once('/') else { continue };
        if ["oci-layout", "blobs/sha256"].contains(&below) {
            return Some(directory.to_owned());
        }
    }
    None
}

fn begins_archive(name: &str) -> bool {
    match name.split_once('/') {
        Some(("blobs", rest)) => rest.starts_with("sha256") || rest.starts_with("sha512"),
        Some((id, _)) if is_id(id) => true,
        Some((_, rest)) => ["json", "layer.tar", "VERSION"].contains(&rest),
        None => {
            ["oci-layout", "index.json", "manifest.json", "repositories", "blobs"].contains(&name)
                || is_id(name)
                || name.strip_prefix("sha256:").is_some_and(is_id)
                || [".json", ".tar", ".tar.gz"]
                    .iter()
                    .any(|end| name.len() > end.len() && name.ends_with(end))
        }
    }
}

/// Is this the hexadecimal form of a SHA-256?
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_known_by_their_first_entry() {
        let id = "0123456789abcdef".repeat(4);
        for name in [
            "oci-layout",
            "blobs",
            "blobs/sha256",
            "manifest.json",
            &id,
            &format!("{id}/VERSION"),
            &format!("{id}.json"),
            &format!("{id}.tar.gz"),
            &format!("sha256:{id}"),
            "l.tar",
            "a/layer.tar",
        ] {
            assert!(begins_archive(name), "{name}");
        }
        for name in ["", "bin", "blobs.txt", "blobs/mine", "etc/manifest.json", "etc/app.tar", ".tar", "json"]
        {
            assert!(!begins_archive(name), "{name}");
        }
    }
}
