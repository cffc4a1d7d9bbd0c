//! `oci-import`: a root filesystem's tar becomes an image.
#![forbid(unsafe_code)]

use serde_json::{Value, json};
use std::io::Write;
use test_support::{
    Command, Dir, Image, TarBuilder, Terminal, check_layout, digest_of, gzip, noise, zstd_frame,
};

const OCI_IMPORT: &str = env!("CARGO_BIN_EXE_oci-import");

fn rootfs() -> TarBuilder {
    TarBuilder::new().dir("etc").file("etc/motd", "hi\n").noise_file("big", 3 << 20)
}

fn import(dir: &Dir) -> Command {
    dir.command(OCI_IMPORT).args(["-L", "work"]).env("SOURCE_DATE_EPOCH", "1700000000")
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

/// What `program` makes of these bytes.
fn compressed(program: &str, bytes: &[u8]) -> Vec<u8> {
    Command::new(program).arg("-c").stdin(bytes).succeeds().stdout_bytes().to_vec()
}

#[test]
fn a_tar_in_any_compression_is_the_same_image() {
    let dir = Dir::new();
    let tar = rootfs().bytes();
    let first =
        import(&dir).args(["--name", "base:1", "-c", r#"CMD ["bash"]"#]).stdin(&tar).succeeds().stderr_is("");
    let line = first.line().to_owned();
    assert!(line.starts_with("oci:work:docker.io/library/base:1@sha256:"), "{line}");
    for stream in [gzip(&tar), zstd_frame(&tar), compressed("xz", &tar), compressed("bzip2", &tar)] {
        import(&dir)
            .args(["--name", "base:1", "-c", r#"CMD ["bash"]"#])
            .stdin(stream)
            .succeeds()
            .stdout_only(format!("{line}\n"));
    }
    for jobs in ["1", "2", "16"] {
        import(&dir)
            .args(["--name", "base:1", "-c", r#"CMD ["bash"]"#, "-j", jobs])
            .stdin(&tar)
            .succeeds()
            .stdout_only(format!("{line}\n"));
    }
    let report = check_layout(dir.join("work"));
    assert_eq!((report.rows.len(), report.blobs.len()), (1, 3));
    assert!(report.unfinished.iter().all(|path| !path.contains("new-")), "{:?}", report.unfinished);
}

#[test]
fn the_config_is_as_docker_import_makes_it() {
    let dir = Dir::new();
    let outcome =
        import(&dir).args(["--platform", "arm64", "-c", "ENV A=b"]).stdin(rootfs().bytes()).succeeds();
    let (manifest, config) = objects(&dir, outcome.line());
    assert_eq!(
        config["history"],
        json!([{ "created": "2023-11-14T22:13:20Z", "comment": "Imported from -" }])
    );
    assert_eq!((&config["os"], &config["architecture"]), (&json!("linux"), &json!("arm64")));
    assert_eq!(config["config"], json!({ "Env": ["A=b"] }));
    assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
    dir.write("r.tar", rootfs().bytes());
    let outcome = import(&dir).args(["r.tar", "-m", "mine"]).succeeds();
    assert_eq!(objects(&dir, outcome.line()).1["history"][0]["comment"], "mine");
    check_layout(dir.join("work"));
}

#[test]
fn each_form_of_layer_unpacks_to_the_same_tar() {
    let dir = Dir::new();
    let ids: Vec<Value> = ["gzip:9", "zstd", "none"]
        .map(|form| {
            let outcome = import(&dir).args(["--compression", form]).stdin(rootfs().bytes()).succeeds();
            objects(&dir, outcome.line()).1["rootfs"].clone()
        })
        .into();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    check_layout(dir.join("work"));
}

#[test]
fn files_become_an_image_each_and_one_name_is_for_one() {
    let dir = Dir::new();
    dir.write("a.tar", rootfs().bytes());
    dir.write("b.tar.gz", gzip(TarBuilder::new().file("b", "b").bytes()));
    let outcome = import(&dir)
        .args(["a.tar", "b.tar.gz", "-"])
        .stdin(TarBuilder::new().file("c", "").bytes())
        .succeeds();
    assert_eq!(outcome.lines().len(), 3);
    assert!(outcome.lines().iter().all(|line| line.starts_with("oci:work@sha256:")), "{outcome}");
    import(&dir).args(["a.tar", "b.tar.gz", "--name", "x"]).fails_with(2);
    import(&dir).args(["-", "-"]).stdin("").fails_with(2);
    assert_eq!(check_layout(dir.join("work")).rows.len(), 3);
}

#[test]
fn a_file_that_is_not_there_keeps_no_other_from_being_imported() {
    let dir = Dir::new();
    dir.write("broken.tar", &rootfs().bytes()[..700]);
    dir.write("good.tar", rootfs().bytes());
    let outcome = import(&dir).args(["broken.tar", "gone.tar", "good.tar"]).fails_with(6);
    outcome.stderr_has("broken.tar").stderr_has("gone.tar");
    assert_eq!(check_layout(dir.join("work")).rows.len(), 1);
    import(&dir).args(["gone.tar", "broken.tar"]).fails_with(3);
}

#[test]
fn a_tar_that_may_be_cut_short_or_has_no_entry_is_taken_with_a_warning() {
    let dir = Dir::new();
    let whole = rootfs().bytes();
    let end = whole.iter().rposition(|byte| *byte != 0).expect("content") + 1;
    dir.write("cut.tar", &whole[..end.next_multiple_of(512)]);
    import(&dir).arg("cut.tar").succeeds().stderr_is(
        "oci-import: warning: cut.tar: the tar ends without its end-of-archive blocks; it may be cut short\n",
    );
    let nothing = import(&dir).stdin(vec![0; 1024]).succeeds();
    nothing.stderr_is("oci-import: warning: -: the tar has no entry; the image is empty\n");
    import(&dir).stdin(&whole).succeeds().stderr_is("");
    check_layout(dir.join("work"));
}

#[test]
fn what_no_tree_takes_is_refused_before_it_is_an_image() {
    let dir = Dir::new();
    let tar = TarBuilder::new().file("a", "").file("d/.wh.", "").bytes();
    let outcome = import(&dir).stdin(tar).fails_with(6);
    outcome.stderr_only("oci-import: -: /d/.wh.: a whiteout of no file\n");
}

#[test]
fn an_archive_is_no_layer_and_a_layout_within_a_tar_no_archive() {
    let dir = Dir::new();
    let built = Image::new().layer(rootfs());
    built.write_layout(dir.join("work"), Some("docker.io/library/base:1"));
    let archive = dir.command(test_support::tool("oci-export")).args(["-L", "work", "base:1"]).succeeds();
    let onto = || import(&dir).args(["--onto", "base:1"]).stdin(archive.stdout_bytes());
    onto().fails_with(2).stdout_is("").stderr_has("hint: --format rootfs takes the archive itself as files");
    onto().args(["--format", "rootfs"]).succeeds();
    built.write_layout(dir.join("copy"), None);
    let tar = dir.command("tar").args(["-c", "copy"]).succeeds();
    let outcome = import(&dir).stdin(tar.stdout_bytes()).succeeds();
    outcome
        .stderr_has("warning: -: copy in it looks like an OCI layout")
        .stderr_has("tar -C copy -c . | oci-import");
    import(&dir)
        .arg("copy")
        .fails_with(2)
        .stderr_has("hint: oci-copy oci:copy:NAME NAME, or write it as a tar");
}

#[test]
fn a_tar_makes_the_same_image_from_wherever_it_comes() {
    let dir = Dir::new();
    let tar = rootfs().bytes();
    dir.write("a.tar", &tar);
    dir.write("deep/b.tar.gz", gzip(&tar));
    let import = || import(&dir).env("SOURCE_DATE_EPOCH", "1700000000");
    let outcome = import().args(["a.tar", "deep/b.tar.gz", "-"]).stdin(&tar).succeeds();
    let lines: std::collections::BTreeSet<&str> = outcome.lines().into_iter().collect();
    assert_eq!(lines.len(), 1, "{outcome}");
}

#[test]
fn onto_puts_one_more_layer_on_an_image() {
    let dir = Dir::new();
    let base = Image::new().layer(rootfs()).cmd(["/bin/sh"]).platform("linux", "riscv64");
    let base = base.write_layout(dir.join("work"), Some("docker.io/library/base:1"));
    let app = TarBuilder::new().file("app", "1").bytes();
    let outcome =
        import(&dir).args(["--onto", "base:1", "-n", "app:1", "-c", r#"CMD ["/app"]"#]).stdin(app).succeeds();
    let (manifest, config) = objects(&dir, outcome.line());
    assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        manifest["annotations"],
        json!({
            "org.opencontainers.image.base.name": "docker.io/library/base:1",
            "org.opencontainers.image.base.digest": base.digest,
        })
    );
    assert_eq!(config["architecture"], "riscv64", "the platform is the base's");
    assert_eq!(config["config"]["Cmd"], json!(["/app"]));
    assert_eq!(config["history"].as_array().map(Vec::len), Some(2));
    assert_eq!(check_layout(dir.join("work")).rows.len(), 2);
    import(&dir).args(["--onto", "gone"]).stdin(rootfs().bytes()).fails_with(3);
}

#[test]
fn onto_an_image_of_another_layout_brings_that_here() {
    let dir = Dir::new();
    Image::new().layer(rootfs()).write_layout(dir.join("other"), Some("docker.io/library/base:1"));
    let app = TarBuilder::new().file("app", "1").bytes();
    let outcome =
        import(&dir).args(["--onto", "oci:other:base:1", "-n", "app:1"]).stdin(app).succeeds().stderr_is("");
    let (manifest, _) = objects(&dir, outcome.line());
    std::fs::remove_dir_all(dir.join("other")).expect("it is there");
    let report = check_layout(dir.join("work"));
    assert_eq!(report.names(), ["docker.io/library/app:1"]);
    for layer in manifest["layers"].as_array().expect("a list") {
        assert!(report.blobs.contains_key(layer["digest"].as_str().expect("text")), "{layer}");
    }
}

#[test]
fn an_archive_is_told_by_its_first_entries_and_may_be_files_all_the_same() {
    let dir = Dir::new();
    for name in ["oci-layout", "manifest.json", "blobs/sha256/x"] {
        let archive = TarBuilder::new().file(name, "{}").bytes();
        let outcome = import(&dir).stdin(&archive).fails_with(6).stdout_is("");
        assert!(outcome.stderr().starts_with("oci-import: -: "), "{outcome}");
        import(&dir).args(["--format", "rootfs"]).stdin(&archive).succeeds();
    }
    let archive = TarBuilder::new().dir("./").file("./index.json", "{}").bytes();
    import(&dir).stdin(archive).fails_with(6);
    let outcome = import(&dir).args(["--format", "archive"]).stdin(rootfs().bytes()).fails_with(6);
    assert!(outcome.stderr().contains("hint: --format rootfs"), "{outcome}");
}

#[test]
fn after_a_failure_the_layout_is_as_it_was() {
    let dir = Dir::new();
    import(&dir).args(["--name", "base:1"]).stdin(rootfs().bytes()).succeeds();
    let before = (dir.read("work/index.json"), dir.list("work/blobs/sha256"));
    let tar = rootfs().bytes();
    let mut broken = gzip(&tar);
    broken.truncate(broken.len() / 2);
    for (stream, status) in [
        (tar[..tar.len() / 2].to_vec(), 6),
        (broken, 6),
        (noise(1, 100_000), 6),
        (Vec::new(), 3),
        (b"hello".to_vec(), 6),
    ] {
        let outcome = import(&dir).args(["--name", "base:1"]).stdin(stream).fails_with(status).stdout_is("");
        assert!(outcome.stderr().starts_with("oci-import: -: "), "{outcome}");
        assert_eq!((dir.read("work/index.json"), dir.list("work/blobs/sha256")), before);
        assert_eq!(dir.list("work/.ociutils/ingest"), Vec::<String>::new());
    }
    import(&dir)
        .arg("nosuch.tar")
        .fails_with(3)
        .stderr_only("oci-import: nosuch.tar: no such file or directory\n");
    check_layout(dir.join("work"));
}

#[test]
fn nothing_on_standard_input_is_a_usage_error() {
    let dir = Dir::new();
    let terminal = Terminal::open();
    for command in [import(&dir), import(&dir).stdin_closed(), import(&dir).stdin_terminal(&terminal)] {
        let outcome = command.fails_with(2).stdout_is("");
        assert!(outcome.stderr().contains("nothing on standard input"), "{outcome}");
    }
    assert!(!dir.join("work").exists(), "nothing was made");
}

#[test]
fn a_signal_leaves_the_layout_as_it_was() {
    for signal in [2, 15] {
        let dir = Dir::new();
        import(&dir).args(["--name", "base:1"]).stdin(rootfs().bytes()).succeeds();
        let before = (dir.read("work/index.json"), dir.list("work/blobs/sha256"));
        let mut running = import(&dir).args(["--name", "base:1"]).stdin_pipe().spawn();
        running.write(&rootfs().bytes()[..2 << 20]);
        while dir.list("work/.ociutils/ingest").is_empty() {
            assert!(running.is_running());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        running.signal(signal);
        running.wait().assert_signal(signal).no_output();
        assert_eq!((dir.read("work/index.json"), dir.list("work/blobs/sha256")), before);
        assert_eq!(dir.list("work/.ociutils/ingest"), Vec::<String>::new());
        assert_eq!(dir.list("work/.ociutils/leases"), Vec::<String>::new());
        check_layout(dir.join("work"));
    }
}

#[test]
fn who_waits_on_a_terminal_is_told_what_for() {
    let dir = Dir::new();
    let terminal = Terminal::open();
    let running = import(&dir).stdin_pipe().stderr_terminal(&terminal).spawn();
    terminal.wait_for("root filesystem");
    drop(running.wait());
    let screen = terminal.screen();
    assert!(
        screen.contains("oci-import: waiting for an archive or the tar of a root filesystem"),
        "{screen}"
    );
}

#[test]
fn progress_is_a_bar_on_a_terminal_and_nothing_in_a_log() {
    let dir = Dir::new();
    let tar = TarBuilder::new().noise_file("big", 24 << 20).bytes();
    let mut file = std::fs::File::create(dir.join("r.tar")).expect("a file");
    file.write_all(&tar).expect("written");
    let terminal = Terminal::open();
    import(&dir).args(["r.tar", "-j", "1"]).stderr_terminal(&terminal).succeeds();
    let screen = terminal.screen();
    assert!(screen.contains("MB") || screen.contains("MiB"), "{screen:?}");
    assert!(screen.ends_with("\r\u{1b}[2K") || screen.ends_with('\r') || screen.is_empty(), "{screen:?}");
    import(&dir).args(["r.tar"]).succeeds().stderr_is("");
    let terminal = Terminal::open();
    import(&dir).args(["r.tar", "-q"]).stderr_terminal(&terminal).succeeds();
    assert_eq!(terminal.screen(), "");
}

/// What `docker save` writes: plain layers first, the list of images last.
fn saved(layers: &[TarBuilder], tags: &[&str]) -> (TarBuilder, String) {
    let tars: Vec<Vec<u8>> = layers.iter().map(TarBuilder::bytes).collect();
    let diff_ids: Vec<String> = tars.iter().map(digest_of).collect();
    let config = json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = config.to_string();
    let names: Vec<String> = diff_ids.iter().map(|id| format!("{}.tar", &id[7..])).collect();
    let id = digest_of(&config);
    let list = json!([{ "Config": format!("{}.json", &id[7..]), "RepoTags": tags, "Layers": names }]);
    let mut archive = TarBuilder::new();
    for (name, tar) in names.iter().zip(&tars) {
        archive = archive.file(name, tar);
    }
    (archive.file(&format!("{}.json", &id[7..]), config).file("manifest.json", list.to_string()), id)
}

#[test]
fn a_docker_archive_from_a_pipe_is_its_images_with_their_names() {
    let dir = Dir::new();
    let (archive, id) =
        saved(&[rootfs(), TarBuilder::new().file("b", "b")], &["app:1", "registry.example/app:2"]);
    let outcome = import(&dir).stdin(archive.bytes()).succeeds().stderr_is("");
    let lines = outcome.lines();
    assert!(lines[0].starts_with("oci:work:docker.io/library/app:1@sha256:"), "{outcome}");
    assert!(lines[1].starts_with("oci:work:registry.example/app:2@sha256:"), "{outcome}");
    let (manifest, _) = objects(&dir, lines[0]);
    assert_eq!(manifest["config"]["digest"], id.as_str(), "the ID is docker's");
    for layer in manifest["layers"].as_array().expect("layers") {
        assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
    }
    for stream in [gzip(archive.bytes()), zstd_frame(archive.bytes()), compressed("xz", &archive.bytes())] {
        import(&dir).stdin(stream).succeeds().stdout_is(outcome.stdout());
    }
    let report = check_layout(dir.join("work"));
    assert_eq!((report.rows.len(), report.blobs.len()), (2, 4));
    assert!(report.unfinished.iter().all(|path| !path.contains("new-")), "{:?}", report.unfinished);
    let outcome = import(&dir).args(["--as-is", "-n", "plain:1"]).stdin(archive.bytes()).succeeds();
    let (manifest, config) = objects(&dir, outcome.line());
    assert_eq!(manifest["layers"][0]["digest"], config["rootfs"]["diff_ids"][0]);
    check_layout(dir.join("work"));
}

#[test]
fn old_archives_have_links_for_layers_and_others_compressed_ones() {
    let dir = Dir::new();
    let tar = TarBuilder::new().file("a", "a").bytes();
    let diff_id = digest_of(&tar);
    let config = |count: usize| {
        let diff_ids = vec![&diff_id; count];
        json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": diff_ids } }).to_string()
    };
    let list = |layers: &[&str]| {
        json!([{ "Config": "c.json", "RepoTags": ["app:1"], "Layers": layers }]).to_string()
    };
    let linked = TarBuilder::new()
        .dir("1")
        .file("1/VERSION", "1.0")
        .file("1/layer.tar", &tar)
        .dir("2")
        .symlink("2/layer.tar", "../1/layer.tar")
        .file("c.json", config(2))
        .file("manifest.json", list(&["1/layer.tar", "2/layer.tar"]));
    let (manifest, _) = objects(&dir, import(&dir).stdin(linked.bytes()).succeeds().line());
    assert_eq!(manifest["layers"][0], manifest["layers"][1]);
    for layer in [gzip(&tar), zstd_frame(&tar), compressed("xz", &tar), compressed("bzip2", &tar)] {
        let archive = TarBuilder::new()
            .file("manifest.json", list(&["l.tar.gz"]))
            .file("c.json", config(1))
            .file("l.tar.gz", layer);
        import(&dir).stdin(archive.bytes()).succeeds();
    }
    let old = TarBuilder::new()
        .file("repositories", json!({ "old": { "1": "top" } }).to_string())
        .file(
            "top/json",
            json!({ "id": "top", "parent": "base", "os": "linux", "architecture": "amd64" }).to_string(),
        )
        .file("top/layer.tar", TarBuilder::new().file("b", "b").bytes())
        .file("base/json", json!({ "id": "base", "container_config": { "Cmd": ["sh", "-c"] } }).to_string())
        .file("base/layer.tar", &tar);
    let outcome = import(&dir).stdin(old.bytes()).succeeds();
    assert!(outcome.line().starts_with("oci:work:docker.io/library/old:1@"), "{outcome}");
    let (_, config) = objects(&dir, outcome.line());
    assert_eq!(config["rootfs"]["diff_ids"][0], diff_id.as_str());
    assert_eq!(config["history"][0]["created_by"], "sh -c");
    assert!(config.get("parent").is_none() && config.get("id").is_none());
    check_layout(dir.join("work"));
}

#[test]
fn one_name_is_for_one_image_of_an_archive() {
    let dir = Dir::new();
    let (one, _) = saved(&[TarBuilder::new().file("a", "a")], &["a:1"]);
    import(&dir).args(["--name", "b:1"]).stdin(one.bytes()).succeeds();
    assert_eq!(check_layout(dir.join("work")).names(), ["docker.io/library/b:1"]);
    let config = r#"{"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let rows = r#"[{"Config":"c.json","RepoTags":["a:1"],"Layers":[]},{"Config":"d.json","RepoTags":["a:2"],"Layers":[]}]"#;
    let several = TarBuilder::new()
        .file("manifest.json", rows)
        .file("c.json", config)
        .file("d.json", r#"{"os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#);
    let before = (dir.read("work/index.json"), dir.list("work/blobs/sha256"));
    let outcome = import(&dir).args(["--name", "b:1"]).stdin(several.bytes()).fails_with(2);
    assert!(outcome.stderr().contains("2 images; expected one"), "{outcome}");
    assert_eq!((dir.read("work/index.json"), dir.list("work/blobs/sha256")), before);
    import(&dir).args(["-c", "CMD a"]).stdin(one.bytes()).fails_with(2);
}

#[test]
fn a_prefix_stands_before_repository_and_tag_of_each_image_of_an_archive() {
    let dir = Dir::new();
    let layer = [TarBuilder::new().file("a", "a")];
    let (named, _) = saved(&layer, &["app:1", "quay.io/team/db:2"]);
    dir.write("one.tar", named.bytes());
    dir.write("two.tar", saved(&[TarBuilder::new().file("b", "b")], &["x:1"]).0.bytes());
    let command = || import(&dir).args(["--name", "mirror.example/m/"]);
    let outcome = command().args(["one.tar", "two.tar"]).succeeds().stderr_is("");
    assert!(outcome.lines()[0].starts_with("oci:work:mirror.example/m/library/app:1@"), "{outcome}");
    let names =
        ["m/library/app:1", "m/library/x:1", "m/team/db:2"].map(|name| format!("mirror.example/{name}"));
    assert_eq!(check_layout(dir.join("work")).names(), names);

    let before = (dir.read("work/index.json"), dir.list("work/blobs/sha256"));
    let config = r#"{"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let rows = r#"[{"Config":"c.json","RepoTags":["app:1"],"Layers":[]},{"Config":"d.json","RepoTags":["quay.io/library/app:1"],"Layers":[]}]"#;
    let two = TarBuilder::new()
        .file("manifest.json", rows)
        .file("c.json", config)
        .file("d.json", r#"{"os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#);
    for (stream, says) in [
        (saved(&layer, &[]).0.bytes(), "has no name to put behind mirror.example/m/"),
        (rootfs().bytes(), "a root filesystem: has no name to put behind mirror.example/m/"),
        (two.bytes(), "mirror.example/m/library/app:1: two images would have this name"),
    ] {
        command().stdin(stream).fails_with(2).stdout_is("").stderr_has(says);
        assert_eq!((dir.read("work/index.json"), dir.list("work/blobs/sha256")), before, "{says}");
    }
}

#[test]
fn nothing_in_a_pipe_is_no_image_and_nothing_in_a_file_is_no_tar() {
    let dir = Dir::new();
    dir.write("empty.tar", "");
    for (command, status) in [
        (import(&dir).stdin(""), 3),
        (import(&dir).arg("-").stdin(""), 3),
        (import(&dir).stdin(gzip("")), 6),
        (import(&dir).arg("empty.tar"), 6),
    ] {
        let outcome = command.fails_with(status).stdout_is("");
        outcome.stderr_has(": empty input\nhint: did the command before the pipe fail?\n");
    }
    assert!(!dir.join("work").exists(), "nothing was made");
}

#[test]
fn an_archive_that_fails_leaves_nothing() {
    let dir = Dir::new();
    import(&dir).args(["--name", "base:1"]).stdin(rootfs().bytes()).succeeds();
    let before = (dir.read("work/index.json"), dir.list("work/blobs/sha256"));
    let (archive, _) =
        saved(&[TarBuilder::new().noise_file("big", 1 << 20), TarBuilder::new().file("b", "b")], &["app:1"]);
    let whole = archive.bytes();
    let gzipped = gzip(&whole);
    let mut lying = whole.clone();
    lying[2000] ^= 1;
    for stream in [whole[..whole.len() / 2].to_vec(), gzipped[..gzipped.len() - 8].to_vec(), lying] {
        import(&dir).stdin(stream).fails_with(6).stdout_is("");
        assert_eq!((dir.read("work/index.json"), dir.list("work/blobs/sha256")), before);
        assert_eq!(dir.list("work/.ociutils/ingest"), Vec::<String>::new());
    }
    let lacking = TarBuilder::new().file(
        "manifest.json",
        json!([{ "Config": "gone.json", "RepoTags": ["a:1"], "Layers": [] }]).to_string(),
    );
    let outcome = import(&dir).stdin(lacking.bytes()).fails_with(3);
    assert!(outcome.stderr().contains("\"gone.json\""), "{outcome}");
}

#[test]
fn a_directory_is_answered_with_how_to_make_a_tar_of_it() {
    let dir = Dir::new();
    dir.write("tree/a", "");
    let outcome = dir.command(OCI_IMPORT).args(["-L", "work", "tree"]).fails_with(2);
    outcome
        .stderr_has("tree: a directory")
        .stderr_has("hint: write it as a tar: tar -C tree -c . | oci-import");
}

#[test]
fn who_wonders_is_told_what_a_file_was_taken_for() {
    let dir = Dir::new();
    let line = "oci-import: -: the tar of a root filesystem\n";
    import(&dir).arg("-v").stdin(rootfs().bytes()).succeeds().stderr_has(line);
    let archive = dir.command(test_support::tool("oci-export")).args(["-L", "work", "--format", "docker"]);
    let digest = check_layout(dir.join("work")).rows[0].digest.clone();
    let archive = archive.arg(format!("@{digest}")).succeeds();
    let again = import(&dir).args(["-v", "-"]).stdin(archive.stdout_bytes()).succeeds();
    again.stderr_has(": an archive of images\n");
}
