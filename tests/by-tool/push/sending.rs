//! What is sent: only what the registry lacks, mounted where it has it elsewhere.

use crate::fixture::{blob_bytes, fails_and_leaves, image, layer_of, layout, push};
use serde_json::json;
use test_support::{Answer, BuiltImage, Dir, FakeRegistry, Image, LayoutCheck, digest_of, tool};

/// How many bytes of blobs were sent to it.
fn received(registry: &FakeRegistry) -> usize {
    let asked = registry.asked();
    asked.iter().filter(|asked| asked.path().contains("/blobs/uploads/")).map(|asked| asked.body.len()).sum()
}

#[test]
fn a_dry_run_sends_nothing_and_says_the_bytes_that_are_then_sent() {
    let (dir, built) = layout();
    let registry = FakeRegistry::new();
    let to = registry.name("x:1");
    let outcome = push(&dir).args(["--dry-run", "app:1", "--to", &to]).succeeds();
    let outcome = outcome.stderr_has("in 3 blobs; 0 are there");
    let size = |line: &&str| line.split_once('\t')?.1.parse::<usize>().ok();
    let said: usize = outcome.lines().iter().filter_map(size).sum();
    assert!(registry.asked().iter().all(|asked| asked.method == "HEAD" || asked.path() == "/v2/"));
    push(&dir).args(["app:1", "--to", &to]).succeeds();
    let manifest = built.blobs[&built.digest].len();
    assert_eq!((said - manifest, received(&registry)), (blob_bytes(&built), blob_bytes(&built)));
}

#[test]
fn a_dry_run_counts_a_blob_once_for_each_repository() {
    let (dir, built) = layout();
    let other =
        image("1", 100_000).cmd(["other"]).write_layout(dir.join("work"), Some("docker.io/library/app:2"));
    assert_eq!(layer_of(&built), layer_of(&other), "they share it");
    let registry = FakeRegistry::new();
    let dry_run = |to: &str| push(&dir).args(["--dry-run", "app:1", "app:2", "--to", to]).succeeds();
    let outcome = dry_run(&registry.name("x")).stderr_has("in 5 blobs; 0 are there\n");
    assert_eq!((outcome.lines().len(), outcome.stderr().lines().count()), (5, 1), "{outcome}");
    push(&dir).args(["app:1", "--to", &registry.name("x:1")]).succeeds();
    dry_run(&registry.name("x")).stderr_has("in 2 blobs; 3 are there\n");
    let elsewhere = push(&dir).args(["--dry-run", "-", "--to", &registry.name("y/")]);
    elsewhere.stdin("app:1\napp:2\n").succeeds().stderr_has("in 5 blobs; 0 are there\n");
}

#[test]
fn a_second_push_sends_no_blob() {
    let (dir, built) = layout();
    let registry = FakeRegistry::new();
    let args = ["app:1", "--to", &registry.name("x:1")];
    let first = push(&dir).args(args).succeeds();
    registry.forget_requests();
    push(&dir).args(args).succeeds().stdout_is(first.stdout()).stderr_is("");
    assert_eq!((registry.count("POST", ""), registry.count("PATCH", ""), received(&registry)), (0, 0, 0));
    assert_eq!(registry.count("HEAD", "/blobs/"), built.blobs.len() - 1);
}

#[test]
fn blobs_are_sent_before_the_manifest_and_the_manifest_before_its_tag() {
    let (dir, built) = layout();
    let registry = FakeRegistry::new();
    push(&dir).args(["-j", "1", "app:1", "--to", &registry.name("x:1")]).succeeds();
    let puts: Vec<String> = registry
        .asked()
        .iter()
        .filter(|asked| asked.method == "PUT")
        .map(|asked| asked.path().to_owned())
        .collect();
    assert_eq!(puts.len(), 4, "{puts:?}");
    assert_eq!(puts[2..], [format!("/v2/x/manifests/{}", built.digest), "/v2/x/manifests/1".to_owned()]);
    assert_eq!(registry.manifest("x", "1").as_ref(), Some(&built.blobs[&built.digest]), "to the byte");
}

