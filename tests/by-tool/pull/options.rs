//! What is printed, what is fetched, what is left.

use crate::fixture::{fails_and_leaves, furnished, image, layer_of, pull, registry};
use serde_json::Value;
use test_support::{Dir, Image, Served, check_layout};

#[test]
fn an_image_is_pulled_from_our_own_server_and_pinned() {
    let dir = Dir::new();
    let built = Image::new().cmd(["a"]).write_layout(dir.join("served"), Some("docker.io/library/app:1"));
    let served = Served::new(&dir, "served");
    let name = served.name("app:1");
    let line = format!("oci:work:{name}@{}\n", built.digest);
    pull(&dir).arg(&name).succeeds().stdout_is(&line).stderr_is("");
    let report = check_layout(dir.join("work"));
    assert_eq!(report.digest_of(&name), Some(&*built.digest));
    assert_eq!(report.unfinished, Vec::<String>::new());
}

#[test]
fn the_default_layout_is_not_named_in_the_line() {
    let (registry, built) = registry();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    let outcome = dir.command(env!("CARGO_BIN_EXE_oci-pull")).arg(&name).succeeds();
    outcome.stdout_is(format!("{name}@{}\n", built.digest)).stderr_is("");
    check_layout(dir.join("home/.local/share/oci"));
}

#[test]
fn a_row_says_where_it_came_from() {
    let (registry, built) = registry();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    pull(&dir).arg(&name).succeeds();
    let index: Value = serde_json::from_slice(&dir.read("work/index.json")).expect("JSON");
    let row = &index["manifests"][0];
    assert_eq!(row["annotations"]["dev.ociutils.source"], format!("{name}@{}", built.digest), "{row}");
    assert_eq!(row["annotations"]["io.containerd.image.name"], *name);
    assert_eq!(row["digest"], *built.digest);
}

#[test]
fn a_name_with_a_digest_gets_the_digest_and_one_without_a_tag_no_name() {
    let (registry, built) = registry();
    let newer = Image::new().cmd(["newer"]).build();
    registry.hold("app", "1", &newer);
    let pinned = |tag: &str| registry.name(&format!("app{tag}@{}", built.digest));
    let dir = Dir::new();
    pull(&dir).arg(pinned(":1")).succeeds().stdout_is(format!("oci:work:{}\n", pinned(":1"))).stderr_is("");
    let report = check_layout(dir.join("work"));
    assert_eq!(report.digest_of(&registry.name("app:1")), Some(&*built.digest));
    let dir = Dir::new();
    pull(&dir).arg(pinned("")).succeeds().stderr_is("").stdout_has(&built.digest);
    assert!(check_layout(dir.join("work")).rows.iter().any(|row| row.digest == built.digest));
}

#[test]
fn what_is_there_is_not_fetched_again() {
    let (registry, _) = registry();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    let first = pull(&dir).arg(&name).succeeds();
    assert_eq!(registry.count("GET", "/blobs/"), 2);
    registry.forget_requests();
    pull(&dir).arg(&name).succeeds().stdout_is(first.stdout()).stderr_is("");
    assert_eq!(registry.count("GET", "/blobs/") + registry.count("GET", "/manifests/"), 0);
    assert_eq!(registry.count("HEAD", "/manifests/1"), 1);
}

#[test]
fn json_is_the_object_of_an_image() {
    let (registry, built) = registry();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    let outcome = pull(&dir).args(["--json", &name]).succeeds().stderr_is("");
    let object: Value = serde_json::from_str(outcome.line()).expect("JSON");
    assert_eq!(object["ref"], format!("oci:work:{name}@{}", built.digest));
    assert_eq!((&object["name"], &object["platform"]), (&Value::from(name), &Value::from("linux/amd64")));
    assert_eq!(object["digest"], *built.digest);
    assert_eq!(object["layout"].as_str().map(std::path::Path::new), Some(&*dir.join("work")));
}

#[test]
fn nul_ends_records_on_both_sides() {
    let (registry, built) = registry();
    registry.hold("app", "2", &built);
    let (dir, names) = (Dir::new(), ["app:1", "app:2"].map(|name| registry.name(name)));
    let outcome = pull(&dir).args(["-0", "-"]).stdin(names.join("\0")).succeeds().stderr_is("");
    let lines = names.map(|name| format!("oci:work:{name}@{}\0", built.digest));
    assert_eq!(outcome.stdout(), lines.concat());
}

