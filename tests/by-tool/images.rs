//! `oci-images`: docker's table, pinned lines, what is shared.
#![forbid(unsafe_code)]

use serde_json::{Value, json};
use test_support::{Command, Dir, Image, LayoutCheck, TarBuilder, check_layout, tool};

const OCI_IMAGES: &str = env!("CARGO_BIN_EXE_oci-images");

fn base() -> Image {
    Image::new().layer(TarBuilder::new().noise_file("base", 10_000))
}

fn app() -> Image {
    base().layer(TarBuilder::new().noise_file("app", 5_000)).config("Labels", json!({ "team": "x" }))
}

/// `debian:12`, `debian:latest` and `registry.example/team/app:1` that stands on it, and an image without a name.
fn layout() -> Dir {
    let dir = Dir::new();
    base().write_layout(dir.join("work"), Some("docker.io/library/debian:12"));
    base().write_layout(dir.join("work"), Some("docker.io/library/debian:latest"));
    app().write_layout(dir.join("work"), Some("registry.example/team/app:1"));
    Image::new().cmd(["nameless"]).write_layout(dir.join("work"), None);
    dir
}

fn images(dir: &Dir) -> Command {
    dir.command(OCI_IMAGES).args(["-L", "work"])
}

/// The names of the pinned lines that these arguments select.
fn selected(dir: &Dir, args: &[&str]) -> Vec<String> {
    let outcome = images(dir).arg("-q").args(args).succeeds().stderr_is("");
    let name = |line: &&str| {
        let name = line.split('@').next().unwrap_or_default().trim_start_matches("oci:work");
        name.trim_start_matches(':').trim_start_matches("docker.io/library/").to_owned()
    };
    outcome.lines().iter().map(name).collect()
}

#[test]
fn the_table_is_dockers() {
    let dir = layout();
    let outcome = images(&dir).succeeds().stderr_is("");
    let rows: Vec<Vec<&str>> = outcome.lines().iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]);
    let id = &base().build().config_digest[7..19];
    assert_eq!(rows[2][..4], ["debian", "12", id, "N/A"], "{outcome}");
    assert_eq!(rows[1][..2], ["<none>", "<none>"]);
    assert_eq!(rows[4][..2], ["registry.example/team/app", "1"]);
    let size: u64 = base().build().blobs.values().map(|blob| blob.len() as u64).sum();
    assert_eq!(rows[2][4], format!("{:.2}kB", size as f64 / 1e3));
    let outcome = images(&dir).args(["--digests", "--no-trunc", "debian:12"]).succeeds();
    assert!(outcome.stdout().contains(&base().build().digest), "{outcome}");
    assert!(outcome.stdout().contains(&base().build().config_digest), "{outcome}");
    check_layout(dir.join("work"));
}

#[test]
fn patterns_match_short_and_full_names_with_and_without_tag() {
    let dir = layout();
    for (patterns, expected) in [
        (&["debian"][..], &["debian:12", "debian:latest"][..]),
        (&["debian:12"], &["debian:12"]),
        (&["docker.io/library/debian:1?"], &["debian:12"]),
        (&["deb*"], &["debian:12", "debian:latest"]),
        (&["registry.example/*/*"], &["registry.example/team/app:1"]),
        (&["*"], &["debian:12", "debian:latest"]),
        (&["debian:latest", "*/team/*:[0-9]"], &["debian:latest", "registry.example/team/app:1"]),
        (&["nosuch"], &[]),
    ] {
        assert_eq!(selected(&dir, patterns), expected, "{patterns:?}");
    }
}

#[test]
fn filters_are_dockers() {
    let dir = layout();
    for (filters, expected) in [
        (&["dangling=true"][..], &[""][..]),
        (&["dangling=false", "reference=debian:*"], &["debian:12", "debian:latest"]),
        (&["reference=debian:12", "reference=*:latest"], &["debian:12", "debian:latest"]),
        (&["label=team"], &["registry.example/team/app:1"]),
        (&["label=team=x"], &["registry.example/team/app:1"]),
        (&["label=team=y"], &[]),
    ] {
        let args: Vec<&str> = filters.iter().flat_map(|filter| ["-f", filter]).collect();
        assert_eq!(selected(&dir, &args), expected, "{filters:?}");
    }
    for wrong in ["dangling=perhaps", "colour=red", "label"] {
        images(&dir).args(["-f", wrong]).fails_with(2);
    }
    images(&dir).args(["-f", "before=gone"]).fails_with(3);
}