/// An image that was pulled from `base` of a registry into `work`.
fn pulled(registry: &FakeRegistry) -> (Dir, BuiltImage) {
    let (dir, built) = (Dir::new(), image("m", 50_000).build());
    registry.hold("base", "1", &built);
    dir.command(tool("oci-pull")).args(["-L", "work", &registry.name("base:1")]).succeeds();
    registry.forget_requests();
    (dir, built)
}

#[test]
fn what_was_pulled_from_the_same_registry_is_mounted() {
    let registry = FakeRegistry::new();
    let (dir, built) = pulled(&registry);
    let outcome = push(&dir).args([&registry.name("base:1"), "--to", &registry.name("new")]).succeeds();
    outcome.stderr_is("").stdout_is(format!("{}@{}\n", registry.name("new:1"), built.digest));
    assert_eq!(received(&registry), 0);
    let mounts = registry.asked().iter().filter(|asked| asked.query("from") == "base").count();
    assert_eq!(mounts, built.blobs.len() - 1);
    assert_eq!(registry.blobs("new"), registry.blobs("base"));
}

#[test]
fn a_mount_that_is_refused_becomes_the_upload_that_it_has_opened() {
    let registry = FakeRegistry::with(|asked| {
        asked.is("POST", "mount=").then(|| Answer::as_usual_for(&asked.method, asked.path()))
    });
    let (dir, built) = pulled(&registry);
    let outcome = push(&dir).args([&registry.name("base:1"), "--to", &registry.name("new")]).succeeds();
    outcome.stderr_is("").stdout_has(&built.digest);
    assert_eq!(received(&registry), blob_bytes(&built));
    assert_eq!(registry.count("POST", ""), built.blobs.len() - 1, "one upload a blob, none twice");
}

#[test]
fn a_mount_that_fails_is_no_failure() {
    for status in [400, 403, 404, 405] {
        let registry =
            FakeRegistry::with(move |asked| asked.is("POST", "mount=").then(|| Answer::new(status)));
        let (dir, built) = pulled(&registry);
        push(&dir).args([&registry.name("base:1"), "--to", &registry.name("new")]).succeeds().stderr_is("");
        assert_eq!(received(&registry), blob_bytes(&built), "{status}");
    }
}

/// `work` with `app:1` and `db:1`, which share a layer.
fn two_of_one_layer() -> (Dir, BuiltImage, BuiltImage) {
    let (dir, app) = layout();
    let db = image("1", 100_000).cmd(["db"]).write_layout(dir.join("work"), Some("docker.io/library/db:1"));
    assert_eq!(layer_of(&app), layer_of(&db), "they share it");
    (dir, app, db)
}

#[test]
fn a_layer_is_sent_to_the_first_repository_and_mounted_into_the_others() {
    let (dir, app, db) = two_of_one_layer();
    let registry = FakeRegistry::new();
    let outcome = push(&dir).args(["app:1", "db:1", "--to", &registry.name("mirror/")]).succeeds();
    let line = |name: &str, image: &BuiltImage| {
        format!("{}@{}\n", registry.name(&format!("mirror/library/{name}:1")), image.digest)
    };
    outcome.stderr_is("").stdout_is(line("app", &app) + &line("db", &db));
    let config: usize = db
        .blobs
        .iter()
        .filter(|(digest, _)| !app.blobs.contains_key(*digest))
        .map(|(_, bytes)| bytes.len())
        .sum();
    let manifest = db.blobs[&db.digest].len();
    assert_eq!(received(&registry), blob_bytes(&app) + config - manifest);
    assert!(registry.blobs("mirror/library/db").contains(&layer_of(&db)));
}

#[test]
fn what_a_repository_has_already_is_mounted_into_the_next() {
    let (dir, app, db) = two_of_one_layer();
    let registry = FakeRegistry::new();
    registry.hold("mirror/library/app", "1", &app);
    push(&dir).args(["app:1", "db:1", "--to", &registry.name("mirror/")]).succeeds().stderr_is("");
    let mounts = registry.asked().iter().filter(|asked| asked.query("from") == "mirror/library/app").count();
    assert_eq!(mounts, 1);
    assert!(registry.blobs("mirror/library/db").contains(&layer_of(&db)));
}

