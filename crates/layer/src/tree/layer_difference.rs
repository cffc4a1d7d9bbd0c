//! Which layers two images share, and which only one of them has.

use image_format::{DiffId, Digest, edit, steps};
use image_format::{Failure, Layer};
use serde::Serialize;

/// A layer of one of two images, or of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerDifference {
    /// The digest of its tar: layers are the same if that is.
    pub diff_id: DiffId,
    /// The command that made it, as the history has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// What the first image has of it; `None` where it lacks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<LayerState>,
    /// What the second image has of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<LayerState>,
}

/// A layer in an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerState {
    /// Which one, from 0 at the bottom.
    pub position: usize,
    /// The digest of its blob.
    pub digest: Digest,
    /// The length of its blob in bytes.
    pub size: u64,
}

impl LayerDifference {
    /// All layers of both images: those of the first from the bottom, then those that only the second one has.
    ///
    /// # Errors
    /// One of them is no image: see [`Layer::all`].
    pub fn between(before: &edit::Image, after: &edit::Image) -> Result<Vec<LayerDifference>, Failure> {
        let mut new = LayerDifference::all(after)?;
        let mut all = LayerDifference::all(before)?;
        for layer in &mut all {
            let same = new.iter().position(|other| other.diff_id == layer.diff_id);
            layer.before = layer.after.take();
            layer.after = same.and_then(|at| new.remove(at).after);
        }
        all.extend(new);
        Ok(all)
    }

    /// The layers of one image, as if another had none.
    ///
    /// # Errors
    /// It is no image: see [`Layer::all`].
    pub fn all(image: &edit::Image) -> Result<Vec<LayerDifference>, Failure> {
        let steps = steps(&image.manifest, &image.config);
        let commands = steps.iter().filter(|step| step.layer.is_some()).map(|step| step.history);
        let layers = Layer::all(&image.manifest, &image.config)?;
        let layer = |(position, (layer, history)): (usize, (Layer, Option<&image_format::History>))| {
            let state = LayerState { position, digest: layer.descriptor.digest, size: layer.descriptor.size };
            LayerDifference {
                diff_id: layer.diff_id,
                created_by: history.and_then(|history| history.created_by.clone()),
                before: None,
                after: Some(state),
            }
        };
        Ok(layers.into_iter().zip(commands).enumerate().map(layer).collect())
    }
}
