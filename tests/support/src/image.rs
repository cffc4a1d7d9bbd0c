//! Small images, built in code and written as another program would write them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::{digest_of, gzip, zstd_frame};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// An image in the making: layers, then what its config says.
#[derive(Clone, Default)]
pub struct Image {
    layers: Vec<Layer>,
    config: BTreeMap<String, Value>,
    platform: Option<(String, String)>,
    document: BTreeMap<String, Value>,
}

#[derive(Clone)]
struct Layer {
    media_type: &'static str,
    blob: Vec<u8>,
    diff_id: String,
}

impl Image {
    /// An image of linux/amd64 without layers.
    pub fn new() -> Image {
        Image::default()
    }

    /// One more layer, compressed by gzip.
    pub fn layer(self, tar: impl Into<Vec<u8>>) -> Image {
        let tar = tar.into();
        self.add("application/vnd.oci.image.layer.v1.tar+gzip", gzip(&tar), &tar)
    }

    /// One more layer, not compressed.
    pub fn plain_layer(self, tar: impl Into<Vec<u8>>) -> Image {
        let tar = tar.into();
        self.add("application/vnd.oci.image.layer.v1.tar", tar.clone(), &tar)
    }

    /// One more layer, compressed by zstd.
    pub fn zstd_layer(self, tar: impl Into<Vec<u8>>) -> Image {
        let tar = tar.into();
        self.add("application/vnd.oci.image.layer.v1.tar+zstd", zstd_frame(&tar), &tar)
    }

    /// What it runs.
    pub fn cmd<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Image {
        self.config("Cmd", words.into_iter().collect())
    }

    /// Any key of the config's `config` object.
    pub fn config(mut self, key: &str, value: Value) -> Image {
        self.config.insert(key.to_owned(), value);
        self
    }

    /// Any key of the config itself, `author` or `history` say.
    pub fn document(mut self, key: &str, value: Value) -> Image {
        self.document.insert(key.to_owned(), value);
        self
    }

    /// Another platform than linux/amd64.
    pub fn platform(mut self, os: &str, architecture: &str) -> Image {
        self.platform = Some((os.to_owned(), architecture.to_owned()));
        self
    }

    /// Its blobs.
    pub fn build(&self) -> BuiltImage {
        let (os, architecture) = self.platform.clone().unwrap_or_else(|| ("linux".into(), "amd64".into()));
        let diff_ids: Vec<_> = self.layers.iter().map(|l| &l.diff_id).collect();
        let history: Vec<_> = (0..self.layers.len())
            .map(|n| json!({ "created": "1970-01-01T00:00:00Z", "created_by": format!("layer {n}") }))
            .collect();
        let mut config = json!({
            "created": "1970-01-01T00:00:00Z", "os": os, "architecture": architecture, "config": self.config,
            "rootfs": { "type": "layers", "diff_ids": diff_ids }, "history": history,
        });
        self.document.iter().for_each(|(key, value)| config[key] = value.clone());
        let config = config.to_string().into_bytes();
        let layers: Vec<_> = self.layers.iter().map(|l| descriptor(l.media_type, &l.blob)).collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CONFIG, &config), "layers": layers,
        });
        let manifest = manifest.to_string().into_bytes();
        let mut descriptor = descriptor(MANIFEST, &manifest);
        descriptor["platform"] = json!({ "os": os, "architecture": architecture });
        let mut blobs: BTreeMap<_, _> =
            self.layers.iter().map(|l| (digest_of(&l.blob), l.blob.clone())).collect();
        let (digest, config_digest) = (digest_of(&manifest), digest_of(&config));
        blobs.extend([(digest.clone(), manifest), (config_digest.clone(), config)]);
        BuiltImage { digest, config_digest, descriptor, blobs }
    }

    /// [`BuiltImage::write_layout`] of what [`build`](Image::build) makes.
    pub fn write_layout(&self, path: impl AsRef<Path>, name: Option<&str>) -> BuiltImage {
        let built = self.build();
        built.write_layout(path, name);
        built
    }

    fn add(mut self, media_type: &'static str, blob: Vec<u8>, tar: &[u8]) -> Image {
        self.layers.push(Layer { media_type, blob, diff_id: digest_of(tar) });
        self
    }
}

/// An image's blobs by digest.
#[derive(Clone)]
pub struct BuiltImage {
    /// The manifest's digest.
    pub digest: String,
    /// The config's digest: docker's IMAGE ID.
    pub config_digest: String,
    /// The manifest's descriptor, with its platform.
    pub descriptor: Value,
    /// All its blobs.
    pub blobs: BTreeMap<String, Vec<u8>>,
}

impl BuiltImage {
    /// Adds it to the layout at `path`, which is made where it is missing. `name` goes into both annotations.
    pub fn write_layout(&self, path: impl AsRef<Path>, name: Option<&str>) {
        let path = path.as_ref();
        for (digest, bytes) in &self.blobs {
            write(&path.join("blobs").join(digest.replace(':', "/")), bytes);
        }
        let mut row = self.descriptor.clone();
        if let Some(name) = name {
            row["annotations"] =
                json!({ "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name });
        }
        let mut index = read_index(path);
        index["manifests"].as_array_mut().expect("an index has rows").push(row);
        write(&path.join("index.json"), index.to_string().as_bytes());
        write(&path.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#);
    }
}

fn read_index(layout: &Path) -> Value {
    match std::fs::read(layout.join("index.json")) {
        Ok(bytes) => serde_json::from_slice(&bytes).expect("index.json is JSON"),
        Err(_) => json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [],
        }),
    }
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len() })
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a file lies in a directory")).unwrap();
    std::fs::write(path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}
