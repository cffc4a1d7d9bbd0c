//! docker-registry between our tools and the others: it takes our pushes and gives our pulls, docker, skopeo and crane
//! get from it what we pushed, and we what they pushed. The digest is the same at every station.

use serde_json::Value;
use test_support::{BuiltImage, Image, PeerRegistry, Peers, Scratch, TarBuilder, check_layout, need};

use crate::fixture::{ours, says};

const SCHEMA_2: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// `app:1` with two layers in the layout `work`.
fn app(scratch: &Scratch) -> BuiltImage {
    let (one, two) =
        (TarBuilder::new().file("etc/motd", "hi\n"), TarBuilder::new().noise_file("noise", 200_000));
    let image = Image::new().layer(one).layer(two).cmd(["/bin/sh"]);
    image.write_layout(scratch.join("work"), Some("docker.io/library/app:1"))
}

/// Pushes `app:1` of the layout `work` as `NAME`; returns its reference in the registry.
#[track_caller]
fn push_app(scratch: &Scratch, registry: &PeerRegistry, name: &str, digest: &str) -> String {
    let to = registry.reference(name);
    let pushed = ours(scratch, "oci-push", "work").args(["app:1", "--to", &to]).succeeds();
    assert_eq!(pushed.line(), format!("{to}@{digest}"));
    to
}

/// Pulls into the layout `back` and asserts that what came is `digest`.
#[track_caller]
fn pull_back(scratch: &Scratch, reference: &str, digest: &str, extra: &[&str]) {
    ours(scratch, "oci-pull", "back").arg("--quiet").args(extra).arg(reference).succeeds();
    assert_eq!(check_layout(scratch.join("back")).digest_of(reference), Some(digest));
}

#[test]
fn docker_registry_takes_our_push_and_gives_our_pull() {
    let peers = need!("docker-registry");
    let (registry, scratch) = (peers.registry(), peers.scratch());
    let image = app(&scratch);
    let to = push_app(&scratch, &registry, "team/app:1", &image.digest);
    pull_back(&scratch, &to, &image.digest, &[]);
    let (sent, came) = (check_layout(scratch.join("work")), check_layout(scratch.join("back")));
    assert_eq!(sent.blobs, came.blobs);
    // by digest alone, and by both
    let digest = format!("{}@{}", registry.reference("team/app"), image.digest);
    ours(&scratch, "oci-pull", "by-digest").arg(&digest).succeeds();
    assert_eq!(check_layout(scratch.join("by-digest")).blobs, sent.blobs);
}

#[test]
fn a_second_push_to_docker_registry_sends_nothing() {
    let peers = need!("docker-registry");
    let (registry, scratch) = (peers.registry(), peers.scratch());
    let image = app(&scratch);
    let push = |to: &str, option: &str| {
        ours(&scratch, "oci-push", "work").args(["app:1", "--to", to, option]).succeeds()
    };
    let to = push_app(&scratch, &registry, "team/app:1", &image.digest);
    push(&to, "--progress=json").stderr_is("{\"bytes\":0}\n");
    push(&to, "--dry-run").stderr_has("would move 0B in 0 blobs");
    // another process has sent it: into the next repository it goes once more
    let other = registry.reference("other/app:2");
    assert_eq!(push(&other, "--progress=json").line(), format!("{other}@{}", image.digest));
    push(&other, "--progress=json").stderr_is("{\"bytes\":0}\n");
}

#[test]
fn docker_registry_mounts_into_the_next_repository_what_one_call_has_sent() {
    let peers = need!("docker-registry");
    let (registry, scratch) = (peers.registry(), peers.scratch());
    let image = app(&scratch);
    ours(&scratch, "oci-tag", "work").args(["app:1", "db:1"]).succeeds();
    let mirror = registry.reference("mirror/");
    let pushed =
        ours(&scratch, "oci-push", "work").args(["-vv", "app:1", "db:1", "--to", &mirror]).succeeds();
    let opened = |status: u16, name: &str| {
        let url = registry.reference(&format!("v2/mirror/library/{name}/blobs/uploads/"));
        pushed.stderr().matches(&format!("oci-push: {status} http://{url}\n")).count()
    };
    let blobs = image.blobs.len() - 1;
    assert_eq!((opened(202, "app"), opened(201, "app")), (blobs, 0), "{pushed}");
    assert_eq!((opened(202, "db"), opened(201, "db")), (0, blobs), "{pushed}");
    pull_back(&scratch, &registry.reference("mirror/library/db:1"), &image.digest, &[]);
}

