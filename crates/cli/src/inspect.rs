//! What `oci-inspect` prints of an image: `docs/schemas/inspect.json`.

use crate::error::Error;
use crate::readable::Readable;
use image_format::{Class, Failure, Node, Platform, Raw, annotation};
use serde::Serialize;
use serde_json::value::RawValue;

/// The image's objects, as they are.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// The pinned reference.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The row of the layout's index, verbatim; else the index's child, or what the registry answers.
    pub descriptor: Box<RawValue>,
    /// The manifest or index, verbatim.
    pub manifest: Box<RawValue>,
    /// The config, verbatim; not for an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Box<RawValue>>,
    /// The platforms of an index, `OS/ARCH[/VARIANT]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platforms: Option<Vec<String>>,
    /// Where it was pulled from, and the digest that it had there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Inspection {
    /// Looks at an image; with `platform`, at that one of an index.
    ///
    /// # Errors
    /// Its manifest or config is missing, or not what its descriptor says.
    pub fn of(image: &Readable, platform: Option<&Platform>) -> Result<Inspection, Error> {
        let (descriptor, node) = match platform {
            Some(platform) => {
                let (descriptor, manifest) = image.manifest(Some(platform))?;
                (descriptor, Node::Manifest(manifest))
            }
            None => (image.descriptor.clone(), image.node()?),
        };
        let config = match &node {
            Node::Manifest(manifest) => Some(raw(image.config_bytes(manifest)?, "image config")?),
            Node::Index(_) => None,
        };
        let platforms = match &node {
            Node::Manifest(_) => None,
            Node::Index(index) => {
                let known = index.manifests.iter().filter_map(|child| child.platform.as_ref());
                Some(known.filter(|platform| platform.is_known()).map(ToString::to_string).collect())
            }
        };
        let json = match image.row().filter(|_| descriptor == image.descriptor) {
            Some(row) => row.as_bytes().to_vec(),
            None => Raw::write(descriptor.clone()).into_bytes(),
        };
        Ok(Inspection {
            reference: image.reference_to(&descriptor),
            source: image.descriptor.annotation(annotation::SOURCE).map(str::to_owned),
            descriptor: raw(json, "descriptor")?,
            manifest: raw(node.bytes().to_vec(), "image manifest")?,
            config,
            platforms,
        })
    }

    /// The object as JSON text.
    ///
    /// # Errors
    /// None that can happen: its parts are JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Failure::new(Class::Failed, error).into())
    }
}

fn raw(bytes: Vec<u8>, what: &str) -> Result<Box<RawValue>, Error> {
    let broken =
        |problem: String| Failure::new(Class::Integrity, format_args!("not a valid {what}: {problem}"));
    let text = String::from_utf8(bytes).map_err(|error| broken(error.to_string()))?;
    Ok(RawValue::from_string(text).map_err(|error| broken(error.to_string()))?)
}
