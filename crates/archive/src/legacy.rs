//! Images of dockers before 1.10: no config and no list of layers, but a directory for each layer with its own JSON,
//! which names its parent.
//!
//! moby, image/spec/v1.md; the config is made as docker made it when it moved to content addresses
//! (migrate/v1, image/v1/imagev1.go, MakeConfigFromV1Config).

use crate::images::{absent, invalid};
use crate::intake::{MAX_LIST_BYTES, REPOSITORIES};
use crate::received::{FoundImage, Received};
use image_format::{
    Class, Descriptor, DiffId, Failure, History, ImageConfig, ImageName, MAX_CONFIG_BYTES, Manifest,
    MediaType, Members, Raw, RootFs,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// More layers than any docker could stack.
const MAX_LAYERS: usize = 128;
/// What only the old form has, or only this engine's host meant.
const DROPPED: [&str; 7] = ["id", "parent", "Size", "parent_id", "layer_id", "throwaway", "layers"];

/// A layer's own JSON, as far as it matters.
#[derive(Deserialize)]
struct Step {
    parent: Option<String>,
    created: Option<String>,
    author: Option<String>,
    comment: Option<String>,
    container_config: Option<Container>,
    throwaway: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    cmd: Option<Vec<String>>,
}

type Repositories = BTreeMap<String, BTreeMap<String, String>>;

impl Received<'_> {
    /// The images that `repositories` names.
    pub(crate) fn of_repositories(&mut self) -> Result<Vec<FoundImage>, Failure> {
        let list = self.document(REPOSITORIES, MAX_LIST_BYTES)?.unwrap_or_default();
        let repositories: Repositories =
            serde_json::from_slice(&list).map_err(|error| invalid(REPOSITORIES, error))?;
        let mut images: Vec<(String, FoundImage)> = Vec::new();
        for (repository, tags) in repositories {
            for (tag, id) in tags {
                let name: ImageName =
                    format!("{repository}:{tag}").parse().map_err(|error| invalid(REPOSITORIES, error))?;
                if let Some((_, image)) = images.iter_mut().find(|(other, _)| *other == id) {
                    image.names.push(name);
                    continue;
                }
                let descriptor = self.old_image(&id)?;
                images.push((id, FoundImage { descriptor, names: vec![name], tag: None }));
            }
        }
        Ok(images.into_iter().map(|(_, image)| image).collect())
    }

    /// Makes the config and the manifest of the image whose top layer is `id`.
    fn old_image(&mut self, id: &str) -> Result<Descriptor, Failure> {
        let (mut layers, mut diff_ids, mut history) = (Vec::new(), Vec::new(), Vec::new());
        let mut next = Some(id.to_owned());
        let mut top = None;
        while let Some(id) = next.take() {
            if history.len() == MAX_LAYERS {
                return Err(invalid(&id, format_args!("more than {MAX_LAYERS} parents")));
            }
            let json = format!("{id}/json");
            let bytes = self.document(&json, MAX_CONFIG_BYTES)?.ok_or_else(|| absent(&json))?;
            let step: Step = serde_json::from_slice(&bytes).map_err(|error| invalid(&json, error))?;
            let empty = step.throwaway == Some(true);
            if !empty {
                let name = format!("{id}/layer.tar");
                let (layer, diff_id) = self.layer(&name)?.ok_or_else(|| absent(&name))?;
                let unknown = || Failure::new(Class::Failed, "what it unpacks to is not known").at(&name);
                layers.push(layer);
                diff_ids.push(diff_id.ok_or_else(unknown)?);
            }
            history.push(history_of(&step, empty));
            next = step.parent.filter(|parent| !parent.is_empty());
            top.get_or_insert((json, bytes));
        }
        layers.reverse();
        diff_ids.reverse();
        history.reverse();
        let (json, bytes) = top.ok_or_else(|| absent(id))?;
        let config = config_of(&json, &bytes, diff_ids, &history)?;
        let descriptor = config.descriptor(MediaType::OciConfig);
        self.made.insert(descriptor.digest, config.bytes().to_vec());
        let manifest = Manifest::new(descriptor, layers);
        Ok(self.make(Raw::write(manifest)).with_platform(config.platform()))
    }
}

fn history_of(step: &Step, empty: bool) -> History {
    let command = step.container_config.as_ref().and_then(|container| container.cmd.as_ref());
    History {
        created: step.created.clone(),
        created_by: command.map(|words| words.join(" ")),
        author: step.author.clone().filter(|author| !author.is_empty()),
        comment: step.comment.clone().filter(|comment| !comment.is_empty()),
        empty_layer: empty.then_some(true),
    }
}

fn config_of(
    json: &str,
    bytes: &[u8],
    diff_ids: Vec<DiffId>,
    history: &[History],
) -> Result<Raw<ImageConfig>, Failure> {
    let mut config = Members::parse(bytes).map_err(|error| invalid(json, error))?;
    for key in DROPPED {
        config.remove(key);
    }
    let rootfs = RootFs { diff_ids, ..RootFs::default() };
    config.set("rootfs", &rootfs).map_err(|error| invalid(json, error))?;
    config.set("history", history).map_err(|error| invalid(json, error))?;
    Raw::parse("image config", config.to_json()).map_err(|error| invalid(json, error))
}
