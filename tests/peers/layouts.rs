//! What our tools put into a layout is read from it by its name: an image that `oci-import` made, and one that
//! `oci-pull --oci` converted from docker's media types.

use test_support::{Image, Peers, Scratch, TarBuilder, check_layout, need};

use crate::fixture::{ours, store};

/// The file that every image here has, and what it says.
const FILE: (&str, &str) = ("etc/motd", "read by name\n");

/// An image of ours in a layout of its own, as another tool would be told of it.
struct Ours {
    /// the layout, for a command in the peers' root
    layout: String,
    /// the full name, as it stands in both annotations
    name: String,
    digest: String,
    /// the config's digest
    id: String,
}

impl Ours {
    /// `DIR:NAME`, which is how most of them write it.
    fn address(&self) -> String {
        format!("{}:{}", self.layout, self.name)
    }
}

/// Both images of ours, checked and described.
fn both(peers: &Peers, scratch: &Scratch) -> [Ours; 2] {
    imported(scratch);
    converted(peers, scratch);
    ["imported", "converted"].map(|layout| {
        let report = check_layout(scratch.join(layout));
        let row = report.rows.first().expect("one row");
        let id =
            ours(scratch, "oci-inspect", layout).args(["--json", &format!("@{}", row.digest)]).succeeds();
        let object: serde_json::Value = serde_json::from_str(id.line()).expect("an object");
        Ours {
            layout: scratch.inside(layout),
            name: row.name.clone().expect("the row has a name"),
            digest: row.digest.clone(),
            id: object["manifest"]["config"]["digest"].as_str().expect("a config").to_owned(),
        }
    })
}

fn imported(scratch: &Scratch) {
    let tar = TarBuilder::new().dir("etc").file(FILE.0, FILE.1).bytes();
    let import = ours(scratch, "oci-import", "imported");
    import.args(["--name", "team/app:1.0", "--change", "CMD [\"/bin/sh\"]"]).stdin(tar).succeeds();
}

fn converted(peers: &Peers, scratch: &Scratch) {
    let registry = peers.registry();
    let image = Image::new().layer(TarBuilder::new().dir("etc").file(FILE.0, FILE.1)).cmd(["/bin/sh"]);
    image.write_layout(scratch.join("fixture"), Some("docker.io/library/app:1"));
    let from = format!("oci:{}:docker.io/library/app:1", scratch.inside("fixture"));
    let to = registry.reference("team/app:1.0");
    let copy =
        ["skopeo", "copy", "--format=v2s2", "--dest-tls-verify=false", &from, &format!("docker://{to}")];
    peers.exec(copy).succeeds();
    ours(scratch, "oci-pull", "converted").args(["--oci", &to]).succeeds().stderr_has("its digest is new");
}

/// Where a peer unpacked one of ours.
#[track_caller]
fn assert_unpacked(scratch: &Scratch, root: &str) {
    let text = std::fs::read_to_string(scratch.join(root).join(FILE.0));
    assert_eq!(text.expect("the file is unpacked"), FILE.1);
}

#[test]
fn skopeo_inspects_and_copies_by_name() {
    let peers = need!("skopeo", "docker-registry");
    let scratch = peers.scratch();
    for (n, image) in both(&peers, &scratch).iter().enumerate() {
        let from = format!("oci:{}", image.address());
        let inspect = ["skopeo", "inspect", "--format", "{{.Digest}}", &from];
        peers.exec(inspect).succeeds().stdout_only(format!("{}\n", image.digest));
        let copy = format!("copy-{n}");
        let to = format!("oci:{}:copied", scratch.inside(&copy));
        peers.exec(["skopeo", "copy", &from, &to]).succeeds();
        assert_eq!(check_layout(scratch.join(copy)).digest_of("copied"), Some(&*image.digest));
    }
}

#[test]
fn umoci_lists_stats_and_unpacks_by_name() {
    let peers = need!("umoci", "skopeo", "docker-registry");
    let scratch = peers.scratch();
    for (n, image) in both(&peers, &scratch).iter().enumerate() {
        let ls = ["umoci", "ls", "--layout", &image.layout];
        peers.exec(ls).succeeds().stdout_only(format!("{}\n", image.name));
        let stat = peers.exec(["umoci", "stat", "--json", "--image", &image.address()]).succeeds();
        let stat: serde_json::Value = serde_json::from_str(stat.stdout()).expect("an object");
        assert_eq!(stat["manifest"]["descriptor"]["digest"], *image.digest);
        assert_eq!(stat["config"]["descriptor"]["digest"], *image.id);
        let bundle = format!("bundle-{n}");
        peers.exec(["umoci", "unpack", "--image", &image.address(), &scratch.inside(&bundle)]).succeeds();
        assert_unpacked(&scratch, &format!("{bundle}/rootfs"));
    }
}

