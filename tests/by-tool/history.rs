//! `oci-history`: docker's table, and an object a line.
#![forbid(unsafe_code)]

use serde_json::{Value, json};
use test_support::{
    BuiltImage, Command, Dir, Image, Running, TarBuilder, Terminal, check_layout, digest_of, tool,
};

const OCI_HISTORY: &str = env!("CARGO_BIN_EXE_oci-history");

fn history(dir: &Dir) -> Command {
    dir.command(OCI_HISTORY).args(["-L", "work"])
}

/// `app:1` with one layer of gzip below, one plain above, and these lines of history.
fn layout(lines: &Value) -> (Dir, BuiltImage) {
    let dir = Dir::new();
    let tar = TarBuilder::new().file("a", "1");
    let built = Image::new().layer(tar.clone()).plain_layer(tar.file("b", "2")).build();
    let mut config: Value = serde_json::from_slice(&built.blobs[&built.config_digest]).expect("JSON");
    config["history"] = lines.clone();
    let built = with_config(built, config.to_string().into_bytes());
    built.write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    (dir, built)
}

fn with_config(mut built: BuiltImage, config: Vec<u8>) -> BuiltImage {
    let mut manifest: Value = serde_json::from_slice(&built.blobs[&built.digest]).expect("JSON");
    for old in [&built.digest, &built.config_digest] {
        built.blobs.remove(old);
    }
    built.config_digest = digest_of(&config);
    manifest["config"]["digest"] = json!(built.config_digest);
    manifest["config"]["size"] = json!(config.len());
    let manifest = manifest.to_string().into_bytes();
    built.digest = digest_of(&manifest);
    built.descriptor["digest"] = json!(built.digest);
    built.descriptor["size"] = json!(manifest.len());
    built.blobs.extend([(built.digest.clone(), manifest), (built.config_digest.clone(), config)]);
    built
}

fn usual() -> Value {
    json!([
        { "created": "1970-01-01T00:00:00Z", "created_by": "ADD rootfs.tar.xz /" },
        { "created": "2020-01-01T00:00:00Z", "created_by": "CMD [\"bash\"]", "empty_layer": true, "comment": "buildkit" },
        { "created": "2020-01-02T00:00:00Z", "created_by": "RUN /bin/sh -c apt-get\tupdate && apt-get install -y everything # buildkit" },
    ])
}

#[test]
fn the_table_is_dockers_newest_first() {
    let (dir, built) = layout(&usual());
    let outcome = history(&dir).arg("app:1").succeeds().stderr_is("");
    let lines = outcome.lines();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["IMAGE", "CREATED", "CREATED", "BY", "SIZE", "UNPACKED", "COMMENT"]
    );
    assert!(lines[1].starts_with(&built.config_digest[7..19]), "{outcome}");
    assert!(lines[1].contains(" years ago   RUN /bin/sh -c apt-get update && apt-get ins…"), "{outcome}");
    assert!(
        lines[2].starts_with("<missing>") && lines[2].contains("0B") && lines[2].ends_with("buildkit"),
        "{outcome}"
    );
    assert!(lines[3].contains("N/A"), "a time before 2000 was never set: {outcome}");
    check_layout(dir.join("work"));
}

#[test]
fn bytes_times_and_commands_are_whole_where_that_is_asked() {
    let (dir, built) = layout(&usual());
    let outcome = history(&dir).args(["-H=false", "--no-trunc", "app:1"]).succeeds();
    let lines = outcome.lines();
    assert!(lines[1].starts_with(&built.config_digest), "{outcome}");
    assert!(lines[1].contains("2020-01-02T00:00:00Z"), "{outcome}");
    assert!(lines[1].contains("apt-get install -y everything # buildkit   3072       3072"), "{outcome}");
    assert!(lines[3].ends_with('-'), "gzip without a table of chunks does not say how long it is: {outcome}");
}

#[test]
fn json_is_one_object_for_each_step() {
    let (dir, built) = layout(&usual());
    let outcome = history(&dir).args(["--json", "app:1"]).succeeds();
    let entries: Vec<Value> =
        outcome.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let manifest: Value = serde_json::from_slice(&built.blobs[&built.digest]).expect("JSON");
    assert_eq!(entries[0]["digest"], manifest["layers"][1]["digest"]);
    assert_eq!(entries[0]["size"], entries[0]["unpacked"]);
    assert_eq!(
        entries[1],
        json!({ "created": "2020-01-01T00:00:00Z", "created_by": "CMD [\"bash\"]", "comment": "buildkit", "empty_layer": true })
    );
    assert_eq!(entries[2]["digest"], manifest["layers"][0]["digest"]);
    assert!(entries[2]["diff_id"].as_str().is_some_and(|id| id.starts_with("sha256:")));
}

