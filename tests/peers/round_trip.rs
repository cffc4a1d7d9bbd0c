//! Through every path and back, an image is the same tree: to the last attribute, hard link and nanosecond.
//!
//! One table of paths, two images: a stack of layers with every odd entry that a layer may hold, and Debian. Where another
//! tool loses something, its row says what and why, and exactly that is expected.

use rustix::fs::XattrFlags;
use std::fs;
use test_support::{Command, Image, Peers, Scratch, TarBuilder, need, skip, tree_lines};

use crate::archives::containerd;
use crate::debian::debian;
use crate::fixture::{ours, says, store};

/// A tree of odd things for two layers: what GNU's form of tar holds, and what only PAX does.
const ODD: &str = r#"
set -eu
umask 022
mkdir gnu pax holes pieces && cd gnu
mkdir -p dir/gone dir/opaque dir/sticky && echo x >dir/gone/x && echo low >dir/opaque/low && chmod 1777 dir/sticky
echo content >file && ln file dir/second && ln -s file link && ln link link-again && ln -s "$(printf 'l%.0s' $(seq 150))" long-link
echo set >setuid && chmod 4755 setuid && echo group >setgid
mknod null c 1 3 && mknod block b 259 300 && mkfifo pipe
truncate -s 5M hole
printf 1 | dd of=../holes/sparse bs=1 seek=3M conv=notrunc status=none && truncate -s 8M ../holes/sparse
printf y >"$(printf 'latin\351')" && echo z >"$(printf 'line\nbreak')"
echo long >"$(printf 'n%.0s' $(seq 240))"
chown 3000000:4000000 setgid && chmod 2755 setgid && chown -h 1:2 pipe link && chmod 600 null
cd ../pax
mkdir -p deep/"$(printf 'd%.0s' $(seq 200))"/"$(printf 'e%.0s' $(seq 200))"
echo deep >deep/"$(printf 'd%.0s' $(seq 200))"/"$(printf 'e%.0s' $(seq 200))"/f
echo attributes >xattr && echo capable >capable && mkdir attributed
for n in 1 3 5 7; do printf "$n" | dd of=../pieces/f bs=1 seek=${n}M conv=notrunc status=none; done
echo past >past && touch -d '1969-12-31 23:59:58.25' past
echo wide >"$(printf '\346\227\245\346\234\254')" && chown 4294967294:2097152 "$(printf '\346\227\245\346\234\254')"
ln xattr hard && echo nano >nano
"#;

/// Makes the layers of it.
const PACK: &str = r#"
set -eu
find gnu pax holes pieces -not -name past -exec touch -h -d '2020-02-03 04:05:06.123456789' {} +
tar -C gnu --format=gnu --numeric-owner --sort=name -cf gnu.tar .
tar -C holes --format=gnu --sparse --numeric-owner --sort=name -cf holes.tar .
tar -C pieces --format=pax --sparse --numeric-owner --sort=name -cf pieces.tar .
tar -C pax --format=pax --xattrs --xattrs-include='*' --numeric-owner --sort=name -cf pax.tar .
"#;

const XATTRS: [(&str, &str, &[u8]); 5] = [
    ("xattr", "user.note", b"one\ntwo\0\xff"),
    ("xattr", "user.empty", b""),
    ("capable", "security.capability", b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    ("attributed", "user.dir", b"d"),
    ("attributed", "trusted.t", b"t"),
];

/// An image in the layout `work`, and the tree that it is.
struct Trip {
    peers: Peers,
    scratch: Scratch,
    /// What it is called.
    name: String,
    expected: Vec<String>,
}

/// A way through which an image goes.
struct Way {
    name: &'static str,
    /// Programs that it needs.
    peers: &'static [&'static str],
    /// Takes it there and back; gives what it is called in the layout `back`.
    go: fn(&Trip) -> String,
    /// What the lines of the tree become.
    loss: fn(&[String]) -> Vec<String>,
    /// Does everybody on it read what GNU tar's own form writes of a file with holes?
    holes: bool,
}

/// Nothing is lost.
fn nothing(lines: &[String]) -> Vec<String> {
    lines.to_vec()
}

/// Go's tar writer cuts times to seconds in the form that umoci asks for, and takes an empty PAX value for none.
fn seconds_and_empty_attributes(lines: &[String]) -> Vec<String> {
    let cut = |line: &String| {
        let line = line.replace(" user.empty=\"\"", "");
        let (before, after) =
            line.split_once(".123456789 ").or_else(|| line.split_once(".250000000 ")).unzip();
        before.zip(after).map_or(line.clone(), |(before, after)| format!("{before}.000000000 {after}"))
    };
    lines.iter().map(cut).collect()
}

