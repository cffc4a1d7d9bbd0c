//! The steps in the making of an image, each with the layer that it left.

use crate::{Descriptor, DiffId, History, ImageConfig, Manifest};

/// One step: a line of history, a layer, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The line; `None` for a layer that no line accounts for.
    pub history: Option<&'a History>,
    /// The layer; `None` for a line that left none, or whose layer the manifest lacks.
    pub layer: Option<&'a Descriptor>,
    /// What the layer unpacks to, where the config says so.
    pub diff_id: Option<DiffId>,
}

/// The steps of an image, oldest first.
///
/// Lines that are not `empty_layer` stand for the layers in their order. Builders leave surplus lines as well as surplus
/// layers behind (BuildKit, `normalizeLayersAndHistory`): they become steps of their own, layers at the end.
pub fn steps<'a>(manifest: &'a Manifest, config: &'a ImageConfig) -> Vec<Step<'a>> {
    let mut layers = manifest.layers.iter().enumerate();
    let diff_id = |position: usize| config.rootfs.diff_ids.get(position).copied();
    let mut steps = Vec::with_capacity(config.history.len().max(manifest.layers.len()));
    for line in &config.history {
        let (layer, diff_id) = match line.has_layer().then(|| layers.next()).flatten() {
            Some((position, layer)) => (Some(layer), diff_id(position)),
            None => (None, None),
        };
        steps.push(Step { history: Some(line), layer, diff_id });
    }
    let unaccounted = layers.map(|(position, layer)| Step {
        history: None,
        layer: Some(layer),
        diff_id: diff_id(position),
    });
    steps.extend(unaccounted);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, MediaType};

    fn image(lines: &[bool], layers: usize) -> (Manifest, ImageConfig) {
        let blob = |text: String| {
            Descriptor::new(MediaType::OciLayerGzip, Digest::sha256(text.as_bytes()), text.len() as u64)
        };
        let manifest = Manifest::new(
            blob("config".to_owned()),
            (0..layers).map(|number| blob(format!("layer {number}"))).collect(),
        );
        let history = lines
            .iter()
            .map(|empty| History { empty_layer: empty.then_some(true), ..History::default() })
            .collect();
        let mut config = ImageConfig { history, ..ImageConfig::default() };
        let plain = |number: usize| DiffId::new(Digest::sha256(format!("plain {number}").as_bytes()));
        config.rootfs.diff_ids = (0..layers).map(plain).collect();
        (manifest, config)
    }

    /// Which layer each step has; `None` is one without.
    fn layers_of(lines: &[bool], layers: usize) -> Vec<Option<usize>> {
        let (manifest, config) = image(lines, layers);
        let position = |layer: &Descriptor| manifest.layers.iter().position(|other| other == layer);
        let found: Vec<_> =
            steps(&manifest, &config).iter().map(|step| step.layer.and_then(position)).collect();
        for (step, layer) in steps(&manifest, &config).iter().zip(&found) {
            assert_eq!(step.diff_id, layer.map(|layer| config.rootfs.diff_ids[layer]));
        }
        found
    }

    #[test]
    fn lines_that_left_a_layer_stand_for_the_layers_in_order() {
        assert_eq!(layers_of(&[false, true, false], 2), [Some(0), None, Some(1)]);
    }

    #[test]
    fn surplus_lines_and_surplus_layers_are_shown() {
        assert_eq!(layers_of(&[false, false], 1), [Some(0), None]);
        assert_eq!(layers_of(&[true], 2), [None, Some(0), Some(1)]);
        assert_eq!(layers_of(&[], 1), [Some(0)]);
    }
}