#[test]
fn before_and_since_compare_the_times_that_images_were_made_at() {
    let dir = Dir::new();
    let tool = env!("CARGO_BIN_EXE_oci-images");
    for (name, created) in [
        ("old", "2020-01-01T00:00:00Z"),
        ("mid", "2021-01-01T00:00:00.1Z"),
        ("new", "2021-01-01T00:00:00.12Z"),
    ] {
        let config = json!({ "created": created, "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": [] } });
        write_image(&dir, name, config.to_string().as_bytes());
    }
    let select = |filter: &str| {
        let outcome = dir.command(tool).args(["-L", "work", "-q", "-f", filter]).succeeds();
        outcome.lines().iter().map(|line| line[27..30].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(select("before=mid"), ["old"]);
    assert_eq!(select("since=old"), ["new", "mid"]);
}

fn write_image(dir: &Dir, name: &str, config: &[u8]) {
    let digest = test_support::digest_of(config);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len() },
    });
    let manifest = manifest.to_string().into_bytes();
    let mut built = Image::new().build();
    built.digest = test_support::digest_of(&manifest);
    built.descriptor["digest"] = json!(built.digest);
    built.descriptor["size"] = json!(manifest.len());
    built.blobs = [(built.digest.clone(), manifest), (digest, config.to_vec())].into();
    built.write_layout(dir.join("work"), Some(&format!("docker.io/library/{name}:latest")));
}

#[test]
fn json_weighs_what_images_share() {
    let dir = layout();
    let outcome = images(&dir).args(["--json"]).succeeds().stderr_is("");
    let objects: Vec<Value> =
        outcome.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects.len(), 4);
    let of = |name: Value| objects.iter().find(|object| object["name"] == name).expect("listed");
    let size = |image: Image| image.build().blobs.values().map(Vec::len).sum::<usize>();
    let debian = of(json!("docker.io/library/debian:12"));
    let shared = base().build().blobs.values().map(Vec::len).max().expect("a layer");
    assert_eq!(debian["bytes"], size(base()));
    assert_eq!(debian["unique"], size(base()) - shared, "two names are one image");
    assert_eq!(of(json!("registry.example/team/app:1"))["unique"], size(app()) - shared);
    assert_eq!(of(Value::Null)["name"], Value::Null);
}

