//! Every kind of JSON object that tools print is what its schema in docs/schemas says.

use crate::fixture;
use serde_json::{Value, json};
use test_support::{Dir, Image, Served, TarBuilder, tool, workspace};

/// What of JSON Schema our schemas use; anything else in one fails.
fn check(schema: &Value, value: &Value, at: &str) {
    let known =
        ["$schema", "title", "type", "required", "properties", "description", "pattern", "minimum", "items"];
    for key in schema.as_object().expect("a schema is an object").keys() {
        assert!(known.contains(&key.as_str()), "{at}: this test does not know {key:?}");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        other => panic!("{at}: type {other}"),
    };
    assert!(types.iter().any(|kind| is(value, kind)), "{at}: {value} is none of {types:?}");
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(value.get(key).is_some(), "{at}: {key:?} is missing in {value}");
    }
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object()) {
        for (key, value) in object {
            let schema = properties.get(key).unwrap_or_else(|| panic!("{at}: {key:?} is not in the schema"));
            check(schema, value, &format!("{at}.{key}"));
        }
    }
    if let Some(items) = schema.get("items") {
        value.as_array().into_iter().flatten().for_each(|item| check(items, item, at));
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("this test does not know the type {other:?}"),
    }
}

/// Checks each line that a command prints.
fn prints(dir: &Dir, schema: &str, name: &str, args: &[&str]) {
    prints_with(dir, schema, name, args, 0);
}

/// The same of one that ends with `status`.
fn prints_with(dir: &Dir, schema: &str, name: &str, args: &[&str], status: i32) {
    let path = workspace().join("docs/schemas").join(schema);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let schema: Value = serde_json::from_slice(&text).expect("a schema is JSON");
    let outcome = dir.command(tool(name)).args(["-L", "work"]).args(args).run().assert_code(status);
    assert!(!outcome.lines().is_empty(), "{outcome}");
    for line in outcome.lines() {
        check(&schema, &serde_json::from_str(line).expect("JSON"), name);
    }
}

/// One of everything that can differ.
fn odd_image() -> Image {
    let tar = TarBuilder::new()
        .dir("etc")
        .file("etc/x", "1")
        .xattr("user.note", [0xff])
        .symlink("link", "etc")
        .fifo("pipe")
        .device("null", 1, 3)
        .file("lib/apk/db/installed", "P:musl\nV:1.2.5-r0\nA:x86_64\n");
    Image::new()
        .layer(tar)
        .config("Labels", json!({ "a": "1" }))
        .config("ExposedPorts", json!({ "80/tcp": {} }))
}

#[test]
fn every_object_is_what_its_schema_says() {
    let (dir, _) = fixture::layout();
    odd_image().write_layout(dir.join("work"), Some("docker.io/library/odd:1"));
    fixture::image("nameless").write_layout(dir.join("work"), None);
    prints(&dir, "image.json", "oci-index", &["--json", "multi", "app:1"]);
    prints(&dir, "image.json", "oci-tag", &["--json", "app:1", "x", "y"]);
    prints(&dir, "image.json", "oci-config", &["--json", "app:1", "z", "-c", "USER 1"]);
    prints(&dir, "image.json", "oci-images", &["--json"]);
    let served = Served::new(&dir, "served");
    let pushed = format!("{}/app:1", served.host());
    prints(&dir, "image.json", "oci-push", &["--json", "app:1", "--to", &pushed]);
    prints(&dir, "image.json", "oci-pull", &["--json", &pushed]);
    prints(&dir, "image.json", "oci-copy", &["--json", "app:2", &format!("docker://{pushed}-copy")]);
    prints(
        &dir,
        "plan.json",
        "oci-push",
        &["--json", "--dry-run", "app:2", "--to", &format!("{pushed}-plan")],
    );
    dir.command(tool("oci-export")).args(["-L", "work", "app:1", "app:2", "-o", "app.tar"]).succeeds();
    prints(&dir, "image.json", "oci-import", &["--json", "app.tar"]);
    dir.write("context/Dockerfile", "FROM scratch\nWORKDIR /a\n");
    prints(&dir, "step.json", "oci-build", &["--json", "--dry-run", "context"]);
    prints(&dir, "image.json", "oci-build", &["--json", "-t", "built:1", "context"]);
    dir.write("checked/Dockerfile", "FROM scratch\nMAINTAINER me\n");
    prints_with(&dir, "check.json", "oci-build", &["--json", "--check", "checked"], 1);
    prints(&dir, "usage.json", "oci-images", &["--json", "--df"]);
    prints(&dir, "branch.json", "oci-images", &["--json", "--tree"]);
    prints(&dir, "plan.json", "oci-copy", &["--json", "--dry-run", "app:1", "oci:other"]);
    prints(&dir, "image.json", "oci-copy", &["--json", "app:1", "oci:other"]);
    prints(&dir, "inspect.json", "oci-inspect", &["app:1", "multi"]);
    prints(&dir, "history.json", "oci-history", &["--json", "app:1", "z"]);
    prints(&dir, "blame.json", "oci-blame", &["--json", "--all", "odd:1", "/etc/x"]);
    prints(&dir, "difference.json", "oci-diff", &["--json", "--times", "app:1", "z"]);
    prints(&dir, "difference.json", "oci-diff", &["--json", "--times", "app:1", "odd:1"]);
    prints(&dir, "difference.json", "oci-diff", &["--json", "--layers", "--files", "odd:1"]);
    dir.command(tool("oci-unpack")).args(["-L", "work", "-q", "app:1", "bundle"]).succeeds();
    dir.write("bundle/rootfs/new", "new");
    let commit = ["--json", "--from", "bundle", "app:1", "committed:1"];
    prints(&dir, "difference.json", "oci-commit", &[&commit[..], &["--dry-run"]].concat());
    prints(&dir, "image.json", "oci-commit", &commit);
    dir.command(tool("oci-copy")).args(["-L", "work", "app:1", "oci:other:app:1"]).succeeds();
    prints(&dir, "plan.json", "oci-copy", &["--json", "--dry-run", "app:2", "oci:other:app:2"]);
    prints(
        &dir,
        "removed.json",
        "oci-rmi",
        &["--json", "app:1", "app:2", "x", "y", "multi", "z", "odd:1", "committed:1", "built:1", &pushed],
    );
    fixture::image("garbage").write_layout(dir.join("work"), Some("docker.io/library/garbage:1"));
    prints(&dir, "removed.json", "oci-rmi", &["--json", "--no-prune", "garbage:1"]);
    prints(&dir, "finding.json", "oci-fsck", &["--json"]);
    prints(&dir, "collected.json", "oci-gc", &["--json", "--grace", "0s"]);
}