#[test]
fn a_dry_run_makes_nothing_and_says_the_bytes_that_are_then_fetched() {
    let (registry, built) = registry();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    let outcome = pull(&dir).args(["--dry-run", &name]).succeeds().stderr_has("in 3 blobs; 0 are there");
    let size = |line: &&str| line.split_once('\t')?.1.parse::<usize>().ok();
    let bytes: usize = outcome.lines().iter().filter_map(size).sum();
    assert!(outcome.lines()[0].starts_with(&layer_of(&built)), "the big ones first: {outcome}");
    assert!(!dir.join("work").exists());
    assert_eq!(registry.bytes_sent(), 0);
    pull(&dir).arg(&name).succeeds();
    assert_eq!(registry.bytes_sent() + built.blobs[&built.digest].len(), bytes);
    pull(&dir).args(["--dry-run", &name]).succeeds().stdout_is("");
    let there = pull(&dir).args(["--dry-run", "--json", &name]).succeeds();
    let there = there.stderr_is("would move 0B in 0 blobs; 3 are there\n");
    let object: Value = serde_json::from_str(there.line()).expect("JSON");
    assert_eq!((&object["digest"], &object["bytes"]), (&built.digest.clone().into(), &0.into()));
}

#[test]
fn a_dry_run_that_asks_no_registry_prints_no_image() {
    let (registry, _) = registry();
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    pull(&dir).arg(&name).succeeds();
    let outcome = pull(&dir).args(["--dry-run", "--policy", "missing", &name]).succeeds().stdout_is("");
    outcome.stderr_is(format!("{name}: the layout's image will do\nwould move 0B in 0 blobs; 0 are there\n"));
}

#[test]
fn a_dry_run_leaves_out_what_an_earlier_pull_has_begun_and_counts_shared_blobs_once() {
    let (registry, built) = registry();
    registry.hold("app", "2", &built);
    let (dir, layer) = (furnished(), layer_of(&built));
    let part = &built.blobs[&layer][..100_000];
    dir.write(format!("work/.ociutils/ingest/{}", layer.replace(':', "-")), part);
    let rest = built.blobs[&layer].len() - part.len();
    let names = ["app:1", "app:2"].map(|name| registry.name(name));
    let outcome = pull(&dir).arg("--dry-run").args(&names).succeeds();
    let outcome = outcome.stderr_has("in 3 blobs; 0 are there\n");
    assert_eq!(outcome.lines()[0], format!("{layer}\t{rest}"));
    assert_eq!(outcome.lines().len(), 3, "{outcome}");
    registry.forget_requests();
    let outcome = pull(&dir).args(["--progress", "json", "--dry-run", "--json"]).args(&names).succeeds();
    let object: serde_json::Value = serde_json::from_str(outcome.lines()[0]).expect("JSON");
    assert_eq!((&object["bytes"], &object["size"]), (&rest.into(), &built.blobs[&layer].len().into()));
    let outcome = pull(&dir).args(["--progress", "json", &names[0]]).succeeds();
    let sent = registry.bytes_sent() + built.blobs[&built.digest].len();
    outcome.stderr_is(format!("{{\"bytes\":{sent},\"total\":{sent}}}\n"));
}

#[test]
fn each_policy_asks_when_it_says() {
    let (registry, old) = registry();
    let (dir, name) = (furnished(), registry.name("app:1"));
    let policy = |policy: &str| pull(&dir).args(["--policy", policy, &name]);
    fails_and_leaves(&dir, policy("never"), 3).stderr_has("--policy never");
    policy("missing").succeeds().stdout_has(&old.digest);
    let new = Image::new().cmd(["new"]).build();
    registry.hold("app", "1", &new);
    registry.forget_requests();
    for quiet in ["never", "missing"] {
        policy(quiet).succeeds().stdout_is(format!("oci:work:{name}@{}\n", old.digest)).stderr_is("");
    }
    assert_eq!(registry.asked().len(), 0);
    policy("newer").succeeds().stdout_has(&new.digest);
    registry.hold("app", "1", &old);
    policy("always").succeeds().stdout_has(&old.digest);
    policy("sometimes").fails_with(2).stdout_is("").stderr_has("sometimes");
}

#[test]
fn newer_does_with_what_is_here_when_the_registry_is_gone_and_always_does_not() {
    let (registry, built) = registry();
    let (dir, name) = (furnished(), registry.name("app:1"));
    pull(&dir).arg(&name).succeeds();
    drop(registry);
    let newer = pull(&dir).args(["--policy", "newer", &name]).succeeds();
    newer.stdout_is(format!("oci:work:{name}@{}\n", built.digest));
    fails_and_leaves(&dir, pull(&dir).arg(&name), 5).stderr_has("cannot reach 127.0.0.1");
}

