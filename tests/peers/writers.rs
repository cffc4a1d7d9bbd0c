//! The other tools write into a layout of ours that holds several names: afterwards ours see exactly the names that the
//! write means, and nothing else is lost, by a collection of theirs neither.

use std::collections::BTreeMap;

use serde_json::Value;
use test_support::{Peers, Scratch, check_layout, need};

use crate::fixture::{ours, says, store};

/// The names that the layout begins with, and what their image holds: `quay.io/a__b:1` has no legal `ref.name`.
const NAMES: [(&str, &str); 5] = [
    ("docker.io/library/app:1", "one"),
    ("docker.io/library/app:2", "two"),
    ("docker.io/team/x:1", "three"),
    ("quay.io/a__b:1", "four"),
    ("localhost:5000/app:1", "one"),
];
const APP_1: &str = NAMES[0].0;
const APP_2: &str = NAMES[1].0;

/// The layout `work`, which another tool writes into.
struct Layout {
    peers: Peers,
    scratch: Scratch,
    /// Each name, and the digest that it has to have.
    names: BTreeMap<String, String>,
}

impl Layout {
    fn new(peers: Peers) -> Layout {
        let mut layout = Layout { peers, scratch: peers.scratch(), names: BTreeMap::new() };
        for (name, content) in NAMES {
            let tar = test_support::TarBuilder::new().dir("etc").file("etc/motd", content).bytes();
            let import = ours(&layout.scratch, "oci-import", "work");
            // a fixed time: the same image has the same digest
            let line = import.env("SOURCE_DATE_EPOCH", "0").args(["--name", name]).stdin(tar).succeeds();
            layout.names.insert(name.to_owned(), line.line().rsplit_once('@').expect("pinned").1.to_owned());
        }
        layout.is_as_expected();
        layout
    }

    /// `DIR:NAME`, for a peer.
    fn address(&self, name: &str) -> String {
        format!("{}:{name}", self.scratch.inside("work"))
    }

    fn run(&self, words: &[&str]) {
        self.peers.exec(words).succeeds();
    }

    /// The peer's write means that `name` has this digest from now on.
    fn now_has(&mut self, name: &str, digest: &str) {
        self.names.insert(name.to_owned(), digest.to_owned());
        self.is_as_expected();
    }

    /// The digest that a peer finds under a name.
    fn digest_at(&self, name: &str) -> String {
        let address = format!("oci:{}", self.address(name));
        says(&self.peers, ["skopeo", "inspect", "--format", "{{.Digest}}", &address])
    }

    /// Our tools see these names and no others, and every image of theirs is whole.
    #[track_caller]
    fn is_as_expected(&self) {
        let images = ours(&self.scratch, "oci-images", "work").arg("--json").succeeds();
        let object = |line: &&str| serde_json::from_str::<Value>(line).expect("an object");
        let images: Vec<Value> = images.lines().iter().map(object).collect();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let found: BTreeMap<String, String> = images
            .iter()
            .filter_map(|image| Some((text(&image["name"])?, text(&image["digest"])?)))
            .collect();
        assert_eq!(found, self.names);
        for name in self.names.keys() {
            ours(&self.scratch, "oci-history", "work").arg(name).succeeds();
        }
        ours(&self.scratch, "oci-fsck", "work").succeeds();
        check_layout(self.scratch.join("work"));
    }

    /// The next write of ours leaves one claim to each name that it gives.
    fn ours_go_on(mut self) {
        let digest = self.names[APP_2].clone();
        for name in [APP_1, "docker.io/library/new:1"] {
            ours(&self.scratch, "oci-tag", "work").args([APP_2, name]).succeeds();
            self.now_has(name, &digest);
            assert_eq!(self.digest_at(name), digest);
        }
    }
}

#[test]
fn skopeo_moves_a_name_and_gives_new_ones() {
    let mut layout = Layout::new(need!("skopeo"));
    let two = layout.names[APP_2].clone();
    for (written, name) in [(APP_1, APP_1), ("new:3", "docker.io/library/new:3"), ("bare", "bare")] {
        let [from, to] = [APP_2, written].map(|name| format!("oci:{}", layout.address(name)));
        layout.run(&["skopeo", "copy", "--quiet", &from, &to]);
        layout.now_has(name, &two);
    }
    layout.ours_go_on();
}

