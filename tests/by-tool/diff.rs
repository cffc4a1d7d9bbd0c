//! `oci-diff`: what differs between two images, and what each layer of one does.
#![forbid(unsafe_code)]

use serde_json::{Value, json};
use test_support::{Command, Dir, Image, TarBuilder, Terminal, check_layout, tool};

const OCI_DIFF: &str = env!("CARGO_BIN_EXE_oci-diff");

fn tar() -> TarBuilder {
    TarBuilder::new()
}

fn status(packages: &[(&str, &str)]) -> String {
    let stanza = |(name, version): &(&str, &str)| {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
    };
    packages.iter().map(stanza).collect()
}

fn base() -> TarBuilder {
    tar()
        .dir("etc")
        .file("etc/motd", "hi\n")
        .file("etc/old", "12345")
        .file("etc/kept", "kept")
        .file("var/lib/dpkg/status", status(&[("curl", "1"), ("gone", "1"), ("libc6", "2")]))
}

/// `app:1`, and `app:2` of the same base.
fn layout() -> Dir {
    let dir = Dir::new();
    let old = Image::new().layer(base()).cmd(["sh"]).config("Env", json!(["PATH=/bin", "A=1"]));
    let new = Image::new().layer(base()).cmd(["sh", "-l"]).config("Env", json!(["PATH=/bin", "B=1"]));
    let above = tar()
        .file("etc/motd", "hello\n")
        .mode(0o600)
        .whiteout("etc/old")
        .dir("usr/share")
        .file("usr/share/a", "1234")
        .file("usr/share/b", "12")
        .file("var/lib/dpkg/status", status(&[("curl", "2"), ("new", "1"), ("libc6", "2")]));
    old.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    new.zstd_layer(above).write_layout(dir.join("work"), Some("docker.io/library/app:2"));
    dir
}

fn diff(dir: &Dir) -> Command {
    dir.command(OCI_DIFF).args(["-L", "work"])
}

fn objects(command: Command) -> Vec<Value> {
    let outcome = command.arg("--json").succeeds();
    outcome.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn people_read_sections() {
    let dir = layout();
    let outcome =
        diff(&dir).args(["--only", "config", "--only", "packages", "--only", "files", "app:1", "app:2"]);
    outcome.succeeds().stdout_only(
        "Config\n  ~ Cmd  [\"sh\"] → [\"sh\",\"-l\"]\n  - Env A  1\n  + Env B  1\n\
         \u{20} + history 1  {\"created_by\":\"layer 1\"}\n\n\
         Packages\n  ~ curl  1 → 2\n  - gone  1\n  + new  1\n\n\
         Files: 2 (6B) added, 1 (5B) removed, 2 (231B) changed\n\
         \u{20} ~ /etc/motd  content 3B → 6B, mode 0644 → 0600\n  - /etc/old  5B\n\
         \u{20} + /usr  directory, 2 (6B)\n  ~ /var/lib/dpkg/status  content 226B → 225B\n",
    );
    let outcome = diff(&dir).args(["app:1", "app:2"]).succeeds();
    let lines = outcome.lines();
    assert_eq!(lines[0], "Layers");
    assert!(lines[1].starts_with("  = sha256:") && lines[2].starts_with("  + sha256:"), "{outcome}");
    check_layout(dir.join("work"));
}

#[test]
fn the_same_image_has_nothing_to_tell() {
    let dir = layout();
    diff(&dir).args(["app:1", "app:1"]).succeeds().no_output();
    diff(&dir).args(["--exit-code", "app:1", "app:1"]).succeeds().no_output();
    diff(&dir).args(["-q", "app:1", "app:1"]).succeeds().no_output();
    assert!(objects(diff(&dir).args(["app:1", "app:1"])).iter().all(|found| found["change"] == "shared"));
}

#[test]
fn a_status_says_whether_they_differ_if_that_is_asked() {
    let dir = layout();
    let said = diff(&dir).args(["--exit-code", "-q", "--only", "config", "app:1", "app:2"]).fails_with(1);
    said.stderr_is("")
        .stdout_is("config\t~\tCmd\nconfig\t-\tEnv A\nconfig\t+\tEnv B\nconfig\t+\thistory 1\n");
    diff(&dir).args(["--exit-code", "app:1", "nowhere:1"]).fails_with(3).stderr_has("nowhere");
    let apart = Image::new().layer(base()).cmd(["sh"]).config("Env", json!(["A=1", "PATH=/bin"]));
    apart.write_layout(dir.join("work"), Some("docker.io/library/app:3"));
    let said = diff(&dir).args(["--exit-code", "app:1", "app:3"]).fails_with(1);
    said.stdout_has("Config\n  ~ id form alone  sha256:");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("it is there");
    diff(&dir)
        .args(["--exit-code", "app:1", "app:2"])
        .stdout_to(full)
        .fails_with(2)
        .stderr_has("standard output");
}

#[test]
fn a_package_of_two_architectures_is_named_with_its_own() {
    let status = |version: &str| {
        let stanza = |(name, architecture): (&str, &str)| {
            format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: {architecture}\nVersion: {version}\n\n"
            )
        };
        [("libc6", "amd64"), ("libc6", "i386"), ("tar", "amd64")].map(stanza).concat()
    };
    let dir = Dir::new();
    for (name, version) in [("app:1", "1"), ("app:2", "2")] {
        let image = Image::new().layer(tar().file("var/lib/dpkg/status", status(version)));
        image.write_layout(dir.join("work"), Some(&format!("docker.io/library/{name}")));
    }
    let said = diff(&dir).args(["-q", "--only", "packages", "app:1", "app:2"]).succeeds();
    said.stdout_only("package\t~\tlibc6:amd64\npackage\t~\tlibc6:i386\npackage\t~\ttar\n");
}