/// crane flattens without a look at opaque directories: what they hide comes back.
fn opaque(lines: &[String]) -> Vec<String> {
    let hidden = "\"dir/opaque/low\" 0644 0:0 1580702706.000000000 file 4 5b22adcd5be6";
    let has_it = lines.iter().any(|line| line.starts_with("\"dir/opaque/high\""));
    lines.iter().cloned().chain(has_it.then(|| hidden.to_owned())).collect()
}

const WAYS: &[Way] = &[
    Way {
        name: "oci-export hybrid",
        peers: &[],
        go: |trip| trip.exported("hybrid", &[]),
        loss: nothing,
        holes: true,
    },
    Way {
        name: "oci-export oci",
        peers: &[],
        go: |trip| trip.exported("oci", &[]),
        loss: nothing,
        holes: true,
    },
    Way {
        name: "oci-export docker",
        peers: &[],
        go: |trip| trip.exported("docker", &[]),
        loss: nothing,
        holes: true,
    },
    Way {
        name: "oci-export docker, as it is",
        peers: &[],
        go: |trip| trip.exported("docker", &["--as-is"]),
        loss: nothing,
        holes: true,
    },
    Way {
        name: "oci-export rootfs",
        peers: &[],
        go: |trip| trip.exported("rootfs", &["--name", "back:1"]),
        loss: nothing,
        holes: true,
    },
    Way { name: "oci-unpack, oci-commit", peers: &[], go: Trip::committed, loss: nothing, holes: true },
    Way {
        name: "oci-push, oci-pull",
        peers: &["docker-registry"],
        go: Trip::pushed,
        loss: nothing,
        holes: true,
    },
    Way {
        name: "docker load, docker save",
        peers: &["docker"],
        go: Trip::docker,
        loss: nothing,
        holes: false,
    },
    Way {
        name: "podman, docker-archive",
        peers: &["podman"],
        go: |trip| trip.podman("docker-archive"),
        loss: nothing,
        holes: false,
    },
    Way {
        name: "podman, oci-archive",
        peers: &["podman"],
        go: |trip| trip.podman("oci-archive"),
        loss: nothing,
        holes: false,
    },
    Way {
        name: "skopeo, oci-archive",
        peers: &["skopeo"],
        go: |trip| trip.skopeo("oci-archive"),
        loss: nothing,
        holes: true,
    },
    Way {
        name: "skopeo, docker-archive",
        peers: &["skopeo"],
        go: |trip| trip.skopeo("docker-archive"),
        loss: nothing,
        holes: true,
    },
    Way {
        name: "umoci unpack, umoci repack",
        peers: &["umoci"],
        go: Trip::umoci,
        loss: seconds_and_empty_attributes,
        holes: true,
    },
    Way {
        name: "ctr import, ctr export",
        peers: &["containerd", "ctr"],
        go: Trip::containerd,
        loss: nothing,
        holes: true,
    },
    Way {
        name: "crane pull",
        peers: &["crane", "docker-registry"],
        go: |trip| trip.crane("pull"),
        loss: nothing,
        holes: true,
    },
    Way {
        name: "crane export",
        peers: &["crane", "docker-registry"],
        go: |trip| trip.crane("export"),
        loss: opaque,
        // it writes the header without its map: a malformed tar
        holes: false,
    },
];

impl Trip {
    /// What the image in `work` is, unpacked.
    fn new(peers: Peers, scratch: Scratch, name: &str) -> Trip {
        let trip = Trip { peers, scratch, name: name.to_owned(), expected: Vec::new() };
        let expected = trip.tree("work", name, "expected");
        Trip { expected, ..trip }
    }

    /// The tree of an image. That of the root itself is nobody's where no layer describes it.
    fn tree(&self, layout: &str, image: &str, to: &str) -> Vec<String> {
        let to = self.scratch.join(to);
        ours(&self.scratch, "oci-unpack", layout).args(["-q", "--rootfs", image]).arg(&to).succeeds();
        let lines = tree_lines(&to);
        fs::remove_dir_all(&to).expect("it was unpacked");
        lines[1..].to_vec()
    }

    /// Goes one way, and complains of what is not as it should be.
    fn go(&self, way: &Way) -> Vec<String> {
        let image = (way.go)(self);
        let found = self.tree("back", &image, "found");
        fs::remove_dir_all(self.scratch.join("back")).expect("it is a layout");
        let expected = (way.loss)(&self.expected);
        let lacks = expected.iter().filter(|line| !found.contains(line)).map(|line| format!("- {line}"));
        let has = found.iter().filter(|line| !expected.contains(line)).map(|line| format!("+ {line}"));
        lacks.chain(has).map(|line| format!("{}: {line}", way.name)).collect()
    }