#[test]
fn a_tag_that_umoci_gives_is_found_and_outlives_our_next_write_of_the_name() {
    let peers = need!("umoci");
    let scratch = peers.scratch();
    imported(&scratch);
    let address = format!("{}:docker.io/team/app:1.0", scratch.inside("imported"));
    peers.exec(["umoci", "tag", "--image", &address, "v2"]).succeeds();
    let names = || {
        let ls = peers.exec(["umoci", "ls", "--layout", &scratch.inside("imported")]).succeeds();
        let mut names: Vec<String> = ls.lines().iter().map(|line| (*line).to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["docker.io/team/app:1.0", "v2"]);
    let digest_of = |name: &str| {
        let outcome = ours(&scratch, "oci-inspect", "imported").args(["--json", name]).succeeds();
        let object: serde_json::Value = serde_json::from_str(outcome.line()).expect("an object");
        object["descriptor"]["digest"].as_str().expect("a digest").to_owned()
    };
    let first = digest_of("team/app:1.0");
    assert_eq!(digest_of("v2"), first);
    let config = ours(&scratch, "oci-config", "imported");
    config.args(["team/app:1.0", "team/app:1.0", "--change", "USER 1"]).succeeds();
    assert_eq!((digest_of("v2"), digest_of("team/app:1.0") == first), (first, false));
    assert_eq!(names(), ["docker.io/team/app:1.0", "v2"]);
    check_layout(scratch.join("imported"));
    ours(&scratch, "oci-rmi", "imported").arg("v2").succeeds().stderr_has("Untagged: v2@");
    assert_eq!(names(), ["docker.io/team/app:1.0"]);
    check_layout(scratch.join("imported"));
}

#[test]
fn podman_pulls_by_name() {
    let peers = need!("podman", "skopeo", "docker-registry");
    let scratch = peers.scratch();
    for (n, image) in both(&peers, &scratch).iter().enumerate() {
        let podman = store(&peers, &scratch, "podman", n);
        let pull = podman(&["pull", "--quiet", &format!("oci:{}", image.address())]);
        let id = image.id.trim_start_matches("sha256:");
        pull.succeeds().stdout_is(format!("{id}\n"));
        let format = "{{.Digest}} {{.ID}} {{.Repository}}:{{.Tag}}";
        let list = podman(&["images", "--no-trunc", "--digests", "--format", format]).succeeds();
        assert_eq!(list.line(), format!("{} {} {}", image.digest, image.id, image.name));
    }
}

#[test]
fn buildah_works_from_an_image_by_name() {
    let peers = need!("buildah", "skopeo", "docker-registry");
    let scratch = peers.scratch();
    for (n, image) in both(&peers, &scratch).iter().enumerate() {
        let buildah = store(&peers, &scratch, "buildah", n);
        let from = format!("oci:{}", image.address());
        buildah(&["from", "--quiet", "--name", "work", &from]).succeeds().stdout_is("work\n");
        let format = "{{.FromImageDigest}} sha256:{{.FromImageID}}";
        let inspect = buildah(&["inspect", "--format", format, "work"]).succeeds();
        assert_eq!(inspect.stdout().trim_end(), format!("{} {}", image.digest, image.id));
        let mounted = buildah(&["mount", "work"]).succeeds();
        let root = mounted.line().strip_prefix(&scratch.inside("")).expect("its store is in the scratch");
        assert_unpacked(&scratch, root);
        buildah(&["rm", "work"]).succeeds();
    }
}

#[test]
fn oras_fetches_by_the_whole_name_only() {
    let peers = need!("oras", "skopeo", "docker-registry");
    let scratch = peers.scratch();
    for image in both(&peers, &scratch) {
        let fetch =
            ["oras", "manifest", "fetch", "--descriptor", "--oci-layout-path", &image.layout, &image.name];
        let fetched = peers.exec(fetch).succeeds();
        let descriptor: serde_json::Value = serde_json::from_str(fetched.stdout()).expect("a descriptor");
        assert_eq!(descriptor["digest"], *image.digest);
        let tags = ["oras", "repo", "tags", "--oci-layout", &image.layout];
        peers.exec(tags).succeeds().stdout_only(format!("{}\n", image.name));
        // its older form cuts the path at the last colon, so it wants a bare tag: not to be had in a layout of ours
        let bare = format!("{}:1.0", image.layout);
        assert_ne!(peers.exec(["oras", "manifest", "fetch", "--oci-layout", &bare]).run().code(), Some(0));
    }
}

#[test]
fn crane_pushes_a_layout_of_one_image_which_it_knows_no_names_in() {
    let peers = need!("crane", "skopeo", "docker-registry");
    let (scratch, registry) = (peers.scratch(), peers.registry());
    for (n, image) in both(&peers, &scratch).iter().enumerate() {
        let to = registry.reference(&format!("from-crane:{n}"));
        let pushed = peers.exec(["crane", "push", &image.layout, &to]).succeeds();
        assert_eq!(pushed.line(), format!("{}@{}", registry.reference("from-crane"), image.digest));
        peers.exec(["crane", "validate", "--remote", &to]).succeeds();
    }
}
