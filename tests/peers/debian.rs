//! The life of a real image: Debian, as `debootstrap` makes it, from a root filesystem to a registry, into a docker
//! container, and into another layout.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use test_support::{Command, Dir, Peers, Served, check_layout, need, skip, tool};

/// The suite, and what its `/etc/debian_version` begins with.
const SUITE: (&str, &str) = ("bookworm", "12.");

/// Makes the tar `$3` of a root of the suite `$1` at `$2`, from the mirror that this machine uses itself.
const MAKE: &str = r#"
set -eu
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb (\[[^]]*\] +)?([^ ]+) .*/\2/p' | grep -E '/debian/?$' | sed -n 1p || true)
debootstrap --variant=minbase "$1" "$2" "${mirror:-http://deb.debian.org/debian}" >&2
tar -C "$2" --one-file-system --numeric-owner --sort=name -cf "$3.new" .
mv "$3.new" "$3"
"#;

/// The tar of Debian's root filesystem beside the peers' root, made once.
///
/// # Errors
/// What is missing to make it.
pub(crate) fn debian(peers: &Peers) -> Result<PathBuf, String> {
    let root = std::env::var_os("OCIUTILS_PEERS_ROOT").unwrap_or_else(|| "/var/tmp/ociutils-peers".into());
    let mut tar = root;
    tar.push(".debian.tar");
    let tar = PathBuf::from(tar);
    // tests of several worktrees run side by side, and one makes it
    let lock = File::create(tar.with_extension("lock")).map_err(|e| format!("{}: {e}", tar.display()))?;
    lock.lock().map_err(|e| format!("{}: {e}", tar.display()))?;
    if tar.exists() {
        return Ok(tar);
    }
    if std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() != 0) {
        return Err("root, for debootstrap".into());
    }
    if !std::path::Path::new("/usr/sbin/debootstrap").exists() {
        return Err("debootstrap".into());
    }
    let scratch = peers.scratch();
    let make = Command::new("/bin/sh").args(["-c", MAKE, "sh", SUITE.0]);
    make.arg(scratch.join("root")).arg(&tar).succeeds();
    Ok(tar)
}

#[test]
fn debian_goes_to_docker_registry_and_runs_in_docker_and_comes_back() {
    let peers = need!("docker", "docker-registry");
    match debian(&peers) {
        Ok(tar) => goes_round(&peers, &tar, &peers.registry().reference("base:1")),
        Err(missing) => skip(&missing),
    }
}

#[test]
fn debian_goes_to_our_own_registry_and_runs_in_docker_and_comes_back() {
    let peers = need!("docker");
    match debian(&peers) {
        Ok(tar) => {
            let dir = Dir::new();
            goes_round(&peers, &tar, &Served::new(&dir, "registry").name("base:1"));
            assert_eq!(check_layout(dir.join("registry")).names(), ["docker.io/library/base:1"]);
        }
        Err(missing) => skip(&missing),
    }
}

/// Imports it, tags it, pushes it to the registry of `to`, runs it in docker and pulls it back.
fn goes_round(peers: &Peers, tar: &Path, to: &str) {
    let scratch = peers.scratch();
    let ours = |name: &str, layout: &str| Command::new(tool(name)).env("OCI_LAYOUT", scratch.join(layout));

    let import = ours("oci-import", "work").args([
        "--name",
        "base:1",
        "--change",
        "CMD [\"cat\", \"/etc/os-release\"]",
    ]);
    let imported = import.stdin_file(tar).succeeds();
    let tagged = ours("oci-tag", "work").args(["-", to]).stdin(imported.stdout()).succeeds();
    let pushed = ours("oci-push", "work").stdin(tagged.stdout()).succeeds();
    let digest = pushed.line().strip_prefix(&format!("{to}@")).expect("pinned").to_owned();
    assert_eq!(check_layout(scratch.join("work")).digest_of(to), Some(&*digest));

    let pulled = peers.exec(["docker", "pull", to]).succeeds();
    pulled.stdout_has(format!("Digest: {digest}\n"));
    let run = ["docker", "run", "--rm", "--network=host", to];
    let release = peers.exec(run).succeeds().stderr_is("");
    assert!(release.stdout().contains(&format!("VERSION_CODENAME={}\n", SUITE.0)), "{release}");
    let version = peers.exec(run).args(["cat", "/etc/debian_version"]).succeeds();
    assert!(version.stdout().starts_with(SUITE.1), "{version}");
    // owners, modes and links came through: what dpkg installed is what is there
    let audit = "dpkg --audit && dpkg --verify && stat -c '%a %u %g' /etc/shadow /tmp /usr/bin/passwd";
    let audit = peers.exec(run).args(["sh", "-c", audit]).succeeds();
    audit.stdout_has("640 0 42\n1777 0 0\n4755 0 0\n");
    peers.exec(["docker", "rmi", "--force", to]).succeeds();

    let pulled = ours("oci-pull", "other").arg(to).succeeds();
    let history = ours("oci-history", "other").stdin(pulled.stdout()).succeeds();
    assert_eq!(history.lines().len(), 2, "a heading and one layer\n{history}");
    ours("oci-fsck", "other").succeeds();
    let (work, other) = (check_layout(scratch.join("work")), check_layout(scratch.join("other")));
    assert_eq!(other.digest_of(to), Some(&*digest));
    assert_eq!(other.blobs, work.blobs);
    assert_eq!(other.unfinished, Vec::<String>::new());
}