#[test]
fn json_has_the_id_and_the_time_where_they_are_known() {
    let dir = layout();
    let objects = |args: &[&str]| -> Vec<Value> {
        let outcome = images(&dir).arg("--json").args(args).succeeds();
        outcome.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let debian = &objects(&["debian:12"])[0];
    assert_eq!(debian["id"], base().build().config_digest);
    assert_eq!(debian["created"], "1970-01-01T00:00:00Z");
    let time = "2026-11-24T09:00:00Z";
    let config = dir.command(tool("oci-config")).env("SOURCE_DATE_EPOCH", "1795510800");
    config.args(["-L", "work", "debian:12", "timed", "-c", "USER 1"]).succeeds();
    assert_eq!(objects(&["timed"])[0]["created"], time);
    dir.command(tool("oci-index")).args(["-L", "work", "several", "timed"]).succeeds();
    let index = &objects(&["several"])[0];
    assert_eq!((&index["id"], &index["created"]), (&Value::Null, &json!(time)));
}

#[test]
fn quiet_decides_the_form_and_the_later_of_quiet_and_verbose_what_is_said() {
    let dir = layout();
    let lines = images(&dir).arg("-q").succeeds().stderr_is("");
    for (flags, said) in [("-qv", true), ("-vq", false), ("-qvq", false), ("-qvv", true)] {
        let outcome = images(&dir).arg(flags).succeeds();
        assert_eq!(outcome.lines(), lines.lines(), "{flags}");
        assert_eq!(
            outcome.stderr().contains("oci-images: layout work (from -L)"),
            said,
            "{flags}: {outcome}"
        );
    }
}

#[test]
fn blobs_are_listed_once() {
    let dir = layout();
    let outcome = images(&dir).args(["--blobs", "debian", "registry.example/team/app"]).succeeds();
    let mut expected: Vec<String> =
        app().build().blobs.into_keys().chain(base().build().blobs.into_keys()).collect();
    expected.sort();
    expected.dedup();
    assert_eq!(outcome.lines(), expected);
}

#[test]
fn the_tree_shows_what_stands_on_what() {
    let dir = layout();
    let outcome = images(&dir).args(["--tree", "debian", "registry.example/*/*"]).succeeds().stderr_is("");
    let lines = outcome.lines();
    assert!(lines[0].starts_with("debian:12, debian:latest  1 layer, 10"), "{outcome}");
    assert!(lines[1].starts_with("└─ registry.example/team/app:1  1 layer, 5"), "{outcome}");
    let outcome = images(&dir).args(["--tree", "--json", "debian", "registry.example/*/*"]).succeeds();
    let objects = objects(&outcome);
    let places: Vec<_> = objects.iter().map(|object| (&object["branch"], &object["on"])).collect();
    assert_eq!(places, [(&json!(1), &Value::Null), (&json!(2), &json!(1))]);
    assert_eq!(objects[0]["images"][1]["name"], "docker.io/library/debian:latest");
    assert_eq!(objects[1]["images"][0]["digest"], app().build().digest);
}

fn objects(outcome: &test_support::Outcome) -> Vec<Value> {
    outcome.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn what_is_for_people_has_no_quiet_form_and_says_how_programs_get_it() {
    let dir = layout();
    for option in ["--df", "--tree"] {
        let outcome = images(&dir).args([option, "-q"]).fails_with(2).stdout_is("");
        outcome.stderr_has(format!("hint: for programs: {option} --json"));
        images(&dir).args([option, "-q", "--json"]).succeeds();
    }
}

#[test]
fn df_says_what_sharing_saves() {
    let dir = layout();
    let outcome = images(&dir).arg("--df").succeeds().stderr_is("");
    let rows: Vec<Vec<&str>> = outcome.lines().iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["REPOSITORY", "TAG", "IMAGE", "ID", "SIZE", "SHARED", "UNIQUE"]);
    assert!(outcome.stdout().contains("\nsaved by sharing"), "{outcome}");
    let shared = base().build().blobs.values().map(Vec::len).max().expect("a layer");
    let saved = rows.last().and_then(|row| row.last()).expect("a row");
    assert_eq!(*saved, format!("{:.2}kB", shared as f64 / 1e3));
    let objects = objects(&images(&dir).args(["--df", "--json"]).succeeds());
    let all = objects.last().expect("all images");
    assert_eq!((&all["kind"], &all["saved"], all.get("name")), (&json!("all"), &json!(shared), None));
    assert_eq!((objects.len(), &objects[0]["kind"]), (rows.len() - 2, &json!("image")));
    for object in objects {
        let number = |key: &str| object[key].as_u64().expect("a number");
        assert_eq!(number("shared") + number("unique"), number("bytes"), "{object}");
    }
}

#[test]
fn a_sparse_index_is_partial_and_a_lost_manifest_does_not_hide_the_rest() {
    let dir = layout();
    let (here, away) = (base().build(), Image::new().platform("linux", "arm64").build());
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [here.descriptor, away.descriptor],
    });
    let index = index.to_string().into_bytes();
    let mut sparse = here.clone();
    sparse.digest = test_support::digest_of(&index);
    sparse.descriptor = json!({ "mediaType": "application/vnd.oci.image.index.v1+json", "digest": sparse.digest, "size": index.len() });
    sparse.blobs.insert(sparse.digest.clone(), index);
    sparse.write_layout(dir.join("work"), Some("docker.io/library/sparse:1"));
    let outcome = images(&dir).arg("sparse").succeeds().stderr_is("");
    assert!(outcome.lines()[1].ends_with("kB partial"), "{outcome}");
    assert!(outcome.lines()[1].contains(&sparse.digest[7..19]), "an index is its own ID: {outcome}");
    let outcome = images(&dir).args(["--json", "sparse", "debian:12"]).succeeds();
    let partial: Vec<Value> = objects(&outcome).iter().map(|object| object["partial"].clone()).collect();
    assert!(partial.contains(&json!(true)) && partial.contains(&Value::Null), "{outcome}");
    LayoutCheck::new(dir.join("work")).allow_sparse().run();

    std::fs::remove_file(dir.join("work/blobs").join(app().build().digest.replace(':', "/")))
        .expect("it is there");
    assert_eq!(images(&dir).arg("-q").succeeds().lines().len(), 5);
    assert_eq!(images(&dir).succeeds().lines().len(), 6);
}