#[test]
fn docker_pulls_what_we_pushed_and_knows_it_by_the_same_digests() {
    let peers = need!("docker", "docker-registry");
    let (registry, scratch) = (peers.registry(), peers.scratch());
    let image = app(&scratch);
    let to = push_app(&scratch, &registry, "team/app:1", &image.digest);
    peers.exec(["docker", "pull", "--quiet", &to]).succeeds();
    let _image = DockerImage { peers, reference: to.clone() };
    let format = "{{.Id}} {{index .RepoDigests 0}}";
    let inspected = says(&peers, ["docker", "image", "inspect", "--format", format, &to]);
    let repository = registry.reference("team/app");
    assert_eq!(inspected, format!("{} {repository}@{}", image.config_digest, image.digest));
}

#[test]
fn we_pull_what_docker_built_and_pushed() {
    let peers = need!("docker", "docker-registry");
    let (registry, scratch) = (peers.registry(), peers.scratch());
    let built = build(&peers, &scratch, &registry.reference("built:1"));
    let (to, digest) = (&built.reference, built.push());
    pull_back(&scratch, to, &digest, &[]);
    let object = inspect(&scratch, to);
    assert_eq!(object["manifest"]["mediaType"], SCHEMA_2);
    assert_eq!(object["manifest"]["config"]["digest"], *built.id());
    // and it is still docker's after a push of ours
    let again = registry.reference("built:again");
    ours(&scratch, "oci-push", "back").args([to, "--to", &again]).succeeds();
    peers.exec(["docker", "pull", "--quiet", &again]).succeeds();
    let _again = DockerImage { peers, reference: again.clone() };
    assert_eq!(says(&peers, ["docker", "image", "inspect", "--format", "{{.Id}}", &again]), built.id());
}

#[test]
fn what_docker_pushed_is_read_by_name_once_it_is_converted() {
    let peers = need!("docker", "docker-registry", "skopeo", "umoci");
    let (registry, scratch) = (peers.registry(), peers.scratch());
    let built = build(&peers, &scratch, &registry.reference("built:1"));
    let to = &built.reference;
    let docker = built.push();
    ours(&scratch, "oci-pull", "back").arg(to).succeeds().stderr_has("umoci and older tools do not find it");
    let address = format!("{}:{to}", scratch.inside("back"));
    // as docker pushed it, today's skopeo finds it by its name and umoci does not
    let skopeo = ["skopeo", "inspect", "--format", "{{.Digest}}", &format!("oci:{address}")];
    assert_eq!(says(&peers, skopeo), docker);
    peers.exec(["umoci", "stat", "--image", &address]).fails_with(1).stderr_has("not implemented");
    let pulled = ours(&scratch, "oci-pull", "back").args(["--oci", to]).succeeds();
    let digest = pulled.line().split_once('@').expect("a pinned line").1.to_owned();
    assert_eq!(says(&peers, skopeo), digest);
    let stat = says(&peers, ["umoci", "stat", "--json", "--image", &address]);
    let stat: Value = serde_json::from_str(&stat).expect("an object");
    assert_eq!(stat["config"]["descriptor"]["digest"], *built.id(), "the config is docker's, to the byte");
    check_layout(scratch.join("back"));
}

#[test]
fn we_pull_what_skopeo_pushed_in_either_dialect() {
    let peers = need!("skopeo", "docker-registry");
    let (registry, scratch) = (peers.registry(), peers.scratch());
    let image = app(&scratch);
    let from = format!("oci:{}:docker.io/library/app:1", scratch.inside("work"));
    for dialect in ["oci", "v2s2"] {
        let to = registry.reference(&format!("app:{dialect}"));
        let (format, remote) = (format!("--format={dialect}"), format!("docker://{to}"));
        peers.exec(["skopeo", "copy", "--dest-tls-verify=false", &format, &from, &remote]).succeeds();
        let inspect = ["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", &remote];
        let digest = says(&peers, inspect);
        assert_eq!(dialect == "oci", digest == image.digest);
        pull_back(&scratch, &to, &digest, &[]);
    }
}