#[test]
fn quiet_is_a_line_a_difference_with_every_file() {
    let dir = layout();
    let files = "file\t~\t/etc/motd\nfile\t-\t/etc/old\nfile\t+\t/usr\nfile\t+\t/usr/share\nfile\t+\t/usr/share/a\n\
        file\t+\t/usr/share/b\nfile\t~\t/var/lib/dpkg/status\n";
    diff(&dir).args(["-q", "--only", "files", "app:1", "app:2"]).succeeds().stdout_only(files);
    let nul = diff(&dir).args(["-0", "--only", "files", "app:1", "app:2"]).succeeds();
    nul.stdout_only(files.replace('\n', "\0"));
    let back = diff(&dir).args(["-q", "--only", "packages", "app:2", "app:1"]).succeeds();
    back.stdout_only("package\t~\tcurl\npackage\t+\tgone\npackage\t-\tnew\n");
}

#[test]
fn an_object_says_what_was_before_and_what_is_after() {
    let dir = layout();
    let found = objects(diff(&dir).args(["app:1", "app:2"]));
    let one = |kind: &str, key: &str, name: &str| {
        let found = found.iter().find(|found| found["kind"] == kind && found[key] == name);
        found.unwrap_or_else(|| panic!("{name}: {found:?}")).clone()
    };
    assert_eq!(
        one("package", "name", "curl"),
        json!({ "kind": "package", "change": "changed", "manager": "dpkg", "name": "curl",
            "before": { "architecture": "amd64", "version": "1" }, "after": { "architecture": "amd64", "version": "2" } })
    );
    assert_eq!(
        one("config", "name", "B"),
        json!({ "kind": "config", "change": "added", "key": "Env", "name": "B", "after": { "value": "1" } })
    );
    let motd = one("file", "path", "/etc/motd");
    assert_eq!(motd["what"], json!(["content", "mode"]));
    assert_eq!(motd["before"]["digest"], test_support::digest_of(b"hi\n"));
    assert_eq!((&motd["before"]["size"], &motd["after"]["mode"]), (&json!(3), &json!("0600")));
    let layers: Vec<_> = found.iter().filter(|found| found["kind"] == "layer").collect();
    assert_eq!(layers[0]["change"], "shared");
    assert_eq!(layers[0]["before"], layers[0]["after"]);
    assert_eq!((&layers[1]["change"], &layers[1]["after"]["position"]), (&json!("added"), &json!(1)));
    assert!(found.iter().all(|found| found.get("ref").is_none()));
}

#[test]
fn times_differ_only_where_that_is_asked() {
    let dir = Dir::new();
    for (tag, mtime) in [("1", 1), ("2", 2)] {
        let image = Image::new().layer(tar().file("a", "x").mtime(mtime));
        image.write_layout(dir.join("work"), Some(&format!("docker.io/library/app:{tag}")));
    }
    diff(&dir).args(["--only", "files", "app:1", "app:2"]).succeeds().no_output();
    let said = diff(&dir).args(["--times", "--only", "files", "app:1", "app:2"]).succeeds();
    said.stdout_only("Files: 0 added, 0 removed, 1 (1B) changed\n  ~ /a  time 1 → 2\n");
}

#[test]
fn each_layer_of_an_image_adds_changes_deletes_and_wastes() {
    let dir = layout();
    let outcome = diff(&dir).args(["--layers", "app:2"]).succeeds();
    let lines = outcome.lines();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(lines[0])[..4], ["LAYER", "SIZE", "ADDED", "CHANGED"]);
    assert_eq!(words(lines[1])[2..].join(" "), "4 (238B) 0 0 3 (234B) layer 0");
    assert_eq!(words(lines[2])[2..].join(" "), "2 (6B) 2 (231B) 1 (5B) 0 layer 1");
    assert_eq!(lines[lines.len() - 1], "234B wasted in all");
    let quiet = diff(&dir).args(["--layers", "-q", "app:2"]).succeeds();
    assert!(quiet.lines()[1].ends_with("\t6\t231\t5\t0"), "{quiet}");
    let found = objects(diff(&dir).args(["--layers", "--files", "app:2"]));
    assert_eq!(found[0]["wasted"], json!({ "count": 3, "bytes": 234 }));
    assert_eq!(found[1]["deleted"], json!({ "count": 1, "bytes": 5 }));
    let gone = found.iter().find(|found| found["path"] == "/etc/old" && found["layer"] == 1);
    assert_eq!(gone.expect("it was deleted")["change"], "removed");
    let files = diff(&dir).args(["--layers", "--files", "app:2"]).succeeds();
    files.stdout_has("\nLayer 1\n  ~ /etc/motd  content 3B → 6B, mode 0644 → 0600\n  - /etc/old  5B\n");
}

