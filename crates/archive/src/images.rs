//! The images of an archive that was read: of its index, else of docker's `manifest.json`, else of the `repositories`
//! of a docker before 1.10.

use crate::docker_rows::{DockerRow, MANIFEST_JSON};
use crate::index_rows::{INDEX_JSON, OCI_LAYOUT, unnamed};
use crate::intake::{MAX_LIST_BYTES, REPOSITORIES};
use crate::received::{FoundImage, Received};
use image_format::{
    Claim, Class, Descriptor, DiffId, Digest, Failure, ImageConfig, ImageName, Index, MAX_CONFIG_BYTES,
    MAX_MANIFEST_BYTES, Manifest, MediaType, Node, Platform, Rank, Raw, annotation,
};
use serde::Deserialize;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// containerd's mark of a row that refers to another, and is no image by itself.
const CONTAINERD_SUBJECT: &str = "io.containerd.manifest.subject";
/// The most names that the images of one archive may have, and the most rows of its index.
const MAX_NAMES: usize = 10_000;

impl Received<'_> {
    /// The images, in the archive's order. Manifests are made for those of a docker-archive.
    ///
    /// # Errors
    /// The archive has no list of images or a wrong one; what the list names is missing ([`Class::NotFound`]) or not
    /// what it should be ([`Class::Integrity`]).
    pub fn images(&mut self) -> Result<Vec<FoundImage>, Failure> {
        self.check_marker()?;
        let lists = [INDEX_JSON, MANIFEST_JSON, REPOSITORIES];
        // never through a link, which could lead to a blob
        let list = lists.into_iter().find(|name| self.parts.contains_key(*name));
        let images = match list {
            Some(INDEX_JSON) => self.of_index(),
            Some(MANIFEST_JSON) => self.of_manifest_json(),
            Some(_) => self.of_repositories(),
            None => {
                let message = "an image archive without index.json, manifest.json or repositories";
                return Err(Failure::new(Class::Integrity, message)
                    .with_hint("--format rootfs takes it as the files of a root filesystem"));
            }
        }?;
        if images.is_empty() {
            return Err(Failure::new(Class::NotFound, "the archive holds no image"));
        }
        if images.iter().map(|image| image.names.len().max(1)).sum::<usize>() > MAX_NAMES {
            return Err(too_many("names"));
        }
        Ok(images)
    }

    fn check_marker(&self) -> Result<(), Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Marker {
            image_layout_version: String,
        }
        let Some(bytes) = self.document(OCI_LAYOUT, MAX_LIST_BYTES)? else { return Ok(()) };
        match serde_json::from_slice::<Marker>(&bytes) {
            Ok(marker) if marker.image_layout_version == "1.0.0" => Ok(()),
            Ok(marker) => {
                let version = marker.image_layout_version;
                Err(invalid(OCI_LAYOUT, format_args!("image layout version {version:?}; expected \"1.0.0\"")))
            }
            Err(error) => Err(invalid(OCI_LAYOUT, error)),
        }
    }

    fn list(&self, name: &str) -> Result<Vec<u8>, Failure> {
        Ok(self.document(name, MAX_LIST_BYTES)?.unwrap_or_default())
    }

    fn of_index(&self) -> Result<Vec<FoundImage>, Failure> {
        let list = self.list(INDEX_JSON)?;
        if rows(&list) > MAX_NAMES {
            return Err(too_many("rows").at(INDEX_JSON));
        }
        let index: Raw<Index> = Raw::parse("image index", list)
            .map_err(|error| Failure::new(Class::Integrity, error).at(INDEX_JSON))?;
        let mut images: Vec<FoundImage> = Vec::new();
        let mut positions: HashMap<Digest, usize> = HashMap::new();
        for row in &index.manifests {
            let is_image = row.media_type.is_document();
            let is_referrer =
                [annotation::SUBJECT, CONTAINERD_SUBJECT].iter().any(|key| row.annotation(key).is_some());
            if !is_image || is_referrer {
                continue;
            }
            let at = *positions.entry(row.digest).or_insert(images.len());
            if at == images.len() {
                images.push(FoundImage { descriptor: unnamed(row), names: Vec::new(), tag: None });
            }
            let [ref_name, containerd] =
                [annotation::REF_NAME, annotation::CONTAINERD_NAME].map(|key| row.annotation(key));
            match Claim::of(ref_name, containerd) {
                Some((Claim::Name(name), _)) => images[at].names.push(name),
                Some((Claim::Verbatim(tag), Rank::RefName)) if !tag.contains(['/', ':']) => {
                    images[at].tag = Some(tag);
                }
                _ => {}
            }
        }
        Ok(images)
    }

    fn of_manifest_json(&mut self) -> Result<Vec<FoundImage>, Failure> {
        let list = self.list(MANIFEST_JSON)?;
        if list.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
            return self.of_directory(list);
        }
        let rows: Option<Vec<DockerRow>> =
            serde_json::from_slice(&list).map_err(|error| invalid(MANIFEST_JSON, error))?;
        let rows = rows.ok_or_else(|| invalid(MANIFEST_JSON, "null; expected a list of images"))?;
        if rows.len() > MAX_NAMES {
            return Err(too_many("rows").at(MANIFEST_JSON));
        }
        let mut configs = HashMap::new();
        let mut images: Vec<FoundImage> = Vec::new();
        let mut positions: HashMap<Digest, usize> = HashMap::new();
        for row in rows {
            let mut names = Vec::new();
            if row.repo_tags.as_ref().is_some_and(|tags| tags.len() > MAX_NAMES) {
                return Err(too_many("names").at(MANIFEST_JSON));
            }
            for tag in row.repo_tags.iter().flatten() {
                names.push(repo_tag(tag.as_deref().unwrap_or_default())?);
            }
            let descriptor = self.docker_image(&row, &mut configs)?;
            let at = *positions.entry(descriptor.digest).or_insert(images.len());
            match images.get_mut(at) {
                Some(image) => image.names.append(&mut names),
                None => images.push(FoundImage { descriptor, names, tag: None }),
            }
        }
        Ok(images)
    }

    /// skopeo's `dir:` and podman's `docker-dir`: one manifest, and its blobs under their digests.
    fn of_directory(&mut self, manifest: Vec<u8>) -> Result<Vec<FoundImage>, Failure> {
        let kind = Node::media_type_of(&manifest)
            .ok_or_else(|| invalid(MANIFEST_JSON, "neither docker's list of images nor a manifest"))?;
        if manifest.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(invalid(MANIFEST_JSON, format_args!("more than {MAX_MANIFEST_BYTES} bytes")));
        }
        let digest = Digest::sha256(&manifest);
        let descriptor = Descriptor::new(kind, digest, manifest.len() as u64);
        self.made.insert(digest, manifest);
        Ok(vec![FoundImage { descriptor, names: Vec::new(), tag: None }])
    }

    /// Makes the manifest of a docker-archive's image. `configs` are those that were read, by their entries: many rows may
    /// name one that is large.
    fn docker_image(
        &mut self,
        row: &DockerRow,
        configs: &mut HashMap<String, DockerConfig>,
    ) -> Result<Descriptor, Failure> {
        let names = row.layers.as_deref().unwrap_or_default();
        let entry = self.entry(&row.config).ok_or_else(|| absent(&row.config))?.0.to_owned();
        let config = match configs.entry(entry) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(place) => place.insert(self.docker_config(row)?),
        };
        let diff_ids = &config.diff_ids;
        if diff_ids.len() != names.len() {
            return Err(other_number(row, diff_ids.len()));
        }
        let mut layers = Vec::with_capacity(names.len());
        for (name, said) in names.iter().zip(diff_ids) {
            let (layer, found) = self.layer(name)?.ok_or_else(|| absent(name))?;
            check_layer(name, said, found.as_ref())?;
            layers.push(layer);
        }
        let manifest = Manifest::new(config.descriptor.clone(), layers);
        Ok(self.make(Raw::write(manifest)).with_platform(config.platform.clone()))
    }

    /// What is to be known of a row's config. Only one that has as many layers as the row is kept, so that together they
    /// are no larger than the list.
    fn docker_config(&self, row: &DockerRow) -> Result<DockerConfig, Failure> {
        let bytes = self.document(&row.config, MAX_CONFIG_BYTES)?.ok_or_else(|| absent(&row.config))?;
        let config: Raw<ImageConfig> =
            Raw::parse("image config", bytes).map_err(|error| invalid(&row.config, error))?;
        let diff_ids = config.rootfs.diff_ids.clone();
        if diff_ids.len() != row.layers.as_ref().map_or(0, Vec::len) {
            return Err(other_number(row, diff_ids.len()));
        }
        let descriptor = config.descriptor(MediaType::OciConfig);
        Ok(DockerConfig { descriptor, platform: config.platform(), diff_ids })
    }
}

