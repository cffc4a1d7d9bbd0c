//! What the Dockerfiles are built from: contexts, base images, a web server and a git repository.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::fs::XattrFlags;
use test_support::{Answer, Asked, Command, FakeRegistry, Peers, Running, Scratch, TarBuilder};

use super::bases;
use super::case::Case;
use crate::fixture::ours;

/// Makes the directory `context`.
const CONTEXT: &str = include_str!("context.sh");
/// Makes the git repository `repo.git`.
const REPOSITORY: &str = include_str!("repository.sh");

/// Attributes of files in the contexts.
const XATTRS: [(&str, &str, &[u8]); 6] = [
    ("context/attributes", "user.note", b"one\ntwo\0\xff"),
    ("context/attributes", "user.empty", b""),
    ("context/capable", "security.capability", bases::CAPABILITY),
    ("context/attributed", "user.dir", b"d"),
    ("more/a", "user.note", b"n"),
    ("privileged/a", "trusted.t", b"t"),
];

/// How long the git server may take to start on a machine under load.
const START: Duration = Duration::from_secs(60);

/// Everything that the cases speak of. What docker holds of it goes with the value.
pub(crate) struct World {
    pub(crate) peers: Peers,
    pub(crate) scratch: Scratch,
    /// Stands before the names of images, so that builds of others at the same daemon do not meet them.
    prefix: String,
    web: FakeRegistry,
    git: (u16, Running),
}

impl World {
    /// Makes all of it. `debian` is the tar of a real root file system.
    pub(crate) fn new(peers: Peers, debian: Option<&std::path::Path>) -> World {
        let scratch = peers.scratch();
        let sh = |script: &str| {
            drop(Command::new("/bin/sh").args(["-c", script]).current_dir(scratch.path()).succeeds());
        };
        sh(CONTEXT);
        sh(REPOSITORY);
        fs::write(scratch.join("context/attributes.tar"), tar_with_attributes()).expect("a file");
        fs::create_dir(scratch.join("tars")).expect("a directory");
        for (name, tar) in odd_tars() {
            fs::write(scratch.join("tars").join(name), tar.bytes()).expect("a file");
        }
        for (path, content) in [
            ("files/.keep", ""),
            ("more/extra", "extra\n"),
            ("more/a", "a\n"),
            ("privileged/a", "a\n"),
            ("ignoring/kept", "kept\n"),
            ("ignoring/left", "left\n"),
            ("ignoring/.dockerignore", "left\n"),
        ] {
            let path = scratch.join(path);
            fs::create_dir_all(path.parent().expect("it is in a directory")).expect("a directory");
            fs::write(path, content).expect("a file");
        }
        for (path, attribute, value) in XATTRS {
            let path = scratch.join(path);
            rustix::fs::lsetxattr(path, attribute, value, XattrFlags::empty()).expect("root sets it");
        }
        let name = scratch.path().file_name().expect("it has a name").to_string_lossy().to_lowercase();
        let (web, git) = (web(&scratch), git(&peers, &scratch));
        let world = World { peers, prefix: format!("fixture.invalid/{name}-"), scratch, web, git };
        world.load_bases(debian);
        world
    }

    /// The name by which an image is known here, of its name in a Dockerfile.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The text with the names and addresses of this world.
    pub(crate) fn localized(&self, text: &str) -> String {
        let git = format!("127.0.0.1:{}", self.git.0);
        text.replace("fixture.invalid/", &self.prefix)
            .replace("http://HOST", &format!("http://{}", self.web.host()))
            .replace("git://GIT", &format!("git://{git}"))
    }

    /// Writes the Dockerfile of a case, and its ignore file. Both stand in `files`.
    pub(crate) fn write(&self, number: usize, case: &Case) {
        let file = self.scratch.join(format!("files/{number}.Dockerfile"));
        fs::write(&file, self.localized(&case.dockerfile)).expect("a file");
        if !case.ignore.is_empty() {
            fs::write(file.with_extension("Dockerfile.dockerignore"), case.ignore.join("\n"))
                .expect("a file");
        }
    }