    fn imported(&self, archive: &str, options: &[&str]) -> String {
        let import = ours(&self.scratch, "oci-import", "back").args(options).arg(self.scratch.join(archive));
        import.succeeds().line().to_owned()
    }

    fn exported(&self, format: &str, options: &[&str]) -> String {
        let export = ours(&self.scratch, "oci-export", "work").args([&*self.name, "--format", format, "-o"]);
        export.arg(self.scratch.join("archive")).succeeds();
        let line = self.imported("archive", options);
        fs::remove_file(self.scratch.join("archive")).expect("it was written");
        line
    }

    /// All of the tree as one layer on an image that has nothing.
    fn committed(&self) -> String {
        Image::new()
            .layer(TarBuilder::new())
            .write_layout(self.scratch.join("back"), Some("docker.io/library/none:1"));
        let tree = self.scratch.join("tree");
        ours(&self.scratch, "oci-unpack", "work").args(["-q", "--rootfs", &self.name]).arg(&tree).succeeds();
        let commit =
            ours(&self.scratch, "oci-commit", "back").args(["none:1", "back:1", "--from"]).arg(&tree);
        let line = commit.succeeds().line().to_owned();
        fs::remove_dir_all(tree).expect("it was unpacked");
        line
    }

    fn pushed(&self) -> String {
        let registry = self.peers.registry();
        let reference = registry.reference("team/trip:1");
        ours(&self.scratch, "oci-push", "work").args([&*self.name, "--to", &reference]).succeeds();
        ours(&self.scratch, "oci-pull", "back").arg(&reference).succeeds().line().to_owned()
    }

    fn docker(&self) -> String {
        self.archive("hybrid");
        self.peers.exec(["docker", "load", "-q", "-i", &self.scratch.inside("archive")]).succeeds();
        let saved = ["docker", "save", "-o", &self.scratch.inside("saved"), &self.name];
        self.peers.exec(saved).succeeds();
        self.peers.exec(["docker", "rmi", &self.name]).succeeds();
        self.imported("saved", &[])
    }

    fn archive(&self, format: &str) {
        let export = ours(&self.scratch, "oci-export", "work").args([&*self.name, "--format", format, "-o"]);
        export.arg(self.scratch.join("archive")).succeeds();
    }

    fn podman(&self, format: &str) -> String {
        self.archive("hybrid");
        let podman = store(&self.peers, &self.scratch, "podman", 0);
        podman(&["load", "-q", "-i", &self.scratch.inside("archive")]).succeeds();
        podman(&["save", "-q", "--format", format, "-o", &self.scratch.inside(format), &self.name])
            .succeeds();
        podman(&["rmi", &self.name]).succeeds();
        self.imported(format, &[])
    }

    fn skopeo(&self, transport: &str) -> String {
        let from = format!("oci:{}:{}", self.scratch.inside("work"), self.name);
        let archive = format!("skopeo-{transport}");
        let to = format!("{transport}:{}:{}", self.scratch.inside(&archive), self.name);
        self.peers.exec(["skopeo", "copy", "-q", &from, &to]).succeeds();
        self.imported(&archive, &[])
    }

    /// All of the tree as one layer, as umoci writes it, on an image that has nothing.
    fn umoci(&self) -> String {
        Image::new()
            .layer(TarBuilder::new())
            .write_layout(self.scratch.join("back"), Some("docker.io/library/none:1"));
        let image = |name: &str| format!("{}:{name}", self.scratch.inside("back"));
        let bundle = self.scratch.inside("bundle");
        self.peers
            .exec(["umoci", "unpack", "--image", &image("docker.io/library/none:1"), &bundle])
            .succeeds();
        let root = self.scratch.join("bundle/rootfs");
        ours(&self.scratch, "oci-unpack", "work").args(["-q", "--rootfs", &self.name]).arg(root).succeeds();
        self.peers.exec(["umoci", "repack", "--image", &image("repacked"), &bundle]).succeeds();
        fs::remove_dir_all(self.scratch.join("bundle")).expect("it was unpacked");
        "repacked".to_owned()
    }

    fn containerd(&self) -> String {
        self.archive("hybrid");
        let (_containerd, address) = containerd(&self.peers, &self.scratch);
        let ctr = |words: &[&str]| self.peers.exec(["ctr", "--address", &address, "-n", "test"]).args(words);
        ctr(&["image", "import", "--no-unpack", &self.scratch.inside("archive")]).succeeds();
        ctr(&["image", "export", &self.scratch.inside("exported"), &self.name]).succeeds();
        self.imported("exported", &[])
    }

    /// As an archive of the image, or as the tar of its tree.
    fn crane(&self, verb: &str) -> String {
        let registry = self.peers.registry();
        let reference = registry.reference("team/trip:1");
        ours(&self.scratch, "oci-push", "work").args([&*self.name, "--to", &reference]).succeeds();
        let to = format!("crane-{verb}");
        says(&self.peers, ["crane", verb, &reference, &self.scratch.inside(&to)]);
        self.imported(&to, if verb == "export" { &["--name", "back:1"] } else { &[] })
    }
}

