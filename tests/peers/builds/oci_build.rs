//! The cases built by `oci-build`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use test_support::{Command, check_layout};

use super::built::{Built, Outcome};
use super::case::Case;
use super::trees::trees;
use super::world::World;
use crate::fixture::ours;

/// What a build leaves in the layout.
struct Image {
    config: Value,
    /// The blobs of its layers, from the lowest up.
    layers: Vec<PathBuf>,
}

/// What `oci-build` makes of the cases.
pub(crate) fn build(world: &World, cases: &[Case]) -> Vec<Outcome> {
    let layout = world.scratch.join("work");
    let images: Vec<Result<Image, String>> = cases
        .iter()
        .enumerate()
        .map(|(number, case)| {
            let outcome = command(world, number, case).run();
            match outcome.code() {
                Some(0) => Ok(image(&layout, outcome.line())),
                _ => Err(outcome.stderr().to_owned()),
            }
        })
        .collect();
    check_layout(&layout);
    let stacks: Vec<Vec<PathBuf>> = images.iter().flatten().map(|image| image.layers.clone()).collect();
    let mut trees = trees(&world.scratch, &stacks).into_iter();
    let outcome = |image: Result<Image, String>| match image {
        Ok(image) => {
            Outcome::Made(Built { tree: trees.next().expect("a tree for each"), config: image.config })
        }
        Err(error) => Outcome::Refused(error),
    };
    images.into_iter().map(outcome).collect()
}

fn command(world: &World, number: usize, case: &Case) -> Command {
    let scratch = &world.scratch;
    let mut command = ours(scratch, "oci-build", "work")
        // one cache for all, so that a step which finds the layer of another is found out
        .env("XDG_CACHE_HOME", scratch.join("cache"))
        .arg("-f")
        .arg(scratch.join(format!("files/{number}.Dockerfile")))
        .args(["-t", &world.name(&format!("built:{number}"))]);
    for (option, value) in [("--target", &case.target), ("--platform", &case.platform)] {
        if let Some(value) = value {
            command = command.args([option, value]);
        }
    }
    for pair in &case.build_args {
        command = command.args(["--build-arg", pair]);
    }
    for pair in &case.build_contexts {
        let (name, place) = pair.split_once('=').expect("NAME=DIRECTORY");
        let layout = scratch.join("work");
        let place = match place.strip_prefix("image:") {
            Some(base) => format!("oci:{}:{}", layout.display(), world.name(base)),
            None => scratch.join(place).display().to_string(),
        };
        command = command.arg("--build-context").arg(format!("{}={place}", world.localized(name)));
    }
    command.arg(scratch.join(&case.context))
}

/// The image of a line that `oci-build` printed.
fn image(layout: &Path, line: &str) -> Image {
    let (_, digest) = line.rsplit_once('@').expect("the line is pinned");
    let blob =
        |digest: &Value| layout.join("blobs").join(digest.as_str().expect("a digest").replacen(':', "/", 1));
    let json = |path: PathBuf| -> Value {
        serde_json::from_slice(&fs::read(&path).expect("the blob is there")).expect("JSON")
    };
    let manifest = json(blob(&Value::from(digest)));
    let layers = manifest["layers"].as_array().expect("a list of layers");
    Image {
        config: json(blob(&manifest["config"]["digest"])),
        layers: layers.iter().map(|layer| blob(&layer["digest"])).collect(),
    }
}
