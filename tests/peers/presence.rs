//! The peers are there and answer: a failure here means the peers' root, not our tools.

use test_support::{Image, TarBuilder, need};

#[test]
fn every_peer_says_its_version() {
    let peers =
        need!("docker", "podman", "skopeo", "umoci", "buildah", "crane", "oras", "ctr", "crun", "runc");
    let version = |words: &[&str], expected: &str| drop(peers.exec(words).succeeds().stdout_has(expected));
    version(&["docker", "version", "--format", "{{.Server.Version}}"], "28.");
    version(&["docker", "buildx", "version"], "buildx");
    version(&["podman", "--version"], "podman version 5.");
    version(&["skopeo", "--version"], "skopeo version 1.");
    version(&["umoci", "--version"], "umoci version 0.");
    version(&["buildah", "--version"], "buildah version 1.");
    version(&["crane", "--help"], "crane"); // Debian's build does not know its version
    version(&["oras", "version"], "1.");
    version(&["ctr", "--version"], "ctr");
    version(&["crun", "--version"], "crun version 1.");
    version(&["runc", "--version"], "runc version 1.");
}

#[test]
fn a_registry_of_its_own_takes_an_image_from_skopeo() {
    let peers = need!("docker-registry", "skopeo");
    let (registry, scratch) = (peers.registry(), peers.scratch());
    let image = Image::new().layer(TarBuilder::new().file("etc/motd", "hi\n")).cmd(["/bin/sh"]);
    let built = image.write_layout(scratch.join("layout"), Some("docker.io/library/app:1"));
    let from = format!("oci:{}:docker.io/library/app:1", scratch.inside("layout"));
    let to = format!("docker://{}", registry.reference("app:1"));
    peers.exec(["skopeo", "copy", "--dest-tls-verify=false", &from, &to]).succeeds();
    let inspect = ["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", &to];
    peers.exec(inspect).succeeds().stdout_only(format!("{}\n", built.digest));
}

#[test]
fn docker_builds_with_buildkit() {
    let peers = need!("docker");
    let scratch = peers.scratch();
    // a heredoc is what the classic builder does not know
    std::fs::write(scratch.join("Dockerfile"), "FROM scratch\nCOPY <<end /etc/motd\nhi\nend\n")
        .expect("a file");
    let output = format!("type=local,dest={}", scratch.inside("built"));
    peers.exec(["docker", "build", "--quiet", "--output", &output, &scratch.inside("")]).succeeds();
    let built = std::fs::read_to_string(scratch.join("built/etc/motd"));
    assert_eq!(built.expect("the file is built"), "hi\n");
}
