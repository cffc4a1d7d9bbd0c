//! Pure edits: an image in, an image out. Whatever an edit does not name survives in the bytes.

mod rewrite;

pub use rewrite::{Rewrite, Rewritten};

use crate::{
    Change, ChangeError, Class, Descriptor, ExecConfig, Failure, History, ImageConfig, Index, Layer,
    Manifest, MediaType, Members, MembersError, Platform, Raw, RawError,
};
use std::collections::BTreeMap;

/// An image: its manifest and its config.
#[derive(Clone, Debug)]
pub struct Image {
    /// The manifest.
    pub manifest: Raw<Manifest>,
    /// The config that the manifest names.
    pub config: Raw<ImageConfig>,
}

/// Why an edit cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The object that is edited is not JSON of the expected form.
    #[error(transparent)]
    Members(#[from] MembersError),
    /// The result would not be an image.
    #[error(transparent)]
    Raw(#[from] RawError),
    /// A change is not possible.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Failure {
        match error {
            EditError::Change(error) => Failure::new(Class::Usage, error),
            other => Failure::new(Class::Integrity, other),
        }
    }
}

impl Image {
    /// An image without layers for `platform`.
    ///
    /// `created` is RFC 3339.
    pub fn scratch(platform: &Platform, created: &str) -> Image {
        let config = Raw::write(ImageConfig {
            created: Some(created.to_owned()),
            architecture: platform.architecture.clone(),
            os: platform.os.clone(),
            variant: platform.variant.clone(),
            ..ImageConfig::default()
        });
        let manifest = Raw::write(Manifest::new(config.descriptor(MediaType::OciConfig), Vec::new()));
        Image { manifest, config }
    }

    /// The image's descriptor, with its platform.
    pub fn descriptor(&self) -> Descriptor {
        let kind = self.manifest.media_type.clone().unwrap_or(MediaType::OciManifest);
        self.manifest.descriptor(kind).with_platform(self.config.platform())
    }

    /// The image with this config in place of its own.
    fn with_config(&self, config: &Members) -> Result<Image, EditError> {
        let config: Raw<ImageConfig> = Raw::parse("image config", config.to_json())?;
        let mut manifest = Members::parse(self.manifest.bytes())?;
        let mut descriptor = config.descriptor(self.manifest.config.media_type.clone());
        descriptor.annotations.clone_from(&self.manifest.config.annotations);
        manifest.set("config", &descriptor)?;
        Ok(Image { manifest: Raw::parse("image manifest", manifest.to_json())?, config })
    }
}

/// Puts one more layer on top, with its line of history.
///
/// An image of docker's media types gets a layer of docker's media types.
///
/// # Errors
/// The image's JSON cannot be edited.
pub fn append_layer(image: &Image, layer: &Layer, history: &History) -> Result<Image, EditError> {
    let mut config = Members::parse(image.config.bytes())?;
    let mut rootfs = image.config.rootfs.clone();
    rootfs.diff_ids.push(layer.diff_id);
    config.set("rootfs", &rootfs)?;
    push_history(&mut config, image, history)?;
    let mut descriptor = layer.descriptor.clone();
    if image.manifest.config.media_type == MediaType::DockerConfig {
        descriptor.media_type = descriptor.media_type.to_docker();
    }
    let mut layers = raw_list(image.manifest.bytes(), "layers")?;
    layers.push(serde_json::value::to_raw_value(&descriptor).map_err(MembersError::from)?);
    let mut manifest = Members::parse(image.manifest.bytes())?;
    manifest.set("layers", &layers)?;
    let image =
        Image { manifest: Raw::parse("image manifest", manifest.to_json())?, config: image.config.clone() };
    image.with_config(&config)
}

/// Applies `changes` to the config, in order, and adds a line of history that leaves no layer.
///
/// # Errors
/// A change does not fit, or the image's JSON cannot be edited.
pub fn set_config(image: &Image, changes: &[Change], history: Option<&History>) -> Result<Image, EditError> {
    let mut config = Members::parse(image.config.bytes())?;
    let mut exec = config
        .get("config")
        .filter(|value| value.get() != "null")
        .map_or_else(|| Ok(Members::default()), |value| Members::parse(value.get().as_bytes()))?;
    let mut values = image.config.config.clone().unwrap_or_default();
    Change::apply_all(changes, &mut values);
    write_exec(&mut exec, &values)?;
    config.set("config", &exec)?;
    if let Some(history) = history {
        push_history(&mut config, image, history)?;
    }
    image.with_config(&config)
}