#[test]
fn bare_tags_of_other_tools_are_listed() {
    let dir = Dir::new();
    let built = base().write_layout(dir.join("work"), None);
    let index = dir.read_text("work/index.json");
    let row = r#""annotations":{"org.opencontainers.image.ref.name":"v1"},"digest""#;
    dir.write("work/index.json", index.replacen("\"digest\"", row, 1));
    images(&dir).arg("-q").succeeds().stdout_only(format!("oci:work:v1@{}\n", built.digest));
    assert_eq!(
        images(&dir).succeeds().lines()[1].split_whitespace().take(2).collect::<Vec<_>>(),
        ["<none>", "v1"]
    );
}

#[test]
fn a_row_that_is_no_descriptor_hides_none_of_the_rest_and_is_an_integrity_failure() {
    let dir = layout();
    let index = dir.read_text("work/index.json");
    dir.write("work/index.json", index.replacen("\"manifests\":[", "\"manifests\":[null,{},7,", 1));
    for args in [&[][..], &["-q"], &["--json"], &["--df"], &["--tree"]] {
        let outcome = images(&dir).args(args).fails_with(6);
        assert!(outcome.stdout().contains("debian"), "{outcome}");
        outcome.stderr_has("oci-images: work/index.json: row 0 is not a descriptor\nhint: oci-fsck");
    }
}

#[test]
fn a_name_with_a_newline_makes_no_second_line() {
    let dir = Dir::new();
    let name = "a\ndocker.io/library/injected:1";
    let built = base().write_layout(dir.join("work"), Some("docker.io/library/debian:12"));
    let index: Value = serde_json::from_slice(&dir.read("work/index.json")).expect("JSON");
    let mut index = index;
    index["manifests"][0]["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    dir.write("work/index.json", index.to_string());
    images(&dir).arg("-q").succeeds().stdout_only(format!("oci:work@{}\n", built.digest));
    let object: Value =
        serde_json::from_str(images(&dir).arg("--json").succeeds().line()).expect("an object");
    assert_eq!(
        (&object["name"], &object["ref"]),
        (&json!(name), &json!(format!("oci:work@{}", built.digest)))
    );
}

#[test]
fn sizes_that_no_sum_holds_are_as_large_as_a_number_gets() {
    let dir = Dir::new();
    let layers: Vec<Value> = ["a", "b"]
        .map(|content| {
            json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": test_support::digest_of(content), "size": u64::MAX })
        })
        .to_vec();
    let mut built = Image::new().build();
    let mut manifest: Value = serde_json::from_slice(&built.blobs[&built.digest]).expect("JSON");
    manifest["layers"] = json!(layers);
    let manifest = manifest.to_string().into_bytes();
    built.digest = test_support::digest_of(&manifest);
    built.descriptor["digest"] = json!(built.digest);
    built.descriptor["size"] = json!(manifest.len());
    built.blobs.insert(built.digest.clone(), manifest);
    built.write_layout(dir.join("work"), Some("docker.io/library/vast:1"));
    let outcome = images(&dir).arg("--json").succeeds();
    let object: Value = serde_json::from_str(outcome.line()).expect("JSON");
    assert_eq!([&object["bytes"], &object["unique"]], [u64::MAX, u64::MAX]);
    images(&dir).arg("--df").succeeds();
}

#[test]
fn a_pattern_that_is_none_is_a_usage_error() {
    let dir = Dir::new();
    Image::new().write_layout(dir.join("work"), Some("docker.io/library/app:1"));
    for pattern in ["[", "app[a-", "docker://app"] {
        dir.command(OCI_IMAGES).args(["-L", "work", pattern]).fails_with(2).stdout_is("");
    }
    let filter = dir.command(OCI_IMAGES).args(["-L", "work", "-f", "reference=["]);
    filter.fails_with(2).stderr_has("not closed");
}