    /// Puts the bases into the layout `work`, and docker's store.
    fn load_bases(&self, debian: Option<&std::path::Path>) {
        let mut names = Vec::new();
        for (name, image) in bases::all() {
            names.push(self.name(&format!("{name}:latest")));
            image.write_layout(self.scratch.join("work"), names.last().map(String::as_str));
        }
        if let Some(tar) = debian {
            names.push(self.name("debian:latest"));
            let import = ours(&self.scratch, "oci-import", "work").args(["--compression", "none", "--name"]);
            import.arg(names.last().expect("it was pushed")).stdin_file(tar).succeeds();
        }
        let export = ours(&self.scratch, "oci-export", "work").args(&names).arg("-o");
        export.arg(self.scratch.join("bases.tar")).succeeds();
        self.peers.exec(["docker", "load", "--quiet", "-i", &self.scratch.inside("bases.tar")]).succeeds();
        fs::remove_file(self.scratch.join("bases.tar")).expect("it was written");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let script = format!(
            "docker image ls --format '{{{{.Repository}}}}:{{{{.Tag}}}}' | grep '^{}' | xargs -r docker rmi --force",
            self.prefix
        );
        drop(self.peers.exec(["sh", "-c", &script]).run());
    }
}

fn tar_with_attributes() -> Vec<u8> {
    TarBuilder::new()
        .dir("dir")
        .mode(0o2750)
        .owner(5, 6)
        .xattr("user.dir", "d")
        .file("dir/f", "f\n")
        .mode(0o4711)
        .owner(3_000_000, 3_000_001)
        .xattr("user.note", "one\ntwo\0")
        .file("capable", "c")
        .xattr("security.capability", bases::CAPABILITY)
        .bytes()
}

/// Tars that few programs write.
fn odd_tars() -> [(&'static str, TarBuilder); 7] {
    let twice = TarBuilder::new().file("f", "1").file("f", "22").mode(0o600).file("d/x", "x").dir("d");
    let twice = twice.mode(0o700).file("g", "g").dir("g").dir("e").file("e", "now a file");
    [
        ("twice.tar", twice),
        ("root.tar", TarBuilder::new().dir("./").mode(0o700).owner(7, 8).file("./f", "f")),
        ("no-directories.tar", TarBuilder::new().file("p/q/r", "r").owner(5, 6)),
        (
            "devices.tar",
            TarBuilder::new().device("null", 1, 3).fifo("pipe").symlink("s", "x").hard_link("h", "s"),
        ),
        ("through.tar", TarBuilder::new().symlink("s", "/etc").file("s/new", "n")),
        ("outward.tar", TarBuilder::new().symlink("s", "../../../../etc").file("s/new", "n")),
        ("whiteout.tar", TarBuilder::new().dir("d").whiteout("d/x").file("d/y", "y")),
    ]
}

/// A server of some files of the context.
fn web(scratch: &Scratch) -> FakeRegistry {
    let file = |name: &str| fs::read(scratch.join("context").join(name)).expect("the context has it");
    let files = [
        ("/a", file("a")),
        ("/path/t.tar", file("t.tar")),
        ("/path/t.tgz", file("t.tgz")),
        ("/path/named.txt", b"named\n".to_vec()),
    ];
    FakeRegistry::with(move |asked: &Asked| {
        let path = asked.path();
        if let Some(rest) = path.strip_prefix("/redirect") {
            return Some(Answer::new(302).header("Location", rest));
        }
        let found = files.iter().find(|(name, _)| *name == path);
        Some(found.map_or_else(|| Answer::new(404), |(_, bytes)| Answer::new(200).body(bytes)))
    })
}

/// A git server of the repository, at a port.
fn git(peers: &Peers, scratch: &Scratch) -> (u16, Running) {
    let end = Instant::now() + START;
    // another process may take the free port before the server does: then one more is tried
    while Instant::now() < end {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        // not `git daemon`, whose child would outlive it
        let mut server = peers
            .exec(["/usr/lib/git-core/git-daemon", "--listen=127.0.0.1", "--export-all"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", scratch.inside("")))
            .spawn();
        while server.is_running() && Instant::now() < end {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (port, server);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("the git server did not start within {START:?}");
}
