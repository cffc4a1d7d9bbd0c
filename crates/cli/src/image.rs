//! An image that was found: where it lies, its name, its manifest and config.

use crate::ambient::Place;
use crate::error::Error;
use image_format::{
    Claim, Class, Descriptor, Failure, ImageConfig, ImageName, MAX_CONFIG_BYTES, Manifest, Node, Platform,
    Raw, Source, annotation, edit, image_for, read_node, read_verified,
};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

/// An image in a layout.
#[derive(Clone, Debug)]
pub struct Image {
    /// The layout.
    pub place: Place,
    /// The name that it was found by, or holds.
    pub name: Option<Claim>,
    /// Its manifest or index.
    pub descriptor: Descriptor,
    /// Was it asked for by a name that points elsewhere by now?
    pub moved: bool,
}

impl Image {
    /// An image that was just put into a layout.
    pub fn new(place: &Place, name: Option<Claim>, descriptor: Descriptor) -> Image {
        Image { place: place.clone(), name, descriptor, moved: false }
    }

    /// The name, where it is a full one.
    pub fn image_name(&self) -> Option<&ImageName> {
        match &self.name {
            Some(Claim::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// What the manifest of an image says that is made on this one: the annotations `base.name` and `base.digest`.
    pub fn base_annotations(&self) -> BTreeMap<String, String> {
        let name = self.image_name().map(|name| (annotation::BASE_NAME, name.to_string()));
        let digest = (annotation::BASE_DIGEST, self.descriptor.digest.to_string());
        name.into_iter().chain([digest]).map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The reference that pins it, and that every tool takes: `oci:DIR:NAME@DIGEST`.
    pub fn reference(&self) -> Vec<u8> {
        let mut line = Vec::new();
        let name = self.name.as_ref().filter(|name| is_speakable(name));
        let name = name.map(ToString::to_string).unwrap_or_default();
        if let Some(written) = self.place.written() {
            line.extend_from_slice(b"oci:");
            line.extend_from_slice(written.as_os_str().as_bytes());
            if !name.is_empty() {
                line.push(b':');
            }
        }
        line.extend_from_slice(name.as_bytes());
        line.extend_from_slice(format!("@{}", self.descriptor.digest).as_bytes());
        line
    }

    /// The reference as text, for messages.
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.reference()).into_owned()
    }

    /// Its manifest or index, verified.
    ///
    /// # Errors
    /// It is not there, or not what its descriptor says.
    pub fn node(&self) -> Result<Node, Error> {
        Ok(read_node(self.place.layout(), &self.descriptor)?)
    }

    /// The one manifest: its own, or an index's for `platform` (the host's, where that is `None`).
    ///
    /// # Errors
    /// It is not there, or the index has none for that platform.
    pub fn manifest(&self, platform: Option<&Platform>) -> Result<(Descriptor, Raw<Manifest>), Error> {
        manifest(self.place.layout(), &self.descriptor, platform, || self.to_text())
    }

    /// The one image: itself, or that of an index for `platform` (the host's, where that is `None`).
    ///
    /// # Errors
    /// As [`Image::manifest`].
    pub fn of_platform(&self, platform: Option<&Platform>) -> Result<Image, Error> {
        let (descriptor, _) = self.manifest(platform)?;
        Ok(Image { descriptor, ..self.clone() })
    }

    /// Manifest and config, to be edited; of an index, the image for `platform` or the host's.
    ///
    /// # Errors
    /// One is missing or not what its descriptor says; an artifact is no image.
    pub fn editable(&self, platform: Option<&Platform>) -> Result<(Descriptor, edit::Image), Error> {
        let (descriptor, manifest) = self.manifest(platform)?;
        let config = self.config_of(&manifest)?;
        Ok((descriptor, edit::Image { manifest, config }))
    }

    /// What a reading of it failed with, and where its blobs are not what they claim, what finds all of those.
    pub fn blame(&self, error: impl Into<Error>) -> Error {
        let error = error.into();
        if error.class() != Class::Integrity || error.failure().hint().is_some() {
            return error;
        }
        let option = self.place.written().map(|path| format!(" -L {}", path.display())).unwrap_or_default();
        error.with_hint(format_args!("oci-fsck{option} finds what is damaged in this layout"))
    }

    /// The config that `manifest` names.
    ///
    /// # Errors
    /// It is missing or not what its descriptor says, or the config of an artifact.
    pub fn config_of(&self, manifest: &Raw<Manifest>) -> Result<Raw<ImageConfig>, Error> {
        config(self.place.layout(), manifest)
    }
}

/// Does the name, in a line of output, mean itself to whoever reads the line? One that others wrote may hold a newline,
/// or begin as a comment or another layout does; then the digest alone is said.
fn is_speakable(name: &Claim) -> bool {
    let Claim::Verbatim(text) = name else { return true };
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|letter| letter.is_ascii_graphic())
        && !["oci:", "docker:"].iter().any(|scheme| text.starts_with(scheme))
}

/// The one manifest of `root`, which errors call `text`: its own, or an index's for `platform` or the host's.
pub(crate) fn manifest(
    source: &dyn Source,
    root: &Descriptor,
    platform: Option<&Platform>,
    text: impl FnOnce() -> String,
) -> Result<(Descriptor, Raw<Manifest>), Error> {
    image_for(source, root, platform).map_err(|failure| match failure.class() {
        Class::NotFound => failure.at(text()).into(),
        _ => failure.into(),
    })
}

/// The config that `manifest` names.
pub(crate) fn config(source: &dyn Source, manifest: &Raw<Manifest>) -> Result<Raw<ImageConfig>, Error> {
    let digest = manifest.config.digest;
    Ok(Raw::parse("image config", config_bytes(source, manifest)?)
        .map_err(|error| Failure::new(Class::Integrity, error).at(digest))?)
}

pub(crate) fn config_bytes(source: &dyn Source, manifest: &Raw<Manifest>) -> Result<Vec<u8>, Error> {
    Ok(read_verified(source, &manifest.config, MAX_CONFIG_BYTES)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_mean_something_else_in_a_line_is_not_said() {
        for text in ["1.0", "latest", "a/B:x", "v1+build", "x@y"] {
            assert!(is_speakable(&Claim::Verbatim(text.to_owned())), "{text}");
        }
        for text in ["a\nb", "a b", "\u{1b}[2J", "-", "#1", "", "oci:/etc:x", "docker://x", "\u{202e}", "é"]
        {
            assert!(!is_speakable(&Claim::Verbatim(text.to_owned())), "{text:?}");
        }
    }
}