#[test]
fn quiet_is_a_layers_digest_or_a_dash_a_line() {
    let (dir, built) = layout(&usual());
    let manifest: Value = serde_json::from_slice(&built.blobs[&built.digest]).expect("JSON");
    let layer = |n: usize| manifest["layers"][n]["digest"].as_str().expect("text").to_owned();
    history(&dir).args(["-q", "app:1"]).succeeds().stdout_only(format!("{}\n-\n{}\n", layer(1), layer(0)));
}

#[test]
fn surplus_lines_and_surplus_layers_are_shown() {
    let (dir, _) =
        layout(&json!([{ "created_by": "one" }, { "created_by": "two" }, { "created_by": "three" }]));
    assert_eq!(history(&dir).args(["-q", "app:1"]).succeeds().lines()[0], "-");
    let (dir, _) = layout(&json!([]));
    assert_eq!(history(&dir).args(["-q", "app:1"]).succeeds().lines().len(), 2);
}

#[test]
fn what_an_image_says_does_not_move_the_cursor() {
    let (dir, _) = layout(&json!([{ "created_by": "RUN \u{1b}[2J\u{202e}" }]));
    let terminal = Terminal::open();
    history(&dir).arg("app:1").stdout_terminal(&terminal).succeeds();
    let screen = terminal.screen();
    assert!(screen.contains(r"RUN \u{1b}[2J\u{202e}"), "{screen}");
    let outcome = history(&dir).arg("app:1").succeeds();
    assert!(outcome.stdout().contains("RUN \u{1b}[2J\u{202e}"), "a pipe gets the bytes as they are");
}

#[test]
fn several_images_stand_apart() {
    let (dir, _) = layout(&usual());
    let outcome = history(&dir).args(["app:1", "app:1"]).succeeds();
    assert_eq!(outcome.lines().iter().filter(|line| line.is_empty()).count(), 1);
}

/// An `oci-serve` over `work`, and its address.
fn serve(dir: &Dir) -> (Running, String) {
    let args = ["-L", "work", "--port", "0"];
    let server = dir.command(tool("oci-serve")).args(args).spawn();
    let address = server.wait_for_stdout("\n").trim().to_owned();
    (server, address)
}

#[test]
fn an_image_in_a_registry_is_read_without_its_layers_and_without_a_layout() {
    let (dir, built) = layout(&usual());
    let (_server, address) = serve(&dir);
    // the layers are gone: whoever asks for one fails
    for layer in
        built.blobs.keys().filter(|digest| **digest != built.digest && **digest != built.config_digest)
    {
        std::fs::remove_file(dir.join("work/blobs/sha256").join(&layer[7..])).expect("a layer");
    }
    let outcome = dir
        .command(OCI_HISTORY)
        .args(["-L", "nowhere", "--json", &format!("docker://{address}/app:1")])
        .succeeds()
        .stderr_is("");
    let entries: Vec<Value> =
        outcome.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(entries.len(), 3, "{outcome}");
    let manifest: Value = serde_json::from_slice(&built.blobs[&built.digest]).expect("JSON");
    assert_eq!(entries[2]["digest"], manifest["layers"][0]["digest"]);
    assert_eq!(entries[2]["size"], manifest["layers"][0]["size"]);
    assert!(entries[2].get("unpacked").is_none(), "{outcome}");
}

#[test]
fn an_image_that_a_registry_has_not_is_not_found() {
    let (dir, _) = layout(&usual());
    let (_server, address) = serve(&dir);
    dir.command(OCI_HISTORY).arg(format!("docker://{address}/app:2")).fails_with(3).stdout_is("");
}

#[test]
fn a_registrys_name_that_is_not_in_the_layout_is_told_how_to_be_read_there() {
    let (dir, _) = layout(&json!([]));
    for (name, hint) in [
        ("localhost:5000/base:1", Some("localhost:5000/base:1")),
        ("reg.example/x", Some("reg.example/x:latest")),
        ("localhost/x:1", Some("localhost/x:1")),
        ("gone", None),
        ("team/gone:1", None),
    ] {
        for program in [OCI_HISTORY.into(), tool("oci-inspect"), tool("oci-diff")] {
            let command = dir.command(program).args(["-L", "work", name]);
            let command = if hint.is_some() { command } else { command.stdin("") };
            let outcome = command.arg("app:1").run();
            let said = outcome.stderr().contains("hint: to read it from its registry: docker://");
            assert_eq!(said, hint.is_some(), "{outcome}");
            if let Some(hint) = hint {
                outcome.assert_code(3).stderr_has(format!("docker://{hint}\n"));
            }
        }
    }
}

