//! Archives between ours and the others: what `oci-export` writes they load, what they write `oci-import` takes, and the
//! image has the same ID on either side.

use std::time::{Duration, Instant};
use test_support::{Image, Peers, Running, Scratch, TarBuilder, check_layout, need};

use crate::fixture::{ours, says, store};

/// What our image is called; each test that shares docker's daemon with others has a name of its own.
struct Ours {
    scratch: Scratch,
    name: String,
    /// the config's digest, docker's IMAGE ID
    id: String,
    digest: String,
}

impl Ours {
    /// An image of two layers in the layout `ours`.
    fn new(peers: &Peers, name: &str) -> Ours {
        let scratch = peers.scratch();
        let below = TarBuilder::new().dir("etc").file("etc/motd", "hi\n").noise_file("etc/noise", 300_000);
        let image = Image::new().layer(below).layer(TarBuilder::new().file("app", name)).cmd(["/app"]);
        let name = format!("docker.io/team/{name}:1.0");
        let built = image.write_layout(scratch.join("ours"), Some(&name));
        Ours { scratch, name, id: built.config_digest.clone(), digest: built.digest }
    }

    /// Exports it; the path is the peers'.
    fn export(&self, format: &str) -> String {
        let file = format!("{format}.tar");
        let export = ours(&self.scratch, "oci-export", "ours").args([&*self.name, "--format", format, "-o"]);
        export.arg(self.scratch.join(&file)).succeeds().no_output();
        self.scratch.inside(&file)
    }

    /// Imports a peer's archive into a fresh layout, by default and as it is: each is an image of our ID.
    #[track_caller]
    fn takes(&self, archive: &str, named: bool) {
        for (layout, options) in [("in", &[][..]), ("kept", &["--as-is"])] {
            let layout = format!("{layout}-{archive}");
            let import = ours(&self.scratch, "oci-import", &layout).args(options);
            let line = import.arg(self.scratch.join(archive)).succeeds().line().to_owned();
            assert_eq!(line.contains(&format!(":{}@", self.name)), named, "{archive}: {line}");
            check_layout(self.scratch.join(&layout));
            let inspected = ours(&self.scratch, "oci-inspect", &layout).args(["--json", &line]).succeeds();
            assert!(inspected.stdout().contains(&self.id), "{archive}: {inspected}");
        }
    }

    /// A tar of a directory that a peer made.
    fn tar_of(&self, peers: &Peers, directory: &str) -> String {
        let (from, to) = (self.scratch.inside(directory), format!("{directory}.tar"));
        peers.exec(["tar", "-C", &from, "-cf", &self.scratch.inside(&to), "."]).succeeds();
        to
    }
}

#[test]
fn docker_loads_ours_and_saves_what_we_import() {
    let peers = need!("docker");
    let image = Ours::new(&peers, "archive-docker");
    let short = "team/archive-docker:1.0";
    for format in ["docker", "hybrid"] {
        peers.exec(["docker", "load", "-q", "-i", &image.export(format)]).succeeds();
        assert_eq!(says(&peers, ["docker", "image", "inspect", "--format", "{{.Id}}", short]), image.id);
        if format == "docker" {
            peers.exec(["docker", "rmi", short]).succeeds();
        }
    }
    peers.exec(["docker", "save", "-o", &image.scratch.inside("saved.tar"), short]).succeeds();
    image.takes("saved.tar", true);
    let container = says(&peers, ["docker", "create", short]);
    peers.exec(["docker", "export", "-o", &image.scratch.inside("tree.tar"), &container]).succeeds();
    peers.exec(["docker", "rm", &container]).succeeds();
    peers.exec(["docker", "rmi", short]).succeeds();
    let import = ours(&image.scratch, "oci-import", "tree").args(["-n", "tree:1"]);
    let line = import.arg(image.scratch.join("tree.tar")).succeeds().line().to_owned();
    assert!(line.contains(":docker.io/library/tree:1@"), "a root filesystem: {line}");
    check_layout(image.scratch.join("tree"));
}

#[test]
fn podman_loads_ours_and_saves_in_every_form_what_we_import() {
    let peers = need!("podman");
    let image = Ours::new(&peers, "archive-podman");
    for (n, format) in ["hybrid", "oci", "docker"].into_iter().enumerate() {
        let podman = store(&peers, &image.scratch, "podman", n);
        podman(&["load", "-q", "-i", &image.export(format)]).succeeds();
        let id = podman(&["image", "inspect", "--format", "{{.Id}}", &image.name]).succeeds();
        assert_eq!(id.line(), &image.id["sha256:".len()..], "{format}");
    }
    let podman = store(&peers, &image.scratch, "podman", 0);
    for format in ["docker-archive", "oci-archive", "oci-dir", "docker-dir"] {
        let to = image.scratch.inside(format);
        podman(&["save", "-q", "--format", format, "-o", &to, &image.name]).succeeds();
        let archive = if format.ends_with("dir") { image.tar_of(&peers, format) } else { format.to_owned() };
        // skopeo's directories hold no name
        image.takes(&archive, format != "docker-dir");
    }
}

