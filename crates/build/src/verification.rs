//! Whether an image is what a build makes, and where it begins not to be.

use image_format::{ConfigDifference, DiffId, Failure, History, Layer, Observer, Source, edit};
use layer::{Aspect, Contents, FileDifference};

/// The first thing in which `image` is not what was `rebuilt`, in words, with the step that it comes from; `None` where they
/// are the same. `source` has the blobs of both.
///
/// # Errors
/// A layer is not what it claims, or is not there; those of `observer`.
pub fn first_difference(
    image: &edit::Image,
    rebuilt: &edit::Image,
    source: &dyn Source,
    observer: &dyn Observer,
) -> Result<Option<String>, Failure> {
    if image.manifest.bytes() == rebuilt.manifest.bytes() {
        return Ok(None);
    }
    let [ours, theirs] = [image, rebuilt].map(|image| &image.config.rootfs.diff_ids);
    let first = ours.iter().zip(theirs).take_while(|(one, other)| one == other).count();
    match (ours.get(first), theirs.get(first)) {
        (Some(_), Some(_)) => {
            let step = step_of(image, first);
            let file = first_file(&layer_of(image, first)?, &layer_of(rebuilt, first)?, source, observer)?;
            Ok(Some(format!("{file}; it comes from {step}")))
        }
        (Some(_), None) => {
            Ok(Some(format!("it has a layer more than was rebuilt, that of {}", step_of(image, first))))
        }
        (None, Some(_)) => {
            Ok(Some(format!("it lacks a layer that was rebuilt, that of {}", step_of(rebuilt, first))))
        }
        (None, None) => Ok(Some(first_field(image, rebuilt))),
    }
}

fn layer_of(image: &edit::Image, number: usize) -> Result<Layer, Failure> {
    Ok(Layer::all(&image.manifest, &image.config)?.swap_remove(number))
}

/// The line of history that the layer of this number has.
fn step_of(image: &edit::Image, number: usize) -> String {
    let line = image.config.history.iter().filter(|line| line.has_layer()).nth(number);
    let text = |line: &History| line.created_by.clone();
    line.and_then(text).unwrap_or_else(|| format!("layer {number}"))
}

fn first_file(
    ours: &Layer,
    theirs: &Layer,
    source: &dyn Source,
    observer: &dyn Observer,
) -> Result<String, Failure> {
    let [mut one, mut other] = [Contents::default(), Contents::default()];
    one.add(source, std::slice::from_ref(ours), observer)?;
    other.add(source, std::slice::from_ref(theirs), observer)?;
    let first = one.compare(&other, true).next();
    let diff_id = |layer: &Layer| -> DiffId { layer.diff_id };
    Ok(first.map_or_else(
        || format!("the order of the files differs: {} and {}", diff_id(ours), diff_id(theirs)),
        |file| in_words(&file),
    ))
}

fn in_words(file: &FileDifference) -> String {
    let path = &file.path;
    match (&file.before, &file.after) {
        (Some(_), None) => format!("{path}: was not rebuilt"),
        (None, _) => format!("{path}: was rebuilt, and is not there"),
        _ => {
            let name = |aspect: &Aspect| format!("{aspect:?}").to_lowercase();
            let what: Vec<String> = file.what.iter().map(name).collect();
            format!("{path}: differs in {}", what.join(", "))
        }
    }
}

/// The same files: what else is not the same.
fn first_field(image: &edit::Image, rebuilt: &edit::Image) -> String {
    let Some(found) = ConfigDifference::of_images(image, rebuilt, true).into_iter().next() else {
        return "the manifests differ: layers that are compressed otherwise, or fields that nobody knows"
            .to_owned();
    };
    let value = |value: &Option<image_format::ConfigValue>| match value {
        Some(value) => value.value.to_string(),
        None => "nothing".to_owned(),
    };
    let name = found.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    format!("{}{name}: {}; rebuilt: {}", found.key, value(&found.before), value(&found.after))
}
