//! What `oci-commit` makes of a changed tree: what `umoci repack` makes of it, and an image that docker, skopeo and umoci
//! read.

use std::collections::BTreeSet;
use std::path::Path;
use test_support::{Command, Peers, Scratch, check_layout, need, skip, tree_lines};

use crate::debian::debian;
use crate::fixture::{ours, says};

/// Changes a Debian as its users do, and in every other way.
const CHANGE: &str = r#"
set -eu
chroot . dpkg --purge --force-depends tzdata mount >/dev/null
echo changed >>etc/issue
mv etc/debian_version etc/renamed
rm -r usr/share/doc/tar
mkdir -p opt/new/deep && echo new >opt/new/deep/file && ln opt/new/deep/file opt/new/link
rm etc/motd && mkdir etc/motd && touch etc/motd/in
rm -r var/mail && echo file >var/mail
chmod 700 srv && chown 33:33 media
touch etc/hosts
mkfifo run/pipe && mknod run/device c 1 3
ln -sfn nowhere etc/os-release
touch -d '2001-02-03 04:05:06.123456789' etc/passwd
dd if=/dev/zero of=opt/sparse bs=1 count=1 seek=10M 2>/dev/null
printf x >"$(printf 'opt/\377name')"
"#;

/// A Debian in the layout `work` as `debian:1`, unpacked by umoci.
fn unpacked(peers: &Peers) -> Result<Scratch, String> {
    let scratch = peers.scratch();
    let import = ours(&scratch, "oci-import", "work").args(["--name", "debian:1", "--compression", "gzip:2"]);
    import.stdin_file(debian(peers)?).succeeds();
    let image = format!("{}:docker.io/library/debian:1", scratch.inside("work"));
    peers.exec(["umoci", "unpack", "--image", &image, &scratch.inside("theirs")]).succeeds();
    Ok(scratch)
}

fn change(root: &Path) {
    Command::new("/bin/sh").args(["-c", CHANGE]).current_dir(root).succeeds();
}

/// The names in the last layer of an image, sorted, without slashes at their ends.
fn last_layer(scratch: &Scratch, image: &str) -> BTreeSet<String> {
    let inspected = ours(scratch, "oci-inspect", "work").args(["--raw", image]).succeeds();
    let manifest: serde_json::Value = serde_json::from_str(inspected.stdout()).expect("a manifest");
    let digest = manifest["layers"].as_array().and_then(|all| all.last()).expect("a layer")["digest"].clone();
    let blob = format!("work/blobs/{}", digest.as_str().expect("text").replace(':', "/"));
    let listed =
        Command::new("tar").args(["--quoting-style=escape", "-tzf"]).arg(scratch.join(blob)).succeeds();
    let name = |line: &&str| line.trim_start_matches("./").trim_end_matches('/').to_owned();
    listed.lines().iter().map(name).filter(|name| !matches!(&**name, "" | ".")).collect()
}

#[test]
fn a_changed_debian_is_the_layer_that_umoci_makes_of_it() {
    let peers = need!("umoci");
    let scratch = match unpacked(&peers) {
        Ok(scratch) => scratch,
        Err(missing) => return skip(&missing),
    };
    let bundle = scratch.join("theirs");
    // umoci's bundle, as it was unpacked
    let dry = ours(&scratch, "oci-commit", "work").args(["--dry-run", "debian:1", "ours:1", "--from"]);
    assert_eq!(dry.arg(&bundle).succeeds().stderr_is("").lines(), Vec::<&str>::new());
    change(&bundle.join("rootfs"));
    ours(&scratch, "oci-commit", "work").args(["debian:1", "ours:1", "--from"]).arg(&bundle).succeeds();
    let image = format!("{}:theirs", scratch.inside("work"));
    peers.exec(["umoci", "repack", "--image", &image, &scratch.inside("theirs")]).succeeds();
    let (ours_has, theirs_has) = (last_layer(&scratch, "ours:1"), last_layer(&scratch, "theirs"));
    assert!(theirs_has.len() > 40, "{theirs_has:?}");
    let lacks: Vec<_> = theirs_has.difference(&ours_has).collect();
    assert_eq!(lacks, Vec::<&String>::new(), "umoci has them and we do not");
    // we name the directories above each change, which some who unpack layers one by one need
    let is_above = |name: &&String| theirs_has.iter().any(|other| other.starts_with(&format!("{name}/")));
    let more: Vec<_> = ours_has.difference(&theirs_has).filter(|name| !is_above(name)).collect();
    assert_eq!(more, Vec::<&String>::new(), "we have them and umoci does not");
}

#[test]
fn a_committed_image_is_the_changed_tree_to_umoci_docker_and_skopeo() {
    let peers = need!("umoci", "docker", "skopeo");
    let scratch = match unpacked(&peers) {
        Ok(scratch) => scratch,
        Err(missing) => return skip(&missing),
    };
    let root = scratch.join("theirs/rootfs");
    change(&root);
    let name = "docker.io/team/committed:1";
    let commit =
        ours(&scratch, "oci-commit", "work").args(["debian:1", name, "-c", "CMD [\"cat\", \"/etc/issue\"]"]);
    commit.arg("--from").arg(scratch.join("theirs")).succeeds();
    check_layout(scratch.join("work"));
    let image = format!("{}:{name}", scratch.inside("work"));
    peers.exec(["umoci", "unpack", "--image", &image, &scratch.inside("again")]).succeeds();
    assert_eq!(tree_lines(scratch.join("again/rootfs")), tree_lines(&root));
    ours(&scratch, "oci-unpack", "work").args(["--rootfs", name]).arg(scratch.join("plain")).succeeds();
    assert_eq!(tree_lines(scratch.join("plain"))[1..], tree_lines(&root)[1..]);
    peers.exec(["skopeo", "inspect", &format!("oci:{image}")]).succeeds();
    let export = ours(&scratch, "oci-export", "work").args([name, "-o"]);
    export.arg(scratch.join("image.tar")).succeeds();
    peers.exec(["docker", "load", "-q", "-i", &scratch.inside("image.tar")]).succeeds();
    let ran = says(&peers, ["docker", "run", "--rm", "--network=host", "team/committed:1"]);
    peers.exec(["docker", "rmi", "team/committed:1"]).succeeds();
    assert!(ran.ends_with("changed"), "{ran}");
}