/// Says who made the image.
///
/// # Errors
/// The config's JSON cannot be edited.
pub fn set_author(image: &Image, author: &str) -> Result<Image, EditError> {
    let mut config = Members::parse(image.config.bytes())?;
    config.set("author", author)?;
    image.with_config(&config)
}

/// Sets annotations of the manifest.
///
/// # Errors
/// The manifest's JSON cannot be edited.
pub fn annotate(image: &Image, annotations: &BTreeMap<String, String>) -> Result<Image, EditError> {
    if annotations.is_empty() {
        return Ok(image.clone());
    }
    let mut all = image.manifest.annotations.clone().unwrap_or_default();
    all.extend(annotations.iter().map(|(key, value)| (key.clone(), value.clone())));
    let mut manifest = Members::parse(image.manifest.bytes())?;
    manifest.set("annotations", &all)?;
    Ok(Image { manifest: Raw::parse("image manifest", manifest.to_json())?, config: image.config.clone() })
}

/// The same image under OCI media types; layers and config keep their bytes and digests.
///
/// # Errors
/// The manifest's JSON cannot be edited.
pub fn manifest_to_oci(manifest: &Raw<Manifest>) -> Result<Raw<Manifest>, EditError> {
    let mut members = Members::parse(manifest.bytes())?;
    let oci = |descriptor: &Descriptor| Descriptor {
        media_type: descriptor.media_type.to_oci(),
        ..descriptor.clone()
    };
    members.set("mediaType", &MediaType::OciManifest)?;
    members.set("config", &oci(&manifest.config))?;
    members.set("layers", &manifest.layers.iter().map(oci).collect::<Vec<_>>())?;
    Ok(Raw::parse("image manifest", members.to_json())?)
}

/// The same manifest with these layers in place of its own.
///
/// # Errors
/// The manifest's JSON cannot be edited.
pub fn manifest_with(manifest: &Raw<Manifest>, layers: &[Descriptor]) -> Result<Raw<Manifest>, EditError> {
    let mut members = Members::parse(manifest.bytes())?;
    members.set("layers", layers)?;
    Ok(Raw::parse("image manifest", members.to_json())?)
}

/// The same index with these children in place of its own.
///
/// # Errors
/// The index's JSON cannot be edited.
pub fn index_with(index: &Raw<Index>, children: &[Descriptor]) -> Result<Raw<Index>, EditError> {
    let mut members = Members::parse(index.bytes())?;
    members.set("manifests", children)?;
    Ok(Raw::parse("image index", members.to_json())?)
}

/// The same index under OCI media types, with these children in place of its own.
///
/// # Errors
/// The index's JSON cannot be edited.
pub fn index_to_oci(index: &Raw<Index>, children: &[Descriptor]) -> Result<Raw<Index>, EditError> {
    let mut members = Members::parse(index.bytes())?;
    members.set("mediaType", &MediaType::OciIndex)?;
    members.set("manifests", children)?;
    Ok(Raw::parse("image index", members.to_json())?)
}

type RawList = Vec<Box<serde_json::value::RawValue>>;

fn raw_list(object: &[u8], key: &str) -> Result<RawList, MembersError> {
    let members = Members::parse(object)?;
    let list = members.get(key).map(|value| serde_json::from_str::<Option<RawList>>(value.get()));
    Ok(list.transpose()?.flatten().unwrap_or_default())
}

fn push_history(config: &mut Members, image: &Image, history: &History) -> Result<(), MembersError> {
    let mut all = raw_list(image.config.bytes(), "history")?;
    all.push(serde_json::value::to_raw_value(history)?);
    config.set("history", &all)?;
    if let Some(created) = &history.created {
        config.set("created", created)?;
    }
    Ok(())
}