#[test]
fn we_pull_what_crane_pushed_and_crane_what_we_did() {
    let peers = need!("crane", "docker-registry");
    let (registry, scratch) = (peers.registry(), peers.scratch());
    let image = app(&scratch);
    let theirs = registry.reference("theirs:1");
    peers.exec(["crane", "push", &scratch.inside("work"), &theirs]).succeeds();
    pull_back(&scratch, &theirs, &image.digest, &[]);
    let to = push_app(&scratch, &registry, "ours:1", &image.digest);
    assert_eq!(says(&peers, ["crane", "digest", &to]), image.digest);
    peers.exec(["crane", "validate", "--remote", &to]).succeeds();
    peers.exec(["crane", "pull", "--format=oci", &to, &scratch.inside("crane")]).succeeds();
    assert_eq!(check_layout(scratch.join("crane")).rows[0].digest, image.digest);
    // a layout of crane's has no names in it: ours take it by its digest
    let anonymous = format!("@{}", image.digest);
    ours(&scratch, "oci-tag", "crane").args([&anonymous, "named:1"]).succeeds();
    let named = check_layout(scratch.join("crane"));
    assert_eq!(named.digest_of("docker.io/library/named:1"), Some(&*image.digest));
}

#[test]
fn crane_skopeo_and_docker_read_an_index_that_we_pushed() {
    let peers = need!("crane", "skopeo", "docker", "docker-registry");
    let (registry, scratch) = (peers.registry(), peers.scratch());
    let arm = Index::push(&scratch, &registry);
    let to = &arm.reference;
    assert_eq!(says(&peers, ["crane", "digest", to]), arm.index);
    assert_eq!(says(&peers, ["crane", "digest", "--platform", "linux/arm64", to]), arm.child);
    peers.exec(["crane", "validate", "--remote", to]).succeeds();
    let remote = format!("docker://{to}");
    let raw = peers.exec(["skopeo", "inspect", "--tls-verify=false", "--raw", &remote]).succeeds();
    assert_eq!(test_support::digest_of(raw.stdout_bytes()), arm.index);
    let all = format!("oci:{}:copied", scratch.inside("skopeo"));
    peers.exec(["skopeo", "copy", "--all", "--src-tls-verify=false", &remote, &all]).succeeds();
    assert_eq!(check_layout(scratch.join("skopeo")).digest_of("copied"), Some(&*arm.index));
    peers.exec(["docker", "pull", "--quiet", "--platform=linux/arm64", to]).succeeds();
    let _image = DockerImage { peers, reference: to.clone() };
    let format = "{{.Architecture}} {{index .RepoDigests 0}}";
    let inspected = says(&peers, ["docker", "image", "inspect", "--format", format, to]);
    assert_eq!(inspected, format!("arm64 {}@{}", registry.reference("multi"), arm.index));
    // and back: the index whole, and one platform of it
    pull_back(&scratch, to, &arm.index, &["--all-platforms"]);
    ours(&scratch, "oci-pull", "one").args(["--platform", "linux/arm64", to]).succeeds();
    assert_eq!(check_layout(scratch.join("one")).digest_of(to), Some(&*arm.child));
}

#[test]
fn the_history_of_an_image_that_docker_built_reads_as_docker_tells_it() {
    let peers = need!("docker", "docker-registry");
    let (registry, scratch) = (peers.registry(), peers.scratch());
    let built = build(&peers, &scratch, &registry.reference("built:1"));
    let digest = built.push();
    pull_back(&scratch, &built.reference, &digest, &[]);
    // without SIZE: docker's is what the layer unpacks to, ours what it weighs
    let columns = ["IMAGE", "CREATED", "CREATED BY", "COMMENT"];
    for options in [&["--no-trunc"][..], &[]] {
        let docker = peers.exec(["docker", "history"]).args(options).arg(&built.reference).succeeds();
        let history = ours(&scratch, "oci-history", "back").args(options).arg(&built.reference).succeeds();
        for column in columns {
            assert_eq!(
                cells(history.stdout(), column),
                cells(docker.stdout(), column),
                "{column} {options:?}"
            );
        }
    }
    let docker = peers.exec(["docker", "history", "--quiet", "--no-trunc", &built.reference]).succeeds();
    assert_eq!(docker.lines()[0], built.id());
}

