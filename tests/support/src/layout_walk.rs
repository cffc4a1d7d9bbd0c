//! From `index.json` through indexes and manifests to configs and layers.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::digest_of;
use crate::layout_check::{Report, Row};

/// One walk over all rows; each blob is looked at once.
pub(crate) struct Walk<'a> {
    layout: &'a Path,
    wrong_diff_ids: bool,
    report: &'a mut Report,
    reached: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(layout: &'a Path, wrong_diff_ids: bool, report: &'a mut Report) -> Walk<'a> {
        Walk { layout, wrong_diff_ids, report, reached: BTreeSet::new() }
    }

    /// Follows every row of `index.json`.
    pub(crate) fn index(mut self) {
        let bytes = std::fs::read(self.layout.join("index.json")).unwrap_or_default();
        let Ok(index) = serde_json::from_slice::<Value>(&bytes) else {
            return self.report.wrong(format_args!("index.json: missing, or not JSON"));
        };
        if index["schemaVersion"] != 2 {
            self.report.wrong(format_args!("index.json: schemaVersion is {}, not 2", index["schemaVersion"]));
        }
        let Some(rows) = index["manifests"].as_array() else {
            return self.report.wrong(format_args!("index.json: manifests is not an array"));
        };
        for row in rows {
            let annotation = |key: &str| row["annotations"][key].as_str().map(str::to_owned);
            let name = annotation("io.containerd.image.name")
                .or_else(|| annotation("org.opencontainers.image.ref.name"));
            let digest = row["digest"].as_str().unwrap_or_default().to_owned();
            self.report.rows.push(Row { name, digest });
            if !self.descriptor("index.json", row) {
                self.report.wrong(format_args!("index.json: row of {} leads nowhere", row["digest"]));
            }
        }
        let blobs = self.report.blobs.keys();
        self.report.unreachable = blobs.filter(|digest| !self.reached.contains(*digest)).cloned().collect();
    }

    /// Follows one descriptor that stands in `parent`. False: its blob is not there.
    fn descriptor(&mut self, parent: &str, descriptor: &Value) -> bool {
        let (Some(digest), Some(size), Some(media_type)) =
            (descriptor["digest"].as_str(), descriptor["size"].as_u64(), descriptor["mediaType"].as_str())
        else {
            self.report.wrong(format_args!("{parent}: not a descriptor: {descriptor}"));
            return true;
        };
        let Some(found) = self.report.blobs.get(digest).copied() else { return false };
        if found != size {
            self.report.wrong(format_args!("{parent}: says {size} bytes of {digest}, which has {found}"));
        }
        if self.reached.insert(digest.to_owned()) {
            match kind(media_type) {
                Kind::Index => self.children(digest, media_type),
                Kind::Manifest => self.manifest(digest, media_type),
                Kind::Other => {}
            }
        }
        true
    }

    fn children(&mut self, digest: &str, media_type: &str) {
        let Some(index) = self.json(digest, media_type) else { return };
        for child in index["manifests"].as_array().unwrap_or(&Vec::new()) {
            if !self.descriptor(digest, child) {
                self.report.missing.insert(child["digest"].as_str().unwrap_or_default().to_owned());
            }
        }
    }

    fn manifest(&mut self, digest: &str, media_type: &str) {
        let Some(manifest) = self.json(digest, media_type) else { return };
        if !self.descriptor(digest, &manifest["config"]) {
            self.report
                .wrong(format_args!("{digest}: its config {} is missing", manifest["config"]["digest"]));
        }
        let none = Vec::new();
        let layers = manifest["layers"].as_array().unwrap_or(&none);
        for layer in layers {
            // layers that may not be distributed lie where their urls say
            if !self.descriptor(digest, layer) && !layer["urls"].is_array() {
                self.report.wrong(format_args!("{digest}: its layer {} is missing", layer["digest"]));
            }
        }
        let config_type = manifest["config"]["mediaType"].as_str().unwrap_or_default();
        if !self.wrong_diff_ids && is_image_config(config_type) {
            self.diff_ids(digest, &manifest["config"], layers);
        }
    }

    fn diff_ids(&mut self, manifest: &str, config: &Value, layers: &[Value]) {
        let config = config["digest"].as_str().unwrap_or_default();
        let Some(config) = self.read(config).and_then(|b| serde_json::from_slice::<Value>(&b).ok()) else {
            return self.report.wrong(format_args!("{manifest}: its config {config} is not JSON"));
        };
        let none = Vec::new();
        let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap_or(&none);
        if diff_ids.len() != layers.len() {
            let (layers, ids) = (layers.len(), diff_ids.len());
            return self.report.wrong(format_args!("{manifest}: {layers} layers, but {ids} DiffIDs"));
        }
        for (layer, diff_id) in layers.iter().zip(diff_ids) {
            let Some(blob) = layer["digest"].as_str().and_then(|d| self.read(d)) else { continue };
            match plain(&blob) {
                Ok(tar) if Some(digest_of(&tar).as_str()) == diff_id.as_str() => {}
                Ok(tar) => {
                    let found = digest_of(&tar);
                    self.report.wrong(format_args!(
                        "{manifest}: layer {} is {found}, not {diff_id}",
                        layer["digest"]
                    ));
                }
                Err(e) => self.report.wrong(format_args!("{manifest}: layer {}: {e}", layer["digest"])),
            }
        }
    }

    /// A blob as JSON, whose own `mediaType`, where it has one, is the descriptor's.
    fn json(&mut self, digest: &str, media_type: &str) -> Option<Value> {
        let value = self.read(digest).and_then(|b| serde_json::from_slice::<Value>(&b).ok());
        let Some(value) = value else {
            self.report.wrong(format_args!("{digest}: said to be {media_type}, but it is not JSON"));
            return None;
        };
        if value["mediaType"].as_str().is_some_and(|own| own != media_type) {
            let own = &value["mediaType"];
            self.report.wrong(format_args!("{digest}: said to be {media_type}, but says of itself {own}"));
        }
        Some(value)
    }

    fn read(&self, digest: &str) -> Option<Vec<u8>> {
        // only of blobs that were found: a digest from a foreign file is no path
        self.report.blobs.get(digest)?;
        std::fs::read(self.layout.join("blobs").join(digest.replace(':', "/"))).ok()
    }
}

enum Kind {
    Index,
    Manifest,
    Other,
}

fn kind(media_type: &str) -> Kind {
    match media_type {
        "application/vnd.oci.image.index.v1+json"
        | "application/vnd.docker.distribution.manifest.list.v2+json" => Kind::Index,
        "application/vnd.oci.image.manifest.v1+json"
        | "application/vnd.docker.distribution.manifest.v2+json" => Kind::Manifest,
        _ => Kind::Other,
    }
}

fn is_image_config(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json"
    )
}

/// A layer's tar stream, whatever it is compressed with: the first bytes decide.
fn plain(blob: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut tar = Vec::new();
    match blob {
        [0x1f, 0x8b, ..] => drop(flate2::read::MultiGzDecoder::new(blob).read_to_end(&mut tar)?),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => tar = zstd::decode_all(blob)?,
        _ => tar = blob.to_vec(),
    }
    Ok(tar)
}
