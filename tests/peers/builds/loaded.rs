//! What `oci-build` made, taken in by docker and read by BuildKit.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::trees::trees;
use super::world::World;
use crate::fixture::ours;

/// The trees of the images of the cases of these numbers, as BuildKit exports them.
pub(crate) fn trees_of(world: &World, numbers: &[usize]) -> Vec<Vec<String>> {
    let (scratch, peers) = (&world.scratch, world.peers);
    let names = numbers.iter().map(|number| world.name(&format!("built:{number}")));
    let export = ours(scratch, "oci-export", "work").args(names).arg("-o");
    export.arg(scratch.join("ours.tar")).succeeds();
    peers.exec(["docker", "load", "--quiet", "-i", &scratch.inside("ours.tar")]).succeeds();
    let tar = |number: &usize| format!("loaded-{number}.tar");
    let targets: Map<String, Value> = numbers
        .iter()
        .map(|number| {
            let target = json!({
                "dockerfile-inline": format!("FROM {}", world.name(&format!("built:{number}"))),
                "context": scratch.inside("files"),
                "output": [format!("type=tar,dest={}", scratch.inside(&tar(number)))],
            });
            (format!("loaded-{number}"), target)
        })
        .collect();
    let group: Vec<&String> = targets.keys().collect();
    let bake = json!({ "group": { "default": { "targets": group } }, "target": targets });
    fs::write(scratch.join("loaded.json"), bake.to_string()).expect("a file");
    let bake = ["docker", "buildx", "bake", "--allow=fs=*", "--progress", "quiet", "-f"];
    peers.exec(bake).arg(scratch.inside("loaded.json")).succeeds();
    let stacks: Vec<Vec<PathBuf>> = numbers.iter().map(|number| vec![scratch.join(tar(number))]).collect();
    trees(scratch, &stacks)
}