/// The cells of a table below one heading.
fn cells(table: &str, column: &str) -> Vec<String> {
    let mut lines = table.lines();
    let heads = lines.next().expect("a table has a heading");
    let from = heads.match_indices(column).map(|(at, _)| at).find(|at| {
        // CREATED is the beginning of CREATED BY as well
        heads[at + column.len()..].is_empty() || heads[at + column.len()..].starts_with("  ")
    });
    let from = from.unwrap_or_else(|| panic!("no column {column} in\n{table}"));
    let width = heads[from..].find("  ").map(|gap| gap + heads[from + gap..].find(|c| c != ' ').unwrap_or(0));
    let cell = |line: &str| {
        let cell = line.chars().skip(from).take(width.unwrap_or(usize::MAX));
        cell.collect::<String>().trim_end().to_owned()
    };
    lines.map(cell).collect()
}

/// The object that `oci-inspect` prints of an image in `back`.
#[track_caller]
fn inspect(scratch: &Scratch, reference: &str) -> Value {
    let inspected = ours(scratch, "oci-inspect", "back").args(["--json", reference]).succeeds();
    serde_json::from_str(inspected.line()).expect("an object")
}

/// An image of two platforms.
struct Index {
    reference: String,
    index: String,
    /// the manifest for arm64
    child: String,
}

impl Index {
    /// Makes it of two imports and pushes it.
    fn push(scratch: &Scratch, registry: &PeerRegistry) -> Index {
        let child = ["amd64", "arm64"].map(|architecture| {
            let tar = TarBuilder::new().file("etc/architecture", architecture).bytes();
            let (name, platform) = (format!("one:{architecture}"), format!("linux/{architecture}"));
            let import = ours(scratch, "oci-import", "work").args(["--name", &name, "--platform", &platform]);
            pinned(import.stdin(tar).succeeds().line())
        });
        let made = ours(scratch, "oci-index", "work").args(["multi:1", "one:amd64", "one:arm64"]).succeeds();
        let (reference, index) = (registry.reference("multi:1"), pinned(made.line()));
        let pushed = ours(scratch, "oci-push", "work").args(["multi:1", "--to", &reference]).succeeds();
        assert_eq!(pushed.line(), format!("{reference}@{index}"));
        let [_, child] = child;
        Index { reference, index, child }
    }
}

/// The digest of a pinned reference.
#[track_caller]
fn pinned(line: &str) -> String {
    line.split_once('@').expect("a pinned reference").1.to_owned()
}

/// An image in the peers' docker, which forgets it when this is dropped.
struct DockerImage {
    peers: Peers,
    reference: String,
}

/// Builds with BuildKit from nothing: layers, metadata, and a line that `docker history` must cut short.
fn build(peers: &Peers, scratch: &Scratch, reference: &str) -> DockerImage {
    let dockerfile = "FROM scratch\nLABEL what=\"a test of ociutils\"\nCOPY one /one\n\
        ENV LONG=\"a value that is longer than the forty-five columns which docker gives it: ä\"\n\
        COPY two /deep/er/two\nWORKDIR /deep\nEXPOSE 80\nENTRYPOINT [\"/one\"]\nCMD [\"two\", \"a b\"]\n";
    std::fs::create_dir(scratch.join("context")).expect("the scratch directory can be written");
    for (name, text) in [("Dockerfile", dockerfile), ("one", "1\n"), ("two", &"2".repeat(5000))] {
        std::fs::write(scratch.join("context").join(name), text).expect("a file");
    }
    let context = scratch.inside("context");
    // a time long gone, so that "2 years ago" is the same when both are asked
    let epoch = "--build-arg=SOURCE_DATE_EPOCH=1500000000";
    peers.exec(["docker", "build", "--quiet", epoch, "--tag", reference, &context]).succeeds();
    DockerImage { peers: *peers, reference: reference.to_owned() }
}

impl DockerImage {
    /// Pushes it; returns the digest that docker says.
    #[track_caller]
    fn push(&self) -> String {
        let pushed = self.peers.exec(["docker", "push", &self.reference]).succeeds();
        let text = pushed.stdout().rsplit_once("digest: ").expect("docker says the digest").1;
        text.split_whitespace().next().expect("a digest").to_owned()
    }

    /// docker's IMAGE ID: the config's digest.
    #[track_caller]
    fn id(&self) -> String {
        says(&self.peers, ["docker", "image", "inspect", "--format", "{{.Id}}", &self.reference])
    }
}

impl Drop for DockerImage {
    fn drop(&mut self) {
        drop(self.peers.exec(["docker", "rmi", "--force", &self.reference]).run());
    }
}
