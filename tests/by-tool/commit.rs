//! `oci-commit`: what changed in an unpacked tree is one more layer, and nothing else is.

use rustix::fs::{CWD, FileType, Mode, XattrFlags};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use test_support::{Command, Dir, Image, TarBuilder, check_layout, tool, tree_lines};

const OCI_COMMIT: &str = env!("CARGO_BIN_EXE_oci-commit");

/// Two layers with everything that a tree on disk may have.
/// `cap_net_bind_service+p`, as the kernel stores it.
const CAPABILITY: &[u8; 20] = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn image() -> Image {
    let below = TarBuilder::new()
        .dir("./")
        .mode(0o755)
        .mtime(1)
        .dir("etc")
        .mtime(2)
        .file("etc/motd", "hi\n")
        .mtime(3)
        .file("etc/shadow", "x")
        .owner(0, 42)
        .mode(0o640)
        .dir("etc/gone")
        .file("etc/gone/deep", "x")
        .symlink("bin", "usr/bin")
        .owner(7, 8)
        .dir("usr")
        .dir("usr/bin")
        .file("usr/bin/tool", "tool")
        .mode(0o4755)
        .file("usr/bin/able", "able")
        .xattr("security.capability", CAPABILITY)
        .hard_link("usr/bin/same", "usr/bin/tool")
        .fifo("pipe")
        .owner(1, 2)
        .device("null", 1, 3)
        .file("implicit/deep/file", "f");
    let above =
        TarBuilder::new().dir("etc").mtime(9).file("etc/note", "n").xattr("user.note", "1").dir("dir");
    Image::new().layer(below).zstd_layer(above).cmd(["/bin/tool"])
}

/// The image unpacked in `bundle`.
fn unpacked(options: &[&str]) -> Dir {
    let dir = Dir::new();
    image().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    unpack(&dir, options, "app:1", "bundle");
    dir
}

fn unpack(dir: &Dir, options: &[&str], image: &str, to: &str) {
    dir.command(tool("oci-unpack")).args(["-L", "work", "-q"]).args(options).args([image, to]).succeeds();
}

fn commit(dir: &Dir) -> Command {
    dir.command(OCI_COMMIT).args(["-L", "work"]).env("SOURCE_DATE_EPOCH", "1700000000")
}

/// What a dry run says.
#[track_caller]
fn changes(dir: &Dir, from: &str) -> Vec<String> {
    let said = commit(dir).args(["--from", from, "--dry-run", "app:1", "new:1"]).succeeds();
    said.lines().iter().map(|line| (*line).to_owned()).collect()
}

fn blob(dir: &Dir, digest: &str) -> Value {
    serde_json::from_slice(&dir.read(format!("work/blobs/{}", digest.replace(':', "/")))).expect("JSON")
}

