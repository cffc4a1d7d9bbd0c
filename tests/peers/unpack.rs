//! What `oci-unpack` makes: the same tree as umoci's, and a bundle that runc and crun run.

use test_support::{Command, Image, Peers, Scratch, TarBuilder, need, skip, tool, tree_lines};

use crate::debian::debian;
use crate::fixture::ours;

/// Three layers with everything that a layer may hold and umoci keeps.
fn odd() -> Image {
    let capability = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let below = TarBuilder::new()
        .dir("./")
        .mode(0o755)
        .mtime(1)
        .dir("etc")
        .mtime(2)
        .file("etc/a", "a\n")
        .mtime(3)
        .file("etc/old", "")
        .dir("etc/gone")
        .file("etc/gone/x", "x")
        .file("ping", "p")
        .mode(0o4755)
        .xattr("security.capability", capability)
        .dir("opaque")
        .file("opaque/low", "low")
        .symlink("lib", "/usr/lib")
        .mtime(4)
        .dir("usr")
        .dir("usr/lib")
        .fifo("pipe")
        .mode(0o620)
        .owner(1, 2)
        .mtime(5)
        .device("null", 1, 3)
        .mode(0o666)
        .mtime(6)
        .file("n".repeat(200).as_str(), "long")
        .owner(3_000_000, 3_000_001)
        .mtime(7)
        .dir("sticky")
        .mode(0o1777)
        .owner(7, 8)
        .mtime(8)
        .file("note", "")
        .xattr("user.note", "one\ntwo\0")
        .mtime(9);
    let middle = TarBuilder::new()
        .whiteout("etc/old")
        .whiteout("etc/gone")
        .dir("opaque")
        .mtime(10)
        .opaque("opaque")
        .file("opaque/new", "new")
        .mtime(11)
        .dir("lib2")
        .file("lib2/f", "f")
        .hard_link("lib2/g", "lib2/f")
        .hard_link("lib2/h", "etc/a");
    let above = TarBuilder::new()
        .file("usr/lib/x", "x")
        .dir("usr/lib")
        .mtime(12)
        .file("etc/a", "new\n")
        .file("sticky", "now a file");
    Image::new().layer(below).layer(middle).layer(above)
}

/// The tree that umoci makes, and ours; the root's own line left out where no layer says anything about it.
fn both(peers: &Peers, scratch: &Scratch, name: &str) -> [Vec<String>; 2] {
    let image = format!("{}:{name}", scratch.inside("work"));
    let theirs = scratch.inside("theirs");
    peers.exec(["umoci", "unpack", "--image", &image, &theirs]).succeeds();
    ours(scratch, "oci-unpack", "work").arg(name).arg(scratch.join("ours")).succeeds();
    ["theirs/rootfs", "ours/rootfs"].map(|tree| tree_lines(scratch.join(tree)))
}

#[test]
fn every_odd_entry_is_unpacked_as_umoci_does() {
    let peers = need!("umoci");
    let scratch = peers.scratch();
    odd().write_layout(scratch.join("work"), Some("docker.io/library/odd:1"));
    let [theirs, ours] = both(&peers, &scratch, "docker.io/library/odd:1");
    assert!(ours.len() > 15);
    assert_eq!(ours, theirs);
}

/// An image of Debian that runs `command` as `user`.
fn debian_image(peers: &Peers, scratch: &Scratch, user: &str, command: &str) -> Result<(), String> {
    let tar = debian(peers)?;
    let import = ours(scratch, "oci-import", "work").args(["--name", "debian:1", "--compression", "gzip:2"]);
    let import = import.args(["--change", &format!("USER {user}"), "--change", &format!("CMD {command}")]);
    import.args(["--change", "WORKDIR /var/mail"]).stdin_file(tar).succeeds();
    Ok(())
}

#[test]
fn debian_is_unpacked_as_umoci_does_to_the_last_attribute() {
    let peers = need!("umoci");
    let scratch = peers.scratch();
    if let Err(missing) = debian_image(&peers, &scratch, "root", "[\"true\"]") {
        return skip(&missing);
    }
    let [theirs, ours] = both(&peers, &scratch, "docker.io/library/debian:1");
    assert!(ours.len() > 5000);
    assert_eq!(ours, theirs);
}

#[test]
fn a_bundle_runs_under_runc_and_crun_as_the_images_user() {
    let peers = need!("runc", "crun");
    let scratch = peers.scratch();
    let command =
        r#"["sh", "-c", "id; pwd; echo $HOME $PATH; head -c1 /proc/kcore | wc -c; cat /etc/debian_version"]"#;
    if let Err(missing) = debian_image(&peers, &scratch, "www-data:mail", command) {
        return skip(&missing);
    }
    ours(&scratch, "oci-unpack", "work").arg("debian:1").arg(scratch.join("bundle")).succeeds();
    for runtime in ["runc", "crun"] {
        let name = format!("ociutils-unpack-{runtime}-{}", std::process::id());
        let ran = peers.exec([runtime, "run", "-b", &scratch.inside("bundle"), &name]).succeeds();
        ran.stdout_has("uid=33(www-data) gid=8(mail) groups=8(mail)\n/var/mail\n/var/www /usr/local/sbin:")
            .stdout_has("\n0\n12.");
    }
}

#[test]
fn a_rootless_bundle_runs_for_a_user_without_privileges() {
    let peers = need!("runc", "setpriv");
    let scratch = peers.scratch();
    if let Err(missing) =
        debian_image(&peers, &scratch, "root", r#"["sh", "-c", "id -u; cat /etc/debian_version"]"#)
    {
        return skip(&missing);
    }
    // the tool itself must be reachable for that user
    let copy = scratch.join("oci-unpack");
    std::fs::copy(tool("oci-unpack"), &copy).expect("a copy of the tool");
    let script = format!(
        "chown 1234:1234 {0} && chmod -R a+rX {0} && cd {0} && exec setpriv --reuid 1234 --regid 1234 --clear-groups \
         ./oci-unpack -q -L work --rootless debian:1 bundle",
        scratch.path().display()
    );
    Command::new("/bin/sh").args(["-c", &script]).succeeds();
    let spec = std::fs::read_to_string(scratch.join("bundle/config.json")).expect("a bundle");
    assert!(spec.contains("\"hostID\": 1234"), "{spec}");
    let lines = tree_lines(scratch.join("bundle/rootfs"));
    assert!(lines.iter().all(|line| line.contains(" 1234:1234 ")), "all of it is the user's");
    let shadow = lines.iter().find(|line| line.starts_with("\"etc/shadow\"")).expect("Debian has it");
    assert!(shadow.ends_with(r#" user.rootlesscontainers="\\x10*""#), "{shadow}");
}
