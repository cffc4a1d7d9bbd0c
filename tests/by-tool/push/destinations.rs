//! Where an image goes: by its own name, a name, a name without a tag, a prefix.

use crate::fixture::{fails_and_leaves, image, layout, push};
use serde_json::Value;
use test_support::{Dir, FakeRegistry, Served, check_layout};

#[test]
fn an_image_goes_to_our_own_server_to_the_byte() {
    let (dir, built) = layout();
    let served = Served::new(&dir, "served");
    let to = served.name("team/app:2");
    let outcome = push(&dir).args(["app:1", "--to", &to]).succeeds();
    outcome.stdout_is(format!("{to}@{}\n", built.digest)).stderr_is("");
    let report = check_layout(dir.join("served"));
    assert_eq!(report.digest_of("docker.io/team/app:2"), Some(&*built.digest));
    assert_eq!(report.blobs.len(), built.blobs.len());
}

#[test]
fn an_image_goes_where_its_own_name_says() {
    let (registry, dir) = (FakeRegistry::new(), Dir::new());
    let name = registry.name("app:1");
    let built = image("own", 10).write_layout(dir.join("work"), Some(&name));
    push(&dir).arg(&name).succeeds().stdout_is(format!("{name}@{}\n", built.digest)).stderr_is("");
    assert_eq!(registry.manifest("app", "1").as_ref(), Some(&built.blobs[&built.digest]));
}

#[test]
fn each_form_of_a_destination_gives_the_name_that_it_says() {
    let (dir, built) = layout();
    let registry = FakeRegistry::new();
    let nameless = format!("@{}", built.digest);
    for (operand, to, lands) in [
        ("app:1", "x/y:9", "x/y:9"),
        ("app:1", "x/y", "x/y:1"),
        ("app:1", "mirror/", "mirror/library/app:1"),
        ("app:1", "", "library/app:1"),
        (&*nameless, "z", "z:1"),
        ("oci:work:app:1", "o", "o:1"),
    ] {
        let to = registry.name(to);
        let outcome = push(&dir).args([operand, "--to", &to]).succeeds().stderr_is("");
        outcome.stdout_is(format!("{}@{}\n", registry.name(lands), built.digest));
        let (repository, tag) = lands.split_once(':').expect("a tag");
        assert!(registry.manifest(repository, tag).is_some(), "{operand} {to}");
    }
}

#[test]
fn what_cannot_be_a_destination_is_a_usage_error_and_nothing_is_asked() {
    let (dir, built) = layout();
    let registry = FakeRegistry::new();
    let nameless = format!("@{}", built.digest);
    let pinned = registry.name(&format!("x@{}", built.digest));
    for (operand, to, says) in [
        (&*nameless, registry.name("mirror/"), "has no name to put behind"),
        ("app:1", pinned, "a new name has no digest"),
        ("app:1", registry.name("UPPER"), "lower case"),
        ("app:1", "docker://".to_owned() + &registry.name("x"), "hint: write "),
    ] {
        let other = Dir::new();
        image("1", 100_000).write_layout(other.join("work"), None);
        let in_dir = if operand == "app:1" { &dir } else { &other };
        fails_and_leaves(in_dir, push(in_dir).args([operand, "--to", &to]), 2).stderr_has(says);
    }
    assert_eq!(registry.asked().len(), 0);
}

#[test]
fn two_images_on_one_name_are_refused_before_anything_is_sent() {
    let (dir, _) = layout();
    image("2", 10).write_layout(dir.join("work"), Some("docker.io/library/app:2"));
    image("3", 10).write_layout(dir.join("work"), Some("quay.io/library/app:1"));
    let registry = FakeRegistry::new();
    for (images, to) in [
        (["app:1", "app:2"], "x:1"),
        (["app:1", "quay.io/library/app:1"], "m/"),
        (["app:1", "quay.io/library/app:1"], "x"),
    ] {
        let outcome = fails_and_leaves(&dir, push(&dir).args(images).args(["--to", &registry.name(to)]), 2);
        assert!(outcome.stderr().contains(&registry.name("")), "{outcome}");
        assert_eq!(registry.count("PUT", "/"), 0, "{to}");
    }
    let outcome = push(&dir).args(["app:1", "app:1", "--to", &registry.name("x:1")]).succeeds();
    assert_eq!(outcome.lines().len(), 1, "the same image twice is no conflict: {outcome}");
}

#[test]
fn of_several_images_for_one_name_none_is_sent_if_one_is_not_there() {
    let (dir, _) = layout();
    let registry = FakeRegistry::new();
    for images in [["app:1", "nope:1"], ["nope:1", "app:1"]] {
        let command = push(&dir).args(images).args(["--to", &registry.name("x:1")]);
        fails_and_leaves(&dir, command, 2).stderr_has("x:1: 2 images would have this name");
    }
    assert_eq!(registry.asked().len(), 0);
    let outcome = push(&dir).args(["app:1", "nope:2", "--to", &registry.name("x")]).fails_with(3);
    assert_eq!(outcome.lines().len(), 1, "each has a name of its own: {outcome}");
}