/// Writes the fields that are set and takes out those that are not; foreign ones stay.
fn write_exec(exec: &mut Members, values: &ExecConfig) -> Result<(), MembersError> {
    const KEYS: [&str; 13] = [
        "User",
        "ExposedPorts",
        "Env",
        "Entrypoint",
        "Cmd",
        "Volumes",
        "WorkingDir",
        "Labels",
        "ArgsEscaped",
        "StopSignal",
        "OnBuild",
        "Shell",
        "Healthcheck",
    ];
    let written = Members::parse(&serde_json::to_vec(values)?)?;
    for key in KEYS {
        match written.get(key) {
            Some(value) => exec.set(key, value)?,
            None => exec.remove(key),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DiffId, Digest};

    fn layer(content: &str) -> Layer {
        let digest = Digest::sha256(content.as_bytes());
        let descriptor = Descriptor::new(MediaType::OciLayerGzip, digest, content.len() as u64);
        Layer { descriptor, diff_id: DiffId::new(Digest::sha256(format!("plain {content}").as_bytes())) }
    }

    fn step(created_by: &str) -> History {
        History {
            created: Some("2026-11-24T00:00:00Z".to_owned()),
            created_by: Some(created_by.to_owned()),
            ..History::default()
        }
    }

    fn scratch() -> Image {
        Image::scratch(&Platform::new("linux", "amd64", None), "1970-01-01T00:00:00Z")
    }

    #[test]
    fn an_appended_layer_stands_in_manifest_config_and_history() {
        let image = append_layer(&scratch(), &layer("a"), &step("one")).unwrap();
        let image = append_layer(&image, &layer("b"), &step("two")).unwrap();
        assert_eq!(image.manifest.layers, [layer("a").descriptor, layer("b").descriptor]);
        assert_eq!(image.config.rootfs.diff_ids, [layer("a").diff_id, layer("b").diff_id]);
        assert_eq!(image.config.history.len(), 2);
        assert_eq!(image.manifest.config.digest, Digest::sha256(image.config.bytes()));
        assert_eq!(image.config.created.as_deref(), Some("2026-11-24T00:00:00Z"));
    }

    #[test]
    fn an_edit_keeps_unknown_fields_of_manifest_config_and_exec_config() {
        let config = Raw::parse(
            "config",
            br#"{"zeta":1.10,"architecture":"arm","os":"linux","config":{"Foreign":[1],"Cmd":["a"]},"rootfs":{"type":"layers","diff_ids":[]}}"#
                .to_vec(),
        )
        .unwrap();
        let manifest =
            Manifest::new(Raw::<ImageConfig>::descriptor(&config, MediaType::OciConfig), Vec::new());
        let text =
            String::from_utf8(Raw::write(manifest).into_bytes()).unwrap().replacen('{', r#"{"x-y":{},"#, 1);
        let image = Image { manifest: Raw::parse("manifest", text.into_bytes()).unwrap(), config };
        let changed = set_config(&image, &["ENV A=b".parse().unwrap()], Some(&step("x"))).unwrap();
        let config = String::from_utf8_lossy(changed.config.bytes()).into_owned();
        assert!(config.starts_with(r#"{"zeta":1.10,"architecture":"arm""#), "{config}");
        assert!(config.contains(r#""config":{"Foreign":[1],"Cmd":["a"],"Env":["A=b"]}"#), "{config}");
        assert!(changed.manifest.bytes().starts_with(br#"{"x-y":{},"#));
    }

    #[test]
    fn a_layer_on_a_docker_image_gets_dockers_media_type() {
        let mut manifest = scratch().manifest.value().clone();
        manifest.config.media_type = MediaType::DockerConfig;
        manifest.media_type = Some(MediaType::DockerManifest);
        let image = Image { manifest: Raw::write(manifest), config: scratch().config };
        let image = append_layer(&image, &layer("a"), &step("one")).unwrap();
        assert_eq!(image.manifest.layers[0].media_type, MediaType::DockerLayerGzip);
        let oci = manifest_to_oci(&image.manifest).unwrap();
        assert_eq!(oci.layers[0].media_type, MediaType::OciLayerGzip);
        assert_eq!(oci.layers[0].digest, layer("a").descriptor.digest);
        assert_eq!(oci.media_type, Some(MediaType::OciManifest));
    }
}
