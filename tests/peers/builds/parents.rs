//! `COPY --parents`, which docker's BuildKit does not know, as buildah carries it out.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use test_support::need;

use super::built::{Outcome, lines};
use super::case::{Case, parse};
use super::oci_build;
use super::trees::trees;
use super::world::World;
use crate::fixture::store;

/// The cases. Where a name is a quotation, it is the rule of the public reference that the case follows.
const CASES: &str = include_str!("parents.cases");

/// All of them.
pub(super) fn cases() -> Vec<Case> {
    parse(CASES)
}

#[test]
fn buildah_keeps_the_same_parents() {
    let peers = need!("docker", "buildah", "git");
    let world = World::new(peers, None);
    let cases = cases();
    cases.iter().enumerate().for_each(|(number, case)| world.write(number, case));
    let theirs = theirs(&world, &cases);
    let ours = oci_build::build(&world, &cases);
    let mut wrong = Vec::new();
    for ((case, ours), theirs) in cases.iter().zip(ours).zip(theirs) {
        let differences = match ours {
            Outcome::Made(ours) => lines(&ours.tree, &theirs),
            Outcome::Refused(error) => vec![error],
        };
        if !differences.is_empty() {
            wrong.push(format!("{}\n  {}", case.name, differences.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The trees that buildah makes.
fn theirs(world: &World, cases: &[Case]) -> Vec<Vec<String>> {
    let buildah = store(&world.peers, &world.scratch, "buildah", 0);
    let inside = |path: &str| world.scratch.inside(path);
    let stack = |number: usize| {
        let (file, name) = (inside(&format!("files/{number}.Dockerfile")), format!("parents:{number}"));
        let to = format!("buildah-{number}");
        let build = ["build", "--quiet", "--layers=false", "-f", &file, "-t", &name, &inside("context")];
        buildah(&build).succeeds();
        buildah(&["push", "--quiet", &name, &format!("oci:{}:x", inside(&to))]).succeeds();
        layers(&world.scratch.join(&to))
    };
    let stacks: Vec<Vec<PathBuf>> = (0..cases.len()).map(stack).collect();
    trees(&world.scratch, &stacks)
}

/// The blobs of the layers of a layout's one image.
fn layers(layout: &std::path::Path) -> Vec<PathBuf> {
    let json = |path: PathBuf| -> Value {
        serde_json::from_slice(&fs::read(path).expect("buildah wrote it")).expect("JSON")
    };
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().expect("a digest");
        layout.join("blobs").join(digest.replacen(':', "/", 1))
    };
    let manifest = json(blob(&json(layout.join("index.json"))["manifests"][0]));
    manifest["layers"].as_array().expect("a list").iter().map(blob).collect()
}