#[test]
fn two_lines_for_one_name_of_a_repository_are_refused_before_anything_is_sent() {
    let (dir, _) = layout();
    image("3", 10).write_layout(dir.join("work"), Some("quay.io/library/app:1"));
    let registry = FakeRegistry::new();
    for to in ["x", "x:1"] {
        let lines = "app:1
quay.io/library/app:1
";
        let to = registry.name(to);
        let outcome = fails_and_leaves(&dir, push(&dir).args(["-", "--to", &to]).stdin(lines), 2);
        outcome.stderr_has("two images would have this name");
    }
    assert_eq!(registry.asked().len(), 0);
}

#[test]
fn a_line_that_would_land_on_a_name_just_used_is_refused_before_it_is_sent() {
    let (dir, built) = layout();
    image("3", 10).write_layout(dir.join("work"), Some("quay.io/library/app:1"));
    let registry = FakeRegistry::new();
    let to = registry.name("m/");
    let pushed = format!(
        "{}@{}
",
        registry.name("m/library/app:1"),
        built.digest
    );
    let mut running = push(&dir).args(["-", "--to", &to]).stdin_pipe().spawn();
    running.write(
        "app:1
",
    );
    // each line is sent as it comes
    running.wait_for_stdout(&pushed);
    registry.forget_requests();
    running.write(
        "quay.io/library/app:1
quay.io/library/app:1
",
    );
    running.close_stdin();
    let outcome = running.wait().assert_code(2).stdout_is(&pushed);
    assert_eq!(outcome.stderr().matches("was sent to this name just now").count(), 2, "{outcome}");
    assert_eq!(registry.asked().len(), 0);
}

#[test]
fn two_images_of_one_name_are_refused_before_anything_is_sent() {
    let (registry, dir) = (FakeRegistry::new(), Dir::new());
    let name = registry.name("app:1");
    for place in ["a", "b"] {
        image(place, 10).write_layout(dir.join(place), Some(&name));
    }
    let outcome = push(&dir).args([format!("oci:a:{name}"), format!("oci:b:{name}")]).fails_with(2);
    outcome.stdout_is("").stderr_has("two images would have this name");
    assert_eq!(registry.asked().len(), 0);
}

#[test]
fn lines_of_standard_input_are_pushed() {
    let (dir, built) = layout();
    let registry = FakeRegistry::new();
    let line = format!("oci:work:docker.io/library/app:1@{}\n", built.digest);
    let pushed = format!("{}@{}\n", registry.name("m/library/app:1"), built.digest);
    let to = ["--to", &registry.name("m/")];
    push(&dir).args(to).stdin(&line).succeeds().stdout_is(&pushed).stderr_is("");
    push(&dir).args(to).arg("-").stdin("app:1\n").succeeds().stdout_is(&pushed).stderr_is("");
    push(&dir).args(to).stdin("{\"ref\":\"oci:work:app:1\"}\n").succeeds().stdout_is(&pushed);
    let outcome = push(&dir).args(to).stdin(format!("{line}app:1\n")).fails_with(2).stdout_is(&pushed);
    outcome.stderr_has("line 2").stderr_has("hint: to read names from standard input: oci-push -");
    push(&dir).args(to).stdin("").fails_with(3).stdout_is("").stderr_has("no image on standard input");
    push(&dir).args(to).arg("--if-any").stdin("").succeeds().no_output();
    push(&dir).args(to).fails_with(2).stdout_is("").stderr_has("no image; expected IMAGE");
    let nul = format!("{}@{}\0", registry.name("m/library/app:1"), built.digest);
    push(&dir).args(to).args(["-0", "-"]).stdin("app:1\0").succeeds().stdout_is(nul);
}

#[test]
fn json_is_the_object_with_its_place_in_the_registry() {
    let (dir, built) = layout();
    let registry = FakeRegistry::new();
    let outcome =
        push(&dir).args(["--json", "-q", "app:1", "--to", &registry.name("x")]).succeeds().stderr_is("");
    let object: Value = serde_json::from_str(outcome.line()).expect("JSON");
    assert_eq!(object["ref"], format!("{}@{}", registry.name("x:1"), built.digest));
    assert_eq!(object["name"], registry.name("x:1"));
    assert_eq!(object["digest"], *built.digest);
}

#[test]
fn all_operands_are_tried_and_the_first_failure_is_the_status() {
    let (dir, built) = layout();
    let registry = FakeRegistry::new();
    let to = registry.name("m/");
    let outcome = push(&dir).args(["gone:1", "app:1", "gone:2", "--to", &to]).fails_with(3);
    let outcome = outcome.stdout_is(format!("{}@{}\n", registry.name("m/library/app:1"), built.digest));
    assert_eq!(outcome.stderr().matches("oci-push: ").count(), 2, "{outcome}");
}

#[test]
fn a_destination_as_second_operand_is_seen_before_anything_is_sent() {
    let (dir, _) = layout();
    let registry = FakeRegistry::new();
    let (name, dest) = (registry.name("app:1"), registry.name("app:9"));
    dir.command(test_support::tool("oci-tag")).args(["-L", "work", "app:1", &name]).succeeds();
    let outcome = fails_and_leaves(&dir, push(&dir).args([&name, &dest]), 3);
    outcome.stderr_has(format!("hint: to push one image elsewhere: oci-push {name} --to {dest}"));
    assert_eq!(registry.asked().len(), 0);
    fails_and_leaves(&dir, push(&dir).args(["app:1", "--to", "/"]), 2).stderr_has("/: a prefix of nothing");
}