/// The image as `base:1`, and `app:2` with one more variable in its config.
fn on_a_base() -> Dir {
    let (dir, _) = layout(&usual());
    dir.command(tool("oci-tag")).args(["-L", "work", "app:1", "base:1"]).succeeds();
    dir.command(tool("oci-rmi")).args(["-L", "work", "app:1"]).succeeds();
    let config =
        dir.command(tool("oci-config")).args(["-L", "work", "--change", "ENV GREETING=\"good day\""]);
    config.args(["base:1", "app:2"]).succeeds();
    dir
}

#[test]
fn where_the_base_ends_is_marked() {
    let dir = on_a_base();
    let outcome = history(&dir).arg("app:2").succeeds();
    let lines = outcome.lines();
    assert!(lines[2].starts_with("from oci:work:docker.io/library/base:1@sha256:"), "{outcome}");
    assert_eq!(lines.len(), 6, "{outcome}");
    let outcome = history(&dir).args(["--json", "app:2"]).succeeds();
    let bases: Vec<bool> = outcome.lines().iter().map(|line| line.contains("\"base\":\"oci:work:")).collect();
    assert_eq!(bases, [false, true, true, true]);
    let outcome = history(&dir).arg("base:1").succeeds();
    assert!(!outcome.stdout().contains("from "), "another name of the same image is no base: {outcome}");
}

#[test]
fn without_annotations_the_base_is_the_image_that_has_most_of_its_layers() {
    let (dir, _) = layout(&usual());
    let two = TarBuilder::new().file("a", "1");
    Image::new()
        .layer(two.clone())
        .plain_layer(two.clone().file("b", "2"))
        .layer(two.file("c", "3"))
        .write_layout(dir.join("work"), Some("docker.io/library/other:1"));
    let outcome = history(&dir).arg("other:1").succeeds();
    assert!(outcome.lines()[2].starts_with("from oci:work:docker.io/library/app:1@sha256:"), "{outcome}");
}

#[test]
fn the_base_that_an_image_names_is_told_even_where_it_is_not_here() {
    let (dir, _) = layout(&usual());
    let import =
        dir.command(tool("oci-import")).args(["-L", "work", "--format", "rootfs", "--onto", "app:1"]);
    import.args(["--name", "app:2", "-"]).stdin(TarBuilder::new().file("x", "").bytes()).succeeds();
    dir.command(tool("oci-tag")).args(["-L", "work", "app:1", "an:alias"]).succeeds();
    let outcome = history(&dir).arg("app:2").succeeds();
    assert!(outcome.stdout().contains("\nfrom oci:work:docker.io/library/app:1@sha256:"), "{outcome}");
    dir.command(tool("oci-rmi")).args(["-L", "work", "app:1", "an:alias"]).succeeds();
    let outcome = history(&dir).args(["--dockerfile", "app:2"]).succeeds();
    let expected = "# made on docker.io/library/app:1@sha256:";
    assert!(outcome.lines()[1].starts_with(expected), "{outcome}");
    assert_eq!(outcome.lines()[2], "FROM scratch");
}

#[test]
fn a_history_is_printed_as_the_dockerfile_that_it_amounts_to() {
    let dir = on_a_base();
    let outcome = history(&dir).args(["--dockerfile", "app:2"]).succeeds().stderr_is("");
    let lines = outcome.lines();
    assert!(
        lines[0].starts_with("# what the history of oci:work:docker.io/library/app:2@sha256:"),
        "{outcome}"
    );
    assert!(lines[1].starts_with("FROM oci:work:docker.io/library/base:1@sha256:"), "{outcome}");
    assert_eq!(lines[2..], ["ENV GREETING=\"good day\""], "{outcome}");
    let outcome = history(&dir).args(["--dockerfile", "base:1"]).succeeds();
    assert_eq!(
        outcome.lines()[1..],
        [
            "FROM scratch",
            "ADD rootfs.tar.xz /",
            "CMD [\"bash\"]",
            "RUN apt-get\tupdate && apt-get install -y everything",
            "# not in the history: the config's Cmd is nothing"
        ],
        "{outcome}"
    );
}

#[test]
fn what_cannot_be_known_of_a_history_stands_in_comments_and_can_do_no_harm() {
    let (dir, _) = layout(&json!([
        { "created_by": "bash", "comment": "by hand\nRUN evil" },
        { "created_by": "USER a\nRUN evil \u{1b}[2J", "comment": "buildkit.dockerfile.v0" }
    ]));
    let outcome = history(&dir).args(["--dockerfile", "app:1"]).succeeds();
    assert!(outcome.stdout().contains("# not known: a layer made by: bash (by hand RUN evil)"), "{outcome}");
    let instructions: Vec<_> = outcome.lines().into_iter().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(instructions, ["FROM scratch"], "{outcome}");
    let terminal = Terminal::open();
    history(&dir).args(["--dockerfile", "app:1"]).stdout_terminal(&terminal).succeeds();
    assert!(!terminal.screen().contains("\u{1b}[2J"));
}
