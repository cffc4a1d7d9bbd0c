//! The image that a target has become.

use crate::draft::Draft;
use crate::error::Error;
use crate::options::Options;
use crate::stages::Stages;
use image_format::{
    Descriptor, History, ImageConfig, Layer, Manifest, MediaType, Platform, Raw, RootFs, annotation, edit,
};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

impl Stages<'_> {
    /// What the target is; of the platform `asked` for, or of that of its base.
    ///
    /// # Errors
    /// The target is not done.
    pub(crate) fn image(&self, asked: Option<&Platform>) -> Result<edit::Image, Error> {
        let options = self.build.options;
        let mut draft = self.stage(self.plan.target)?.clone();
        if !options.labels.is_empty() {
            draft.exec().labels.get_or_insert_default().extend(options.labels.clone());
        }
        if let Some(platform) = asked {
            draft.config.architecture = platform.architecture.clone();
            draft.config.os = platform.os.clone();
            if platform.variant.is_some() {
                draft.config.variant = platform.variant.clone();
            }
        }
        Ok(assembled(draft, options))
    }
}

/// Manifest and config, with OCI's media types whatever the base has.
fn assembled(draft: Draft<'_>, options: &Options) -> edit::Image {
    let created = created(&draft.config, options.epoch);
    let of_base = draft.base_history;
    let dated = |(number, line): (usize, History)| match number < of_base {
        true => line,
        false => History { created: Some(created.clone()), ..line },
    };
    let layers = draft.tree.layers();
    let config = Raw::write(ImageConfig {
        created: Some(created.clone()),
        rootfs: RootFs { diff_ids: layers.iter().map(|layer| layer.diff_id).collect(), ..RootFs::default() },
        history: draft.config.history.into_iter().enumerate().map(dated).collect(),
        ..draft.config
    });
    let mut manifest =
        Manifest::new(config.descriptor(MediaType::OciConfig), layers.iter().map(oci_descriptor).collect());
    let mut annotations: BTreeMap<String, String> = BTreeMap::new();
    if let Some(base) = &draft.base {
        annotations.extend(base.name.iter().map(|name| (annotation::BASE_NAME.to_owned(), name.to_string())));
        annotations.insert(annotation::BASE_DIGEST.to_owned(), base.digest.to_string());
    }
    annotations.extend(options.annotations.clone());
    manifest.annotations = Some(annotations).filter(|all| !all.is_empty());
    edit::Image { manifest: Raw::write(manifest), config }
}

fn oci_descriptor(layer: &Layer) -> Descriptor {
    Descriptor { media_type: layer.descriptor.media_type.to_oci(), ..layer.descriptor.clone() }
}

/// When the image says it was made: at `epoch`, else when its base was, else in 1970. Never now: the same files give the same
/// image.
fn created(base: &ImageConfig, epoch: Option<i64>) -> String {
    let text = |seconds| {
        let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        time.format(&Rfc3339).unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
    };
    match (epoch, &base.created) {
        (Some(epoch), _) => text(epoch),
        (None, Some(created)) => created.clone(),
        (None, None) => text(0),
    }
}