#[test]
fn umoci_tags_and_removes_and_collects() {
    let mut layout = Layout::new(need!("umoci", "skopeo"));
    let one = layout.names[APP_1].clone();
    let app = layout.address(APP_1);
    for name in ["docker.io/library/app:9", "bare"] {
        layout.run(&["umoci", "tag", "--image", &app, name]);
        layout.now_has(name, &one);
    }
    layout.run(&["umoci", "rm", "--image", &layout.address("docker.io/team/x:1")]);
    layout.names.remove("docker.io/team/x:1");
    layout.is_as_expected();
    layout.run(&["umoci", "gc", "--layout", &layout.scratch.inside("work")]);
    layout.is_as_expected();
    layout.ours_go_on();
}

#[test]
fn umoci_changes_a_config_and_adds_layers() {
    let mut layout = Layout::new(need!("umoci", "skopeo"));
    let app = layout.address(APP_1);
    layout.run(&["umoci", "config", "--image", &app, "--config.cmd", "/bin/x"]);
    layout.now_has(APP_1, &layout.digest_at(APP_1));
    for (bundle, name) in [("bundle-1", APP_1), ("bundle-2", "docker.io/library/app:7")] {
        let inside = layout.scratch.inside(bundle);
        layout.run(&["umoci", "unpack", "--image", &app, &inside]);
        std::fs::write(layout.scratch.join(bundle).join("rootfs/new"), bundle).expect("the bundle is there");
        layout.run(&["umoci", "repack", "--image", &layout.address(name), &inside]);
        layout.now_has(name, &layout.digest_at(name));
    }
    layout.run(&["umoci", "gc", "--layout", &layout.scratch.inside("work")]);
    layout.is_as_expected();
    layout.ours_go_on();
}

#[test]
fn oras_copies_by_the_whole_name_and_by_a_bare_tag() {
    let mut layout = Layout::new(need!("oras", "skopeo"));
    let (two, work) = (layout.names[APP_2].clone(), layout.scratch.inside("work"));
    let copy = ["oras", "cp", "--from-oci-layout-path", &work];
    layout.run(&[&copy[..], &["--to-oci-layout-path", &work, APP_2, APP_1]].concat());
    layout.now_has(APP_1, &two);
    layout.run(&[&copy[..], &["--to-oci-layout", APP_2, &format!("{work}:bare")]].concat());
    layout.now_has("bare", &two);
    layout.ours_go_on();
}

#[test]
fn buildah_and_podman_push_and_save_into_it() {
    let mut layout = Layout::new(need!("buildah", "podman", "skopeo"));
    let from = format!("oci:{}", layout.address(APP_2));
    for (number, program) in ["buildah", "podman"].into_iter().enumerate() {
        let run = store(&layout.peers, &layout.scratch, program, number);
        run(&["pull", "--quiet", &from]).succeeds();
        let to = format!("oci:{}", layout.address(APP_1));
        let file = layout.scratch.inside("digest");
        run(&["push", "--quiet", "--digestfile", &file, APP_2, &to]).succeeds();
        let digest = std::fs::read_to_string(layout.scratch.join("digest")).expect("the digest is there");
        layout.now_has(APP_1, digest.trim());
    }
    let podman = store(&layout.peers, &layout.scratch, "podman", 1);
    let work = layout.scratch.inside("work");
    podman(&["save", "--quiet", "--format", "oci-dir", "--output", &work, APP_2]).succeeds();
    layout.now_has(APP_2, &layout.digest_at(APP_2));
    layout.ours_go_on();
}

#[test]
fn crane_pulls_into_it_with_a_name_and_without() {
    let mut layout = Layout::new(need!("crane", "docker-registry", "skopeo"));
    let (registry, work) = (layout.peers.registry(), layout.scratch.inside("work"));
    let reference = registry.reference("app:2");
    let push = ours(&layout.scratch, "oci-push", "work");
    push.args([APP_2, "--to", &reference]).succeeds();
    layout.run(&["crane", "pull", "--format=oci", &reference, &work]);
    layout.is_as_expected();
    layout.run(&["crane", "pull", "--format=oci", "--annotate-ref", &reference, &work]);
    let two = layout.names[APP_2].clone();
    layout.now_has(&reference, &two);
    layout.ours_go_on();
}