/// What makes an image of a row's layers.
struct DockerConfig {
    descriptor: Descriptor,
    platform: Option<Platform>,
    diff_ids: Vec<DiffId>,
}

fn other_number(row: &DockerRow, said: usize) -> Failure {
    let layers = row.layers.as_ref().map_or(0, Vec::len);
    invalid(&row.config, format_args!("{said} DiffIDs for {layers} layers"))
}

/// How many rows an index has; what is wrong with it its parser says.
fn rows(index: &[u8]) -> usize {
    #[derive(Deserialize)]
    struct Rows<'a> {
        #[serde(borrow)]
        manifests: Option<Vec<&'a serde_json::value::RawValue>>,
    }
    serde_json::from_slice::<Rows<'_>>(index)
        .ok()
        .and_then(|rows| rows.manifests)
        .map_or(0, |rows| rows.len())
}

fn too_many(what: &str) -> Failure {
    let message = format!("more than {MAX_NAMES} {what}; that many images do not fit in one archive");
    Failure::new(Class::Integrity, message)
}

fn check_layer(name: &str, said: &DiffId, found: Option<&DiffId>) -> Result<(), Failure> {
    match found {
        Some(found) if found != said => {
            Err(invalid(name, format_args!("unpacks to {found}; its image's config says {said}")))
        }
        _ => Ok(()),
    }
}

pub(crate) fn invalid(name: &str, problem: impl std::fmt::Display) -> Failure {
    Failure::new(Class::Integrity, problem).at(name)
}

/// A list of images names an entry that is not there.
pub(crate) fn absent(name: &str) -> Failure {
    Failure::new(Class::NotFound, format_args!("the archive lacks {name:?}, which its list of images names"))
}

pub(crate) fn repo_tag(text: &str) -> Result<ImageName, Failure> {
    let name: ImageName = text.parse().map_err(|error| invalid(MANIFEST_JSON, error))?;
    if name.digest().is_some() {
        return Err(invalid(MANIFEST_JSON, format_args!("{text}: a name with a digest; expected NAME:TAG")));
    }
    Ok(name)
}