/// Goes all ways for which the peers are there; only those of `holes`, if so.
fn all(trip: &Trip, holes: bool) {
    let mut wrong = Vec::new();
    for way in WAYS.iter().filter(|way| way.holes || !holes) {
        match Peers::with(way.peers) {
            Ok(_) => wrong.extend(trip.go(way)),
            Err(missing) => skip(&format!("{missing}, for {}", way.name)),
        }
    }
    assert!(wrong.is_empty(), "{} lines are not what they were:\n{}", wrong.len(), wrong.join("\n"));
}

/// Makes the layers of odd things in `scratch`, and gives the one of this name.
fn odd_layers(scratch: &Scratch) -> impl Fn(&str) -> Vec<u8> {
    let script = |script: &str| {
        Command::new("/bin/sh").args(["-c", script]).current_dir(scratch.path()).succeeds();
    };
    script(ODD);
    for (name, attribute, value) in XATTRS {
        let path = scratch.join("pax").join(name);
        rustix::fs::setxattr(path, attribute, value, XattrFlags::empty()).expect("root sets any");
    }
    script(PACK);
    |name| fs::read(scratch.join(name)).expect("tar made it")
}

#[test]
fn every_odd_entry_is_the_same_through_every_path_and_back() {
    let peers = need!("docker");
    let scratch = peers.scratch();
    let tar = odd_layers(&scratch);
    let above = TarBuilder::new()
        .whiteout("dir/gone")
        .dir("dir/opaque")
        .opaque("dir/opaque")
        .file("dir/opaque/high", "high")
        .file("dir/opaque/new", "new")
        .hard_link("third", "dir/opaque/new")
        .whiteout("hole")
        .file("setuid", "over")
        .mode(0o6711)
        .owner(1, 1);
    let image = Image::new().layer(tar("gnu.tar")).layer(tar("pax.tar")).layer(above);
    drop(tar);
    image.write_layout(scratch.join("work"), Some("docker.io/team/trip-odd:1"));
    let trip = Trip::new(peers, scratch, "docker.io/team/trip-odd:1");
    assert!(trip.expected.len() >= 29, "{:#?}", trip.expected);
    all(&trip, false);
}

#[test]
fn holes_of_gnu_tar_are_the_same_through_every_path_that_takes_them_and_docker_refuses_them() {
    let peers = need!("docker");
    let scratch = peers.scratch();
    let tar = odd_layers(&scratch);
    let image = |names: &[&str]| names.iter().fold(Image::new(), |image, name| image.layer(tar(name)));
    image(&["holes.tar", "pieces.tar"])
        .write_layout(scratch.join("work"), Some("docker.io/team/trip-holes:1"));
    image(&["pieces.tar"]).write_layout(scratch.join("work"), Some("docker.io/team/trip-pieces:1"));
    drop(tar);
    let mut trip = Trip::new(peers, scratch, "docker.io/team/trip-holes:1");
    assert_eq!(trip.expected.len(), 2, "{:#?}", trip.expected);
    all(&trip, true);
    trip.archive("hybrid");
    let archive = trip.scratch.inside("archive");
    let podman = store(&peers, &trip.scratch, "podman", 1);
    let docker = |words: &[&str]| peers.exec(["docker"]).args(words);
    docker(&["load", "-q", "-i", &archive]).fails_with(1).stderr_has("unhandled tar header type 83");
    podman(&["load", "-q", "-i", &archive]).fails_with(125).stderr_has("unhandled tar header type 83");
    // PAX's docker takes, and then cannot give back
    trip.name = "docker.io/team/trip-pieces:1".to_owned();
    trip.archive("hybrid");
    docker(&["load", "-q", "-i", &archive]).succeeds();
    let saved = trip.scratch.inside("saved");
    docker(&["save", "-o", &saved, &trip.name]).fails_with(1).stderr_has("could not verify layer data");
    docker(&["rmi", &trip.name]).succeeds();
}

#[test]
fn debian_is_the_same_through_every_path_and_back() {
    let peers = need!("docker");
    let scratch = peers.scratch();
    let tar = match debian(&peers) {
        Ok(tar) => tar,
        Err(missing) => return skip(&missing),
    };
    let name = "docker.io/team/trip-debian:1";
    let import = ours(&scratch, "oci-import", "work").args(["--name", name, "--compression", "gzip:2"]);
    import.stdin_file(tar).succeeds();
    let trip = Trip::new(peers, scratch, name);
    assert!(trip.expected.len() > 5000);
    all(&trip, false);
}