#[test]
fn skopeo_copies_ours_from_either_form_and_to_each_what_we_import() {
    let peers = need!("skopeo");
    let image = Ours::new(&peers, "archive-skopeo");
    let name = &image.name;
    for (n, (transport, format)) in [
        ("oci-archive", "hybrid"),
        ("oci-archive", "oci"),
        ("docker-archive", "hybrid"),
        ("docker-archive", "docker"),
    ]
    .into_iter()
    .enumerate()
    {
        let from = format!("{transport}:{}:{name}", image.export(format));
        let copy = format!("copy-{n}");
        let to = format!("dir:{}", image.scratch.inside(&copy));
        peers.exec(["skopeo", "copy", "-q", &from, &to]).succeeds();
        let config = image.scratch.join(&copy).join(&image.id["sha256:".len()..]);
        assert!(config.exists(), "{transport} of {format}: {}", image.id);
    }
    let from = format!("oci:{}:{name}", image.scratch.inside("ours"));
    for transport in ["docker-archive", "oci-archive"] {
        let to = format!("{transport}:{}:{name}", image.scratch.inside(transport));
        peers.exec(["skopeo", "copy", "-q", &from, &to]).succeeds();
        image.takes(transport, true);
    }
    // umoci, skopeo and all who write layouts: a tar of one
    let archive = image.tar_of(&peers, "ours");
    image.takes(&archive, true);
}

#[test]
fn crane_validates_ours_and_pulls_in_every_form_what_we_import() {
    let peers = need!("crane", "docker-registry");
    let image = Ours::new(&peers, "archive-crane");
    for format in ["hybrid", "docker"] {
        peers.exec(["crane", "validate", "--tarball", &image.export(format)]).succeeds();
    }
    let registry = peers.registry();
    let reference = registry.reference("team/app:1.0");
    let push = ours(&image.scratch, "oci-push", "ours").args([&*image.name, "--to", &reference]);
    push.succeeds();
    for format in ["tarball", "legacy", "oci"] {
        let to = image.scratch.inside(format);
        peers.exec(["crane", "pull", "--format", format, &reference, &to]).succeeds();
        let archive = if format == "oci" { image.tar_of(&peers, format) } else { format.to_owned() };
        let import = ours(&image.scratch, "oci-import", &format!("in-{format}"));
        let line = import.arg(image.scratch.join(&archive)).succeeds().line().to_owned();
        check_layout(image.scratch.join(format!("in-{format}")));
        let layout = format!("in-{format}");
        let inspected = ours(&image.scratch, "oci-inspect", &layout).args(["--json", &line]).succeeds();
        assert!(inspected.stdout().contains(&image.id), "{format}: {inspected}");
        if format == "oci" {
            assert!(line.ends_with(&format!("@{}", image.digest)), "{line}");
        }
    }
}

#[test]
fn containerd_imports_ours_and_exports_what_we_import() {
    let peers = need!("containerd", "ctr");
    let image = Ours::new(&peers, "archive-containerd");
    let (_containerd, address) = containerd(&peers, &image.scratch);
    let ctr = |words: &[&str]| peers.exec(["ctr", "--address", &address, "-n", "test"]).args(words);
    for format in ["hybrid", "oci"] {
        ctr(&["image", "import", "--no-unpack", &image.export(format)]).succeeds();
        let listed = ctr(&["image", "ls"]).succeeds();
        assert!(listed.stdout().contains(&image.digest), "{format}: {listed}");
        assert!(ctr(&["content", "ls", "-q"]).succeeds().stdout().contains(&image.id), "{format}");
    }
    ctr(&["image", "export", &image.scratch.inside("exported.tar"), &image.name]).succeeds();
    image.takes("exported.tar", true);
}

/// A containerd of its own, ended when the value is dropped; and its socket.
pub(crate) fn containerd(peers: &Peers, scratch: &Scratch) -> (Running, String) {
    let [root, state, address] = ["cd/root", "cd/state", "cd/socket"].map(|path| scratch.inside(path));
    std::fs::create_dir(scratch.join("cd")).expect("the scratch directory can be written");
    let words = ["containerd", "--root", &root, "--state", &state, "--address", &address];
    let mut process = peers.exec(words).spawn();
    let end = Instant::now() + Duration::from_secs(60);
    let answers = || peers.exec(["ctr", "--address", &address, "version"]).run().code() == Some(0);
    while !scratch.join("cd/socket").exists() || !answers() {
        assert!(process.is_running() && Instant::now() < end, "containerd starts");
        std::thread::sleep(Duration::from_millis(20));
    }
    (process, address)
}