#[test]
fn images_come_from_a_pipe_only_where_that_is_written() {
    let dir = layout();
    diff(&dir).args(["--exit-code", "-", "app:2"]).stdin("app:1\n").fails_with(1);
    diff(&dir).args(["-q", "--only", "config", "-"]).stdin("app:1\napp:2\n").succeeds().stdout_has("Cmd");
    for images in [&["app:1"][..], &["app:1", "app:2", "app:1"], &["--layers", "app:1", "app:2"]] {
        diff(&dir).args(images).stdin("app:2\n").fails_with(2).stderr_has("expected");
    }
    diff(&dir).stdin("app:1\napp:2\n").fails_with(2).stderr_has("no image");
    diff(&dir).args(["--layers", "--only", "files", "app:1"]).fails_with(2);
}

#[test]
fn an_image_in_a_registry_is_compared_with_one_in_a_layout() {
    let dir = layout();
    let server = dir.command(tool("oci-serve")).args(["-L", "work", "--port", "0"]).spawn();
    let remote = format!("docker://{}/app:2", server.wait_for_stdout("\n").trim());
    let there = diff(&dir).args(["-q", "app:1", &remote]).succeeds().stderr_is("");
    let here = diff(&dir).args(["-q", "app:1", "app:2"]).succeeds();
    assert_eq!(there.stdout(), here.stdout());
    diff(&dir).args(["--exit-code", &remote, "app:2"]).succeeds().no_output();
}

#[test]
fn layers_are_read_only_where_their_files_are_asked_for() {
    let dir = layout();
    for layer in objects(diff(&dir).args(["--only", "layers", "app:1", "app:2"])) {
        let digest = layer["after"]["digest"].as_str().expect("a digest");
        std::fs::remove_file(dir.join("work/blobs/sha256").join(&digest[7..])).expect("a blob");
    }
    diff(&dir).args(["--only", "config", "--only", "layers", "app:1", "app:2"]).succeeds();
    diff(&dir).args(["app:2", "app:2"]).succeeds().no_output();
    diff(&dir).args(["app:1", "app:2"]).fails_with(3).stderr_has("lacks sha256:");
}

#[test]
fn a_layer_that_is_not_what_it_claims_is_refused() {
    let dir = Dir::new();
    Image::new().layer(base()).write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let mut built = Image::new().layer(base().file("more", "")).build();
    let layer = built.blobs.iter().find(|(_, blob)| blob.starts_with(&[0x1f, 0x8b])).expect("gzip").0.clone();
    built.blobs.insert(layer.clone(), test_support::gzip(tar().file("another", "").bytes()));
    built.write_layout(dir.join("work"), Some("docker.io/library/app:2"));
    let said = diff(&dir).args(["app:1", "app:2"]).fails_with(6);
    said.stderr_has(format!("layer {layer}: "));
}

#[test]
fn what_an_image_says_forges_no_line_and_moves_no_cursor() {
    let dir = Dir::new();
    let evil = "x\nfile\t-\t/etc/passwd\u{1b}[2J\u{202e}";
    Image::new().layer(tar()).write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    let image = Image::new()
        .layer(tar().file(evil, "").symlink("link", evil))
        .config("Labels", json!({ evil: evil }));
    image.write_layout(dir.join("work"), Some("docker.io/library/app:2"));
    let outcome = diff(&dir).args(["-q", "app:1", "app:2"]).succeeds();
    assert!(!outcome.lines().contains(&"file\t-\t/etc/passwd"), "{outcome}");
    let terminal = Terminal::open();
    diff(&dir).args(["app:1", "app:2"]).stdout_terminal(&terminal).succeeds();
    let screen = terminal.screen();
    assert!(!screen.contains('\u{1b}') && screen.contains(r"\u{1b}[2J\u{202e}"), "{screen}");
    let whole = diff(&dir).args(["-0", "--only", "files", "app:1", "app:2"]).succeeds();
    whole.stdout_has(format!("file\t+\t/{evil}\0"));
}

#[test]
fn the_platform_that_is_asked_for_is_compared() {
    let dir = Dir::new();
    for arch in ["amd64", "arm64"] {
        let image = Image::new().layer(tar().file(arch, "")).platform("linux", arch);
        image.write_layout(dir.join("work"), Some(&format!("docker.io/library/app:{arch}")));
    }
    dir.command(tool("oci-index")).args(["-L", "work", "both:1", "app:amd64", "app:arm64"]).succeeds();
    let arm = diff(&dir).args(["--exit-code", "--platform", "linux/arm64", "both:1", "app:arm64"]);
    arm.succeeds().no_output();
}
