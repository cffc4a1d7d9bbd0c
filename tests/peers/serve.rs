//! The other tools push to `oci-serve` and pull back from it: the same digests everywhere.

use std::path::Path;
use test_support::{BuiltImage, Dir, Image, Peers, Running, Scratch, TarBuilder, check_layout, need, tool};

use crate::fixture::ours;

/// An `oci-serve` over the layout `work` of a directory.
struct Registry {
    dir: Dir,
    address: String,
    _process: Running,
}

impl Registry {
    fn over(dir: Dir) -> Registry {
        let process = dir.command(tool("oci-serve")).args(["-L", "work", "--port", "0"]).spawn();
        let address = process.wait_for_stdout("\n").trim_end().to_owned();
        Registry { dir, address, _process: process }
    }

    fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// The digest that the layout has under this name, after a look at all of it.
    #[track_caller]
    fn digest_of(&self, name: &str) -> Option<String> {
        check_layout(self.dir.join("work")).digest_of(name).map(str::to_owned)
    }
}

fn image() -> Image {
    let tar = TarBuilder::new().file("etc/motd", "hi\n").noise_file("data", 3 << 20);
    Image::new().layer(tar).layer(TarBuilder::new().file("etc/other", "ho\n")).cmd(["/bin/sh"])
}

/// The image in a layout that a peer reads, and the `oci:` reference for it.
fn source(scratch: &Scratch) -> (BuiltImage, String) {
    let built = image().write_layout(scratch.join("source"), Some("docker.io/library/app:1"));
    (built, format!("oci:{}:docker.io/library/app:1", scratch.inside("source")))
}

/// The digest of the one image in a layout that a peer wrote.
#[track_caller]
fn only_digest(layout: impl AsRef<Path>) -> String {
    let report = check_layout(layout);
    assert_eq!(report.rows.len(), 1, "{:?}", report.rows);
    report.rows[0].digest.clone()
}

/// We pull what the other tool has pushed.
#[track_caller]
fn we_pull(scratch: &Scratch, reference: &str, digest: &str) {
    ours(scratch, "oci-pull", "ours").arg("--quiet").arg(reference).succeeds();
    assert_eq!(check_layout(scratch.join("ours")).digest_of(reference), Some(digest));
}

#[test]
fn skopeo_pushes_and_pulls_the_same_digest() {
    let peers = need!("skopeo");
    let (registry, scratch) = (Registry::over(Dir::new()), peers.scratch());
    let (built, from) = source(&scratch);
    let there = format!("docker://{}", registry.reference("team/app:1"));
    peers.exec(["skopeo", "copy", "--dest-tls-verify=false", &from, &there]).succeeds();
    assert_eq!(registry.digest_of("docker.io/team/app:1"), Some(built.digest.clone()));
    we_pull(&scratch, &registry.reference("team/app:1"), &built.digest);
    let to = format!("oci:{}:app", scratch.inside("back"));
    peers.exec(["skopeo", "copy", "--src-tls-verify=false", &there, &to]).succeeds();
    assert_eq!(only_digest(scratch.join("back")), built.digest);
    peers.exec(["skopeo", "delete", "--tls-verify=false", &there]).succeeds();
    assert_eq!(registry.digest_of("docker.io/team/app:1"), None);
}

#[test]
fn crane_pushes_pulls_and_lists_the_same_digest() {
    let peers = need!("crane", "skopeo");
    let (registry, scratch) = (Registry::over(Dir::new()), peers.scratch());
    let (built, _) = source(&scratch);
    let reference = registry.reference("app:1");
    peers.exec(["crane", "push", "--insecure", &scratch.inside("source"), &reference]).succeeds();
    assert_eq!(registry.digest_of("docker.io/library/app:1"), Some(built.digest.clone()));
    let digest = ["crane", "digest", "--insecure", &reference];
    peers.exec(digest).succeeds().stdout_only(format!("{}\n", built.digest));
    we_pull(&scratch, &reference, &built.digest);
    let back = scratch.inside("back");
    peers.exec(["crane", "pull", "--insecure", "--format", "oci", &reference, &back]).succeeds();
    assert_eq!(only_digest(scratch.join("back")), built.digest);
    peers.exec(["crane", "copy", "--insecure", &reference, &registry.reference("app:2")]).succeeds();
    peers.exec(["crane", "ls", "--insecure", &registry.reference("app")]).succeeds().stdout_only("1\n2\n");
}

/// An image that only this test has in the daemon, which all tests share.
struct InDocker<'a> {
    peers: &'a Peers,
    reference: String,
}

impl Drop for InDocker<'_> {
    fn drop(&mut self) {
        drop(self.peers.exec(["docker", "image", "rm", "--force", &self.reference]).run());
    }
}

#[test]
fn docker_pulls_what_we_pushed_and_pushes_it_back() {
    let peers = need!("docker");
    let (registry, scratch) = (Registry::over(Dir::new()), peers.scratch());
    let (built, _) = source(&scratch);
    let reference = registry.reference("app:1");
    let pushed = ours(&scratch, "oci-push", "source").args(["app:1", "--to", &reference]).succeeds();
    assert_eq!(pushed.line(), format!("{reference}@{}", built.digest));
    let pulled = peers.exec(["docker", "pull", &reference]).succeeds();
    let (pulled, _remove) = (pulled, InDocker { peers: &peers, reference: reference.clone() });
    drop(pulled.stdout_has(format!("Digest: {}", built.digest)));
    let (again, _remove) = (registry.reference("team/again:1"), &_remove);
    peers.exec(["docker", "tag", &reference, &again]).succeeds();
    let _remove_again = InDocker { peers: &peers, reference: again.clone() };
    let pushed = peers.exec(["docker", "push", &again]).succeeds();
    let digest = registry.digest_of("docker.io/team/again:1").expect("docker pushed it");
    drop(pushed.stdout_has(format!("digest: {digest}")));
    we_pull(&scratch, &again, &digest);
    peers.exec(["docker", "image", "rm", "--force", &again, &reference]).succeeds();
    peers.exec(["docker", "pull", &again]).succeeds().stdout_has(format!("Digest: {digest}"));
}