#[test]
fn newer_is_not_content_when_the_registry_says_that_it_is_gone() {
    let (registry, _) = registry();
    let (dir, name) = (furnished(), registry.name("app:1"));
    fails_and_leaves(&dir, pull(&dir).args(["--policy", "newer", &registry.name("gone:1")]), 3);
    pull(&dir).args(["--policy", "newer", &name]).succeeds();
}

#[test]
fn one_blob_at_a_time_or_many_come_to_the_same() {
    let (registry, built) = registry();
    for jobs in ["1", "16"] {
        let dir = Dir::new();
        pull(&dir).args(["-j", jobs, &registry.name("app:1")]).succeeds().stdout_has(&built.digest);
        check_layout(dir.join("work"));
    }
    pull(&Dir::new()).args(["-j", "0", "a"]).fails_with(2).stdout_is("").stderr_has("-j");
}

#[test]
fn loopback_by_any_name_may_speak_http_and_insecure_changes_nothing_there() {
    let (registry, built) = registry();
    let port = registry.host().rsplit(':').next().expect("a port").to_owned();
    for (host, flags) in [("localhost", &[][..]), ("127.0.0.1", &["--insecure"])] {
        let dir = Dir::new();
        let name = format!("{host}:{port}/app:1");
        pull(&dir).args(flags).arg(&name).succeeds().stderr_is("").stdout_has(&built.digest);
    }
}

#[test]
fn an_image_that_lacks_a_blob_is_missing_and_is_fetched() {
    let (registry, built) = registry();
    let (dir, name) = (furnished(), registry.name("app:1"));
    let layer = dir.join("work/blobs").join(layer_of(&built).replace(':', "/"));
    let missing = || pull(&dir).args(["--policy", "missing", &name]);
    let spoils: [fn(&std::path::Path) -> std::io::Result<()>; 2] =
        [|path| std::fs::remove_file(path), |path| std::fs::write(path, "short")];
    for spoil in spoils {
        missing().succeeds();
        registry.forget_requests();
        missing().succeeds();
        assert_eq!(registry.asked().len(), 0);
        spoil(&layer).expect("it is there");
        let never = pull(&dir).args(["--policy", "never", &name]).fails_with(3);
        never.stderr_has("not whole in the layout");
        missing().succeeds();
        assert_eq!(registry.count("GET", &layer_of(&built)), 1);
    }
}

#[test]
fn an_image_that_may_be_an_old_one_is_warned_of() {
    let (registry, built) = registry();
    let (dir, name) = (furnished(), registry.name("app:1"));
    pull(&dir).arg(&name).succeeds();
    drop(registry);
    let outcome = pull(&dir).args(["--policy", "newer", &name]).succeeds().stdout_has(&built.digest);
    outcome.stderr_has("warning: cannot reach ").stderr_has(format!("the layout's {name} will do"));
}

#[test]
fn verbose_says_what_moved_and_what_was_there() {
    let (registry, _) = registry();
    let (dir, name) = (furnished(), registry.name("app:1"));
    pull(&dir).args(["-v", &name]).succeeds().stderr_has(format!("oci-pull: {name}: 3 blobs now there, "));
    pull(&dir).args(["-v", &name]).succeeds().stderr_has(format!("oci-pull: {name}: all of it was there\n"));
}

#[test]
fn an_image_whose_name_is_taken_is_spoken_of() {
    let (registry, old) = registry();
    let (dir, name) = (furnished(), registry.name("app:1"));
    pull(&dir).arg(&name).succeeds();
    registry.hold("app", "1", &image("2"));
    pull(&dir).arg(&name).succeeds().stderr_has(format!("{name} was {}; it has no name now", old.digest));
}

#[test]
fn an_error_names_its_image_and_a_scheme_is_refused() {
    let (registry, _) = registry();
    let dir = furnished();
    let names = ["a:1", "b:1"].map(|name| registry.name(name));
    drop(registry);
    let outcome = fails_and_leaves(&dir, pull(&dir).args(&names), 5);
    for name in &names {
        assert!(outcome.stderr().contains(&format!("oci-pull: {name}: cannot reach ")), "{outcome}");
    }
    let outcome = fails_and_leaves(&dir, pull(&dir).arg(format!("http://{}", names[0])), 2);
    outcome.stderr_has(format!("hint: write {}, or docker://", names[0]));
    let dry_run = fails_and_leaves(&dir, pull(&dir).args(["--dry-run", &names[0]]), 5);
    dry_run.stderr_lacks("would move");
}