/// The manifest and the config that a printed line pins.
fn objects(dir: &Dir, line: &str) -> (Value, Value) {
    let manifest = blob(dir, line.rsplit('@').next().expect("a digest"));
    let config = blob(dir, manifest["config"]["digest"].as_str().expect("text"));
    (manifest, config)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Changes a tree in every way that there is; with what only root does, if `privileged`.
fn change(root: &Path, privileged: bool) -> io::Result<()> {
    let at = |path: &str| root.join(path);
    fs::write(at("etc/motd"), "changed\n")?;
    fs::remove_dir_all(at("etc/gone"))?;
    fs::remove_file(at("pipe"))?;
    fs::create_dir(at("pipe"))?;
    fs::write(at("pipe/in"), "new")?;
    fs::remove_dir(at("dir"))?;
    fs::write(at("dir"), "a file now")?;
    fs::set_permissions(at("usr/bin"), fs::Permissions::from_mode(0o711))?;
    fs::hard_link(at("usr/bin/tool"), at("usr/bin/third"))?;
    rustix::fs::setxattr(at("etc/note"), "user.note", b"2\n\0", XattrFlags::empty())?;
    symlink("../nowhere", at("etc/link"))?;
    fs::create_dir_all(at("var/lib/new"))?;
    fs::write(at("var/lib/new/f"), "f")?;
    rustix::fs::mknodat(CWD, at("var/pipe"), FileType::Fifo, Mode::RWXU, 0)?;
    let sparse = fs::File::create(at("var/sparse"))?;
    sparse.set_len(16 << 20)?;
    sparse.set_modified(SystemTime::UNIX_EPOCH + Duration::new(1_000, 123_456_789))?;
    if privileged {
        rustix::fs::mknodat(
            CWD,
            at("var/device"),
            FileType::BlockDevice,
            Mode::RUSR,
            rustix::fs::makedev(7, 300),
        )?;
        std::os::unix::fs::lchown(at("etc/link"), Some(3_000_000), Some(5))?;
        rustix::fs::setxattr(at("var/lib/new/f"), "security.capability", CAPABILITY, XattrFlags::empty())?;
    }
    Ok(())
}

#[test]
fn a_tree_that_was_changed_in_every_way_comes_back_as_it_was() {
    for options in [&[][..], &["--rootless"], &["--rootfs"]] {
        let dir = unpacked(options);
        let plain = options == ["--rootfs"];
        let tree = |at: &str| dir.join(if plain { at.into() } else { PathBuf::from(at).join("rootfs") });
        change(&tree("bundle"), is_root() && options != ["--rootless"]).expect("the tree can be changed");
        let said = commit(&dir).args(["--from", "bundle", "app:1", "app:2"]).succeeds().stderr_is("");
        let (manifest, _) = objects(&dir, said.line());
        assert_eq!(manifest["layers"].as_array().unwrap().len(), 3);
        unpack(&dir, options, "app:2", "again");
        assert_eq!(tree_lines(tree("again")), tree_lines(tree("bundle")), "{options:?}");
        let report = check_layout(dir.join("work"));
        assert_eq!(report.names(), ["docker.io/library/app:1", "docker.io/library/app:2"]);
        assert!(report.unreachable.is_empty() && report.unfinished.is_empty());
    }
}

#[test]
fn an_empty_file_where_nobody_could_make_a_device_is_no_change() {
    let dir = unpacked(&["--rootless"]);
    dir.write("bundle/rootfs/null", "");
    assert_eq!(changes(&dir, "bundle"), ["C /"], "its directory has another time alone");
    dir.write("bundle/rootfs/null", "no device");
    assert_eq!(changes(&dir, "bundle"), ["C /", "A /null"]);
}

#[test]
fn the_image_says_what_it_was_made_of_and_the_same_tree_makes_it_again() {
    let dir = unpacked(&[]);
    fs::write(dir.join("bundle/rootfs/new"), "new").unwrap();
    let base = check_layout(dir.join("work")).rows[0].digest.clone();
    let args = ["-c", "ENV A=b", "-c", "USER 1", "-a", "me", "-m", "why", "--from", "bundle", "app:1"];
    let said = commit(&dir).args(args).arg("app:2").succeeds().stderr_is("");
    let (manifest, config) = objects(&dir, said.line());
    assert_eq!(manifest["annotations"]["org.opencontainers.image.base.name"], "docker.io/library/app:1");
    assert_eq!(manifest["annotations"]["org.opencontainers.image.base.digest"], base);
    assert_eq!(config["config"], json!({ "Cmd": ["/bin/tool"], "Env": ["A=b"], "User": "1" }));
    assert_eq!(config["author"], "me");
    let by = format!("oci-commit --from DIR docker.io/library/app:1@{base}; ENV A=b; USER 1");
    let created = "2023-11-14T22:13:20Z";
    assert_eq!(
        config["history"][2],
        json!({ "created": created, "created_by": by, "author": "me", "comment": "why" })
    );
    // elsewhere, with other threads, from a copy whose files are all touched since
    let copy = dir.command("cp").args(["-a", "bundle", "copy"]);
    copy.succeeds();
    let args = args.map(|word| if word == "bundle" { "copy" } else { word });
    let again = commit(&dir).args(args).args(["-j", "1", "app:3"]).succeeds();
    assert_eq!(again.line().rsplit('@').next(), said.line().rsplit('@').next());
}

#[test]
fn a_dry_run_says_what_docker_diff_says_and_makes_nothing() {
    let dir = unpacked(&[]);
    let root = dir.join("bundle/rootfs");
    fs::write(root.join("etc/motd"), "changed").unwrap();
    fs::remove_dir_all(root.join("etc/gone")).unwrap();
    fs::create_dir(root.join("opt")).unwrap();
    fs::write(root.join("opt/a\nD \u{1b}[2J"), "").unwrap();
    let expected = ["C /", "C /etc", "D /etc/gone", "C /etc/motd", "A /opt", r"A /opt/a\nD \u{1b}[2J"];
    assert_eq!(changes(&dir, "bundle"), expected);
    let said = commit(&dir).args(["--from", "bundle", "--dry-run", "--json", "app:1", "new:1"]).succeeds();
    let first: Value = serde_json::from_str(said.lines()[2]).unwrap();
    assert_eq!(first, json!({ "kind": "file", "change": "removed", "path": "/etc/gone" }));
    let said = commit(&dir).args(["--from", "bundle", "--dry-run", "-0", "app:1", "new:1"]).succeeds();
    assert!(said.stdout().ends_with("\0A /opt/a\nD \u{1b}[2J\0"));
    assert_eq!(check_layout(dir.join("work")).names(), ["docker.io/library/app:1"]);
}

#[test]
fn where_nothing_has_changed_there_is_no_new_layer() {
    for options in [&[][..], &["--rootless"], &["--rootfs"]] {
        let dir = unpacked(options);
        assert_eq!(changes(&dir, "bundle"), Vec::<String>::new(), "{options:?}");
        let said = commit(&dir).args(["--from", "bundle", "app:1", "app:2"]).succeeds();
        let said = said.stderr_is("oci-commit: nothing has changed; there is no new layer\n");
        let report = check_layout(dir.join("work"));
        assert_eq!(report.rows[0].digest, report.rows[1].digest);
        let said_again = commit(&dir).args(["--from", "bundle", "app:1", "app:3", "-c", "USER 1"]).succeeds();
        let (manifest, config) = objects(&dir, said_again.line());
        assert_eq!(manifest["layers"], objects(&dir, said.line()).0["layers"]);
        assert_eq!(
            (&config["config"]["User"], &config["history"][2]["empty_layer"]),
            (&json!("1"), &json!(true))
        );
        check_layout(dir.join("work"));
    }
}

/// Writes other content of the same length, and sets the time back.
fn forge(path: &Path, content: &str) -> io::Result<()> {
    let before = fs::metadata(path)?;
    assert_eq!(before.len(), content.len() as u64);
    fs::write(path, content)?;
    let file = fs::File::options().write(true).open(path)?;
    file.set_modified(before.modified()?)?;
    assert_eq!(fs::metadata(path)?.mtime_nsec(), before.mtime_nsec());
    Ok(())
}

#[test]
fn content_that_changed_behind_an_old_time_is_found_even_if_the_bundle_was_edited_since() {
    for options in [&[][..], &["--rootfs"]] {
        let dir = unpacked(options);
        let root = if options.is_empty() { "bundle/rootfs" } else { "bundle" };
        forge(&dir.join(root).join("etc/note"), "m").expect("the file can be written");
        if options.is_empty() {
            let config = dir.read("bundle/config.json");
            dir.write("bundle/config.json", [&config[..], b" "].concat());
        }
        assert_eq!(changes(&dir, "bundle"), ["C /", "C /etc", "C /etc/note"], "{options:?}");
    }
}

#[test]
fn what_was_committed_is_the_base_of_the_next_commit() {
    let dir = unpacked(&[]);
    let root = dir.join("bundle/rootfs");
    fs::write(root.join("etc/motd"), "two\n").unwrap();
    commit(&dir).args(["--from", "bundle", "app:1", "app:2"]).succeeds();
    fs::write(root.join("three"), "").unwrap();
    let said = commit(&dir).args(["--from", "bundle", "--dry-run", "app:2", "app:3"]).succeeds();
    said.stderr_is("").stdout_is("C /\nA /three\n");
    // what is not of the layers that were unpacked is read, touched or not
    forge(&dir.join("bundle/rootfs/etc/motd"), "TWO\n").expect("the file can be written");
    let said = commit(&dir).args(["--from", "bundle", "--dry-run", "app:2", "app:3"]).succeeds();
    said.stdout_is("C /\nC /etc\nC /etc/motd\nA /three\n");
}

#[test]
fn a_tree_of_another_image_is_compared_file_by_file_and_that_is_said() {
    let dir = unpacked(&[]);
    let other = Image::new().layer(TarBuilder::new().file("etc/motd", "ho\n").mtime(3));
    let digest = other.write_layout(dir.join("work"), Some("docker.io/library/other:1")).digest;
    let said = commit(&dir).args(["--from", "bundle", "--dry-run", "other:1", "new:1"]).succeeds();
    let said = said.stderr_is(format!(
        "oci-commit: warning: bundle: not unpacked of oci:work:docker.io/library/other:1@{digest}; every file is compared\n"
    ));
    assert!(said.lines().contains(&"C /etc/motd") && said.lines().contains(&"A /usr/bin/tool"), "{said}");
}

#[test]
fn a_tree_of_an_image_without_layers_was_unpacked_of_it() {
    let dir = Dir::new();
    Image::new().cmd(["sh"]).write_layout(dir.join("work"), Some("docker.io/library/empty:1"));
    unpack(&dir, &[], "empty:1", "bundle");
    dir.write("bundle/rootfs/new", "new");
    let said = commit(&dir).args(["--from", "bundle", "--dry-run", "empty:1", "new:1"]).succeeds();
    said.stderr_is("").stdout_is("A /new\n");
}

#[test]
fn a_damaged_record_of_the_unpacking_is_named_with_what_to_do() {
    let dir = unpacked(&[]);
    dir.write("bundle/oci-unpack.json", "{}");
    commit(&dir).args(["--from", "bundle", "app:1", "app:2"]).fails_with(6).stderr_only(
        "oci-commit: bundle/oci-unpack.json: does not say what the tree beside it was unpacked of\n\
         hint: without that file every file of the tree is compared; say --rootless if it was unpacked so\n",
    );
    fs::remove_file(dir.join("bundle/oci-unpack.json")).unwrap();
    commit(&dir).args(["--from", "bundle", "app:1", "app:2"]).succeeds();
}

#[test]
fn owners_that_were_recorded_are_no_changes_and_those_of_new_files_are_roots() {
    let dir = unpacked(&["--rootless"]);
    let root = dir.join("bundle/rootfs");
    fs::write(root.join("etc/shadow"), "y").unwrap();
    fs::write(root.join("new"), "").unwrap();
    assert_eq!(changes(&dir, "bundle"), ["C /", "C /etc", "C /etc/shadow", "A /new"]);
    commit(&dir).args(["--from", "bundle", "app:1", "app:2"]).succeeds();
    let tree =
        dir.command(tool("oci-export")).args(["-L", "work", "--format", "rootfs", "-o", "flat.tar", "app:2"]);
    tree.succeeds();
    let listed = dir.command("tar").args(["--numeric-owner", "-tvf", "flat.tar"]).succeeds();
    let owner = |name: &str| {
        let lines = listed.lines();
        let line = lines.iter().find(|line| line.contains(&format!(" {name}"))).expect(name);
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!((&*owner("etc/shadow"), &*owner("new"), &*owner("bin -> ")), ("0/42", "0/0", "7/8"));
    // the device that could not be made is still there
    assert_eq!(owner("null"), "0/0");
}

#[test]
fn a_socket_is_left_out_and_named_and_a_name_that_deletes_is_refused() {
    let dir = unpacked(&[]);
    let root = dir.join("bundle/rootfs");
    let _socket = std::os::unix::net::UnixListener::bind(root.join("etc/socket")).unwrap();
    let said = commit(&dir).args(["--from", "bundle", "app:1", "app:2"]).succeeds();
    said.stderr_is(
        "oci-commit: warning: /etc/socket: a socket, left out, as are others: no layer can hold one\n",
    );
    fs::write(root.join("etc/.wh.motd"), "").unwrap();
    for options in [&["-q"][..], &["-q", "--dry-run"]] {
        let said = commit(&dir).args(options).args(["--from", "bundle", "app:1", "app:3"]).fails_with(1);
        said.stderr_only(
            "oci-commit: /etc/.wh.motd: a name that means in a layer that another is gone\nhint: rename or remove it\n",
        );
    }
    let report = check_layout(dir.join("work"));
    assert_eq!(report.names(), ["docker.io/library/app:1", "docker.io/library/app:2"]);
    assert!(report.unfinished.is_empty());
}

#[test]
fn the_layer_is_in_the_form_that_is_asked_for() {
    let dir = unpacked(&[]);
    fs::write(dir.join("bundle/rootfs/new"), "new").unwrap();
    for (form, kind) in [("gzip:9", "tar+gzip"), ("zstd", "tar+zstd"), ("none", "tar")] {
        let said =
            commit(&dir).args(["--compression", form, "--from", "bundle", "app:1", "app:2"]).succeeds();
        let (manifest, _) = objects(&dir, said.line());
        assert_eq!(manifest["layers"][2]["mediaType"], format!("application/vnd.oci.image.layer.v1.{kind}"));
        check_layout(dir.join("work"));
    }
}

#[test]
fn an_image_of_another_layout_is_brought_into_this_one() {
    let dir = unpacked(&[]);
    fs::write(dir.join("bundle/rootfs/new"), "new").unwrap();
    let said = dir
        .command(OCI_COMMIT)
        .args(["-L", "fresh", "--from", "bundle", "oci:work:app:1", "app:2"])
        .succeeds();
    assert!(said.line().starts_with("oci:fresh:docker.io/library/app:2@"), "{said}");
    assert_eq!(check_layout(dir.join("fresh")).names(), ["docker.io/library/app:2"]);
}

#[test]
fn what_cannot_be_is_a_usage_error_that_says_what_can() {
    let dir = unpacked(&[]);
    let said = commit(&dir).args(["box", "app:2"]).fails_with(2);
    said.stderr_only(
        "oci-commit: no --from: there are no containers yet whose changes could be taken\n\
         hint: oci-commit --from DIR IMAGE NAME takes those of an unpacked tree\n",
    );
    commit(&dir).args(["--from", "bundle", "app:1"]).fails_with(2).stderr_has("no NAME for the new image");
    commit(&dir)
        .args(["--from", "work/index.json", "app:1", "app:2"])
        .fails_with(2)
        .stderr_has("no directory");
    commit(&dir).args(["--from", "nowhere", "app:1", "app:2"]).fails_with(3).stderr_has("nowhere");
    commit(&dir).args(["--from", "bundle", "nosuch:1", "app:2"]).fails_with(3);
    commit(&dir).args(["--from", "bundle", "docker://app:1", "app:2"]).fails_with(2);
    commit(&dir).args(["--from", "bundle", "app:1", "app:2", "-c", "RUN x"]).fails_with(2);
    assert_eq!(check_layout(dir.join("work")).names(), ["docker.io/library/app:1"]);
}

#[test]
fn one_of_several_platforms_is_the_base_and_the_others_are_named() {
    let dir = Dir::new();
    for arch in ["amd64", "arm64"] {
        let image = Image::new().layer(TarBuilder::new().file(arch, "")).platform("linux", arch);
        image.write_layout(dir.join("work"), Some(&format!("docker.io/library/app:{arch}")));
    }
    dir.command(tool("oci-index")).args(["-L", "work", "both:1", "app:amd64", "app:arm64"]).succeeds();
    unpack(&dir, &["--platform", "linux/arm64"], "both:1", "bundle");
    fs::write(dir.join("bundle/rootfs/new"), "new").unwrap();
    let both = ["--from", "bundle", "both:1"];
    let said = commit(&dir).args(both).args(["new:1", "--platform", "linux/arm64"]).succeeds().stderr_is("");
    assert_eq!(objects(&dir, said.line()).1["architecture"], "arm64");
    commit(&dir).args(both).arg("both:1").fails_with(2).stderr_has("all but one would lose this name");
    check_layout(dir.join("work"));
}
