//! The image that another was made on, and where in that it ends.

use crate::{Digest, ExecConfig, ImageConfig, Manifest, steps};

/// The image that another was made on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// What it is called, pinned where its digest is known: as every tool takes it, if it is in the layout.
    pub reference: String,
    /// Its manifest or index, where that is known.
    pub digest: Option<Digest>,
    /// How much of the image it is; `None` where it is not in the layout.
    pub boundary: Option<Boundary>,
    /// How it runs; `None` where it is not in the layout.
    pub exec: Option<ExecConfig>,
}

/// How much of an image is its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Boundary {
    /// How many layers, from the bottom.
    pub layers: usize,
    /// How many of the image's [`steps`], from the oldest.
    pub steps: usize,
}

impl Boundary {
    /// How much of the image with `manifest` and `config` is the image with the config `base`: their layers begin alike,
    /// and what is on top is more layers, or more lines of history. `None` where it is not made on that.
    pub fn of(base: &ImageConfig, manifest: &Manifest, config: &ImageConfig) -> Option<Boundary> {
        let layers = base.rootfs.diff_ids.len();
        let on_it = layers > 0 && config.rootfs.diff_ids.starts_with(&base.rootfs.diff_ids);
        let same_lines = on_it && begins_with_lines(base, config);
        let steps = if same_lines { base.history.len() } else { steps_of(layers, manifest, config) };
        let more_layers = config.rootfs.diff_ids.len() > layers;
        let more_lines = same_lines && config.history.len() > steps;
        (on_it && (more_layers || more_lines)).then_some(Boundary { layers, steps })
    }
}

/// Builders rewrite times, never commands.
fn begins_with_lines(base: &ImageConfig, config: &ImageConfig) -> bool {
    let line = |line: &crate::History| (line.created_by.clone().unwrap_or_default(), line.has_layer());
    config.history.len() >= base.history.len()
        && base.history.iter().map(line).eq(config.history.iter().take(base.history.len()).map(line))
}

/// The steps as far as the one that left the last of so many layers.
fn steps_of(layers: usize, manifest: &Manifest, config: &ImageConfig) -> usize {
    let with_layer = steps(manifest, config).into_iter().enumerate().filter(|(_, step)| step.layer.is_some());
    with_layer.take(layers).last().map_or(0, |(position, _)| position + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Descriptor, DiffId, Digest, History, MediaType};

    /// Lines as `RUN a`, which has a layer, or `ENV a`, which has none.
    fn config(lines: &[&str], layers: &str) -> ImageConfig {
        let mut config = ImageConfig {
            history: lines
                .iter()
                .map(|line| History {
                    created_by: Some((*line).to_owned()),
                    empty_layer: line.starts_with("ENV").then_some(true),
                    ..History::default()
                })
                .collect(),
            ..ImageConfig::default()
        };
        let diff_id = |layer: char| DiffId::new(Digest::sha256(layer.to_string().as_bytes()));
        config.rootfs.diff_ids = layers.chars().map(diff_id).collect();
        config
    }

    fn boundary(base: &ImageConfig, image: &ImageConfig) -> Option<(usize, usize)> {
        let blob = |diff_id: &DiffId| Descriptor::new(MediaType::OciLayerGzip, *diff_id.digest(), 1);
        let config_blob = Descriptor::new(MediaType::OciConfig, Digest::sha256(b""), 0);
        let manifest = Manifest::new(config_blob, image.rootfs.diff_ids.iter().map(blob).collect());
        Boundary::of(base, &manifest, image).map(|found| (found.layers, found.steps))
    }

    #[test]
    fn a_base_ends_where_its_history_does() {
        let base = config(&["RUN a", "ENV x"], "a");
        assert_eq!(boundary(&base, &config(&["RUN a", "ENV x", "ENV y", "RUN b"], "ab")), Some((1, 2)));
        assert_eq!(boundary(&base, &config(&["RUN a", "ENV x", "ENV y"], "a")), Some((1, 2)));
    }

    #[test]
    fn a_base_whose_history_was_rewritten_ends_with_its_last_layer() {
        let base = config(&["RUN a", "ENV x"], "a");
        assert_eq!(boundary(&base, &config(&["COPY a", "ENV y", "RUN b"], "ab")), Some((1, 1)));
        assert_eq!(boundary(&base, &config(&[], "ab")), Some((1, 1)));
    }

    #[test]
    fn an_image_is_not_its_own_base_nor_that_of_what_it_is_made_on() {
        let (base, image) = (config(&["RUN a"], "a"), config(&["RUN a", "ENV x"], "a"));
        assert_eq!(boundary(&base, &base), None);
        assert_eq!(boundary(&image, &base), None);
        assert_eq!(boundary(&config(&["ENV x"], ""), &image), None, "an image without layers is everyone's");
        assert_eq!(boundary(&config(&["RUN b"], "b"), &image), None);
    }
}