#[test]
fn where_the_mount_from_the_first_repository_is_refused_the_layer_is_sent() {
    for (answer, opens) in [(None, true), (Some(403), false), (Some(404), false)] {
        let (dir, app, db) = two_of_one_layer();
        let registry = FakeRegistry::with(move |asked| {
            let usual = Answer::as_usual_for(&asked.method, asked.path());
            asked.is("POST", "mount=").then(|| answer.map_or(usual, Answer::new))
        });
        push(&dir).args(["app:1", "db:1", "--to", &registry.name("mirror/")]).succeeds().stderr_is("");
        assert_eq!(received(&registry), blob_bytes(&app) + blob_bytes(&db), "{answer:?}");
        let posts = app.blobs.len() - 1 + db.blobs.len() - 1 + usize::from(!opens);
        assert_eq!(registry.count("POST", ""), posts, "{answer:?}");
    }
}

#[test]
fn a_sparse_index_is_refused_and_what_is_missing_is_named() {
    let dir = Dir::new();
    let here = Image::new().cmd(["here"]).build();
    let gone = Image::new().cmd(["gone"]).platform("linux", "arm64").build();
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [here.descriptor, gone.descriptor],
    });
    let bytes = index.to_string().into_bytes();
    let mut sparse = here.clone();
    sparse.digest = digest_of(&bytes);
    sparse.descriptor =
        json!({ "mediaType": index["mediaType"], "digest": sparse.digest, "size": bytes.len() });
    sparse.blobs.insert(sparse.digest.clone(), bytes);
    sparse.write_layout(dir.join("work"), Some("docker.io/library/multi:1"));
    let registry = FakeRegistry::new();
    let before = dir.read("work/index.json");
    let outcome = push(&dir).args(["multi:1", "--to", &registry.name("x")]).fails_with(3).stdout_is("");
    outcome.stderr_has(&gone.digest);
    assert_eq!(dir.read("work/index.json"), before);
    LayoutCheck::new(dir.join("work")).allow_sparse().run();
    assert_eq!(registry.count("PUT", "") + registry.count("POST", ""), 0);
}

#[test]
fn a_layout_that_lacks_a_layer_sends_nothing() {
    let (dir, built) = layout();
    let layer = layer_of(&built);
    std::fs::remove_file(dir.join(format!("work/blobs/{}", layer.replace(':', "/")))).expect("it was there");
    let registry = FakeRegistry::new();
    let outcome = push(&dir).args(["app:1", "--to", &registry.name("x")]).fails_with(3).stdout_is("");
    outcome.stderr_has(&layer);
    assert_eq!(registry.count("PUT", "") + registry.count("POST", ""), 0);
}

#[test]
fn an_altered_layer_never_gets_its_name_in_the_registry() {
    for bytes in [100_000, 3 << 20] {
        let dir = Dir::new();
        let built = image("1", bytes).write_layout(dir.join("work"), Some("docker.io/library/app:1"));
        let layer = layer_of(&built);
        let path = format!("work/blobs/{}", layer.replace(':', "/"));
        let mut altered = dir.read(&path);
        altered[20_000] ^= 1;
        dir.write(&path, altered);
        let registry = FakeRegistry::new();
        let outcome = push(&dir).args(["app:1", "--to", &registry.name("x")]).fails_with(6).stdout_is("");
        outcome.stderr_has(&layer);
        assert!(!registry.blobs("x").contains(&layer) && registry.manifest("x", "1").is_none(), "{bytes}");
        dir.write(&path, &built.blobs[&layer]);
    }
}

#[test]
fn a_layout_that_is_not_there_is_not_made() {
    let dir = Dir::new();
    push(&dir).args(["app:1", "--to", "127.0.0.1:1/x"]).fails_with(3).stdout_is("").stderr_has("work: ");
    assert!(!dir.join("work").exists());
    let (dir, _) = layout();
    fails_and_leaves(&dir, push(&dir).args(["gone:1", "--to", "127.0.0.1:1/x"]), 3)
        .stderr_has("gone:1: no such image");
}
