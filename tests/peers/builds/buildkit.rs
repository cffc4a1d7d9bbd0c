//! The cases built by docker's BuildKit: several at once, each image exported as a tree and kept in docker's store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::built::{Built, Outcome};
use super::case::Case;
use super::trees::trees;
use super::world::World;

/// How many are built by one call: more at once, and BuildKit loses some.
const AT_ONCE: usize = 16;

/// Builds the targets that stand in `good`, many in one call; alone those of a call that failed, and those that stand
/// in `refused`. Which failed is written into `failed`, and why into `NAME.err`.
const BUILD: &str = r#"
set -eu
cd "$1"
touch again failed
export BAKE="docker buildx bake --allow=fs=* --progress quiet -f bake.json"
xargs -n "$2" -P 2 sh -c '$BAKE "$@" 2>many.err || printf "%s\n" "$@" >>again' sh <good
cat again refused | xargs -n 1 -P 3 sh -c 'rm -f "$1.tar"; $BAKE "$1" 2>"$1.err" || echo "$1" >>failed' sh
"#;

/// What BuildKit makes of the cases.
pub(crate) fn build(world: &World, cases: &[Case]) -> Vec<Outcome> {
    write(world, cases);
    let (scratch, peers) = (&world.scratch, world.peers);
    let script = ["sh", "-c", BUILD, "sh", &scratch.inside(""), &AT_ONCE.to_string()];
    peers.exec(script).succeeds();
    let failed = fs::read_to_string(scratch.join("failed")).expect("the script makes it");
    let failed: BTreeSet<&str> = failed.lines().collect();
    let made: Vec<usize> = (0..cases.len()).filter(|n| !failed.contains(&*target(*n))).collect();
    let mut configs = configs(world, &made);
    let tar = |n: &usize| vec![scratch.join(target(*n)).with_extension("tar")];
    let stacks: Vec<Vec<PathBuf>> = made.iter().map(tar).collect();
    let mut trees: BTreeMap<usize, Vec<String>> = made.into_iter().zip(trees(scratch, &stacks)).collect();
    let outcome = |n: usize| match trees.remove(&n) {
        Some(tree) => Outcome::Made(Built { tree, config: configs.remove(&n).expect("it was saved") }),
        None => {
            let error = scratch.join(target(n)).with_extension("err");
            Outcome::Refused(fs::read_to_string(error).expect("it was built alone"))
        }
    };
    (0..cases.len()).map(outcome).collect()
}

/// What a case is called in `bake.json`.
fn target(number: usize) -> String {
    format!("case-{number}")
}

fn image(world: &World, number: usize) -> String {
    world.name(&format!("built:{number}"))
}

/// Writes `bake.json`, and the lists of targets.
fn write(world: &World, cases: &[Case]) {
    let mut targets = Map::new();
    let (mut good, mut refused) = (String::new(), String::new());
    for (number, case) in cases.iter().enumerate() {
        let list = if case.refused { &mut refused } else { &mut good };
        list.push_str(&target(number));
        list.push('\n');
        targets.insert(target(number), described(world, number, case));
    }
    let bake = json!({ "target": targets });
    for (name, content) in [("bake.json", bake.to_string()), ("good", good), ("refused", refused)] {
        fs::write(world.scratch.join(name), content).expect("a file");
    }
}

/// A target of `bake.json`.
fn described(world: &World, number: usize, case: &Case) -> Value {
    let inside = |path: &str| world.scratch.inside(path);
    let tar = inside(&format!("{}.tar", target(number)));
    let mut described = json!({
        "context": inside(&case.context),
        "dockerfile": inside(&format!("files/{number}.Dockerfile")),
        "tags": [image(world, number)],
        "output": [format!("type=tar,dest={tar}"), "type=docker"],
    });
    let pairs = |list: &[String], value: &dyn Fn(&str) -> String| -> Value {
        let split = |pair: &String| {
            let (name, given) = pair.split_once('=').expect("NAME=VALUE");
            (world.localized(name), json!(value(given)))
        };
        Value::Object(list.iter().map(split).collect())
    };
    described["args"] = pairs(&case.build_args, &str::to_owned);
    let place = |place: &str| match place.strip_prefix("image:") {
        Some(base) => format!("docker-image://{}", world.name(base)),
        None => inside(place),
    };
    described["contexts"] = pairs(&case.build_contexts, &place);
    if let Some(target) = &case.target {
        described["target"] = json!(target);
    }
    if let Some(platform) = &case.platform {
        described["platforms"] = json!([platform]);
    }
    described
}

/// Prints the configs of images one after the other, from docker's own store: `docker save` refuses an image of no layers.
const CONFIGS: &str = r#"
set -eu
cd "$(docker info --format '{{.DockerRootDir}}/image/{{.Driver}}/imagedb/content/sha256')"
docker image inspect --format '{{.Id}}' "$@" | sed 's/^sha256://' | xargs cat
"#;

/// The configs of the images that were made.
fn configs(world: &World, made: &[usize]) -> BTreeMap<usize, Value> {
    let images = made.iter().map(|number| image(world, *number));
    let printed = world.peers.exec(["sh", "-c", CONFIGS, "sh"]).args(images).succeeds();
    let configs = serde_json::Deserializer::from_str(printed.stdout()).into_iter();
    let configs: Vec<Value> = configs.collect::<Result<_, _>>().expect("docker keeps JSON");
    assert_eq!(configs.len(), made.len());
    made.iter().copied().zip(configs).collect()
}
