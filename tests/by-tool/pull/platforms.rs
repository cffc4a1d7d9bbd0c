//! Which images of an index are taken, and docker's media types.

use crate::fixture::{INDEX, fails_and_leaves, furnished, image, index_of, pull, with_docker_types};
use test_support::{BuiltImage, Dir, FakeRegistry, Image, LayoutCheck, check_layout, digest_of};

fn of(architecture: &str) -> BuiltImage {
    Image::new().cmd([architecture]).platform("linux", architecture).build()
}

/// `multi:1` of three platforms, and its index's digest.
fn registry() -> (FakeRegistry, [BuiltImage; 3], String) {
    let registry = FakeRegistry::new();
    let images = ["amd64", "arm64", "s390x"].map(of);
    for image in &images {
        registry.hold("multi", "only", image);
    }
    let [a, b, c] = &images;
    let index = registry.hold_manifest("multi", "1", INDEX, &index_of(&[a, b, c]));
    (registry, images, index)
}

#[test]
fn one_platform_is_one_manifest() {
    let (registry, [_, arm, _], index) = registry();
    let (dir, name) = (Dir::new(), registry.name("multi:1"));
    let outcome = pull(&dir).args(["--platform", "linux/arm64", &name]).succeeds();
    outcome.stdout_is(format!("oci:work:{name}@{}\n", arm.digest)).stderr_is("");
    let report = check_layout(dir.join("work"));
    assert_eq!((report.digest_of(&name), report.blobs.len()), (Some(&*arm.digest), arm.blobs.len()));
    let source = format!("{name}@{index}");
    assert!(
        dir.read_text("work/index.json").contains(&source),
        "the digest that the registry resolved it to"
    );
}

#[test]
fn several_platforms_are_a_new_index_and_that_is_said() {
    let (registry, [amd, arm, _], _) = registry();
    let (dir, name) = (Dir::new(), registry.name("multi:1"));
    let args = ["--platform", "linux/amd64", "--platform", "linux/arm64", &name];
    let outcome = pull(&dir).args(args).succeeds();
    let report = check_layout(dir.join("work"));
    let digest = report.digest_of(&name).expect("it is named");
    let outcome = outcome.stdout_is(format!("oci:work:{name}@{digest}\n"));
    let outcome = outcome.stderr_is(format!("oci-pull: warning: {name}: its digest is new: {digest}\n"));
    let index = dir.read_text(format!("work/blobs/{}", digest.replace(':', "/")));
    assert!(
        index.contains(&amd.digest) && index.contains(&arm.digest) && !index.contains("s390x"),
        "{index}"
    );
    let again = pull(&dir).args(["-q"]).args(args).succeeds();
    again.stdout_is(outcome.stdout()).stderr_is("");
}

#[test]
fn all_platforms_that_an_index_has_are_that_index() {
    let (registry, .., index) = registry();
    let (dir, name) = (Dir::new(), registry.name("multi:1"));
    let all = ["linux/s390x", "linux/amd64", "linux/arm64"].map(|platform| format!("--platform={platform}"));
    let outcome = pull(&dir).args(all).arg(&name).succeeds();
    outcome.stdout_is(format!("oci:work:{name}@{index}\n")).stderr_is("");
}

#[test]
fn a_platform_of_an_inner_index_or_of_a_config_alone_is_found() {
    let registry = FakeRegistry::new();
    let [amd, arm] = ["amd64", "arm64"].map(of);
    for image in [&amd, &arm] {
        registry.hold("multi", "x", image);
    }
    let inner = index_of(&[&arm]);
    registry.hold_manifest("multi", "inner", INDEX, &inner);
    let bare = serde_json::json!({ "mediaType": amd.descriptor["mediaType"], "digest": amd.digest, "size": amd.descriptor["size"] });
    let inner = serde_json::json!({ "mediaType": INDEX, "digest": digest_of(&inner), "size": inner.len() });
    let outer = serde_json::json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [bare, inner] });
    registry.hold_manifest("multi", "1", INDEX, outer.to_string().as_bytes());
    for (platform, image) in [("linux/amd64", &amd), ("linux/arm64", &arm)] {
        let dir = Dir::new();
        let name = registry.name("multi:1");
        pull(&dir).args(["--platform", platform, &name]).succeeds().stdout_has(&image.digest);
        check_layout(dir.join("work"));
    }
}

#[test]
fn a_platform_with_line_ends_forges_no_line_of_a_log() {
    let registry = FakeRegistry::new();
    let image = of("amd64");
    registry.hold("multi", "x", &image);
    let forged = "linux\noci-pull: all is well\r\u{1b}[2J";
    let index = String::from_utf8(index_of(&[&image])).expect("JSON");
    let index = index.replace("\"linux\"", &serde_json::json!(forged).to_string());
    registry.hold_manifest("multi", "1", INDEX, index.as_bytes());
    let dir = Dir::new();
    let outcome = pull(&dir).args(["--platform", "linux/amd64", &registry.name("multi:1")]).fails_with(3);
    let outcome = outcome.stderr_has(r"there is linux\noci-pull: all is well\r\u{1b}[2J/amd64");
    assert_eq!(outcome.stderr().lines().count(), 1, "{outcome}");
}

#[test]
fn all_platforms_are_the_index_to_the_byte() {
    let (registry, images, index) = registry();
    let (dir, name) = (Dir::new(), registry.name("multi:1"));
    let outcome = pull(&dir).args(["--all-platforms", &name]).succeeds();
    outcome.stdout_is(format!("oci:work:{name}@{index}\n")).stderr_is("");
    let bytes = dir.read(format!("work/blobs/{}", index.replace(':', "/")));
    assert_eq!(bytes, index_of(&[&images[0], &images[1], &images[2]]));
    check_layout(dir.join("work"));
    let both = pull(&dir).args(["--all-platforms", "--platform", "linux/amd64", &name]);
    both.fails_with(2).stdout_is("").stderr_has("--platform");
}

#[test]
fn a_platform_that_is_not_there_is_not_found_and_what_is_is_said() {
    let (registry, ..) = registry();
    let dir = furnished();
    let name = registry.name("multi:1");
    let outcome = fails_and_leaves(&dir, pull(&dir).args(["--platform", "linux/riscv64", &name]), 3);
    outcome.stderr_has("no image for linux/riscv64; there is linux/amd64, linux/arm64, linux/s390x");
    let outcome = fails_and_leaves(
        &dir,
        pull(&dir).args(["--platform", "linux/arm64", &registry.name("multi:only")]),
        3,
    );
    outcome.stderr_has("there is linux/s390x").stderr_lacks("hint: ");
    pull(&dir).args(["--platform", "a/b/c/d", &name]).fails_with(2).stdout_is("").stderr_has("--platform");
}

#[test]
fn a_sparse_index_cannot_be_pulled_whole() {
    let registry = FakeRegistry::new();
    let (here, gone) = (of("amd64"), of("arm64"));
    registry.hold("multi", "x", &here);
    registry.hold_manifest("multi", "1", INDEX, &index_of(&[&here, &gone]));
    let dir = furnished();
    let name = registry.name("multi:1");
    fails_and_leaves(&dir, pull(&dir).args(["--all-platforms", &name]), 3).stderr_has(&gone.digest);
    pull(&dir).args(["--platform", "linux/amd64", &name]).succeeds().stdout_has(&here.digest);
}

#[test]
fn docker_types_are_warned_of_once_and_kept_to_the_byte() {
    let (registry, docker) = (FakeRegistry::new(), with_docker_types(&image("d")));
    registry.hold("app", "1", &docker);
    registry.hold("app", "2", &docker);
    let dir = Dir::new();
    let names = ["app:1", "app:2"].map(|name| registry.name(name));
    let outcome = pull(&dir).args(&names).succeeds();
    let outcome =
        outcome.stdout_is(names.clone().map(|name| format!("oci:work:{name}@{}\n", docker.digest)).concat());
    assert_eq!(outcome.stderr().matches("docker's media types").count(), 1, "{outcome}");
    outcome.stderr_has("oci-pull: warning: ").stderr_has("hint: --oci ");
    check_layout(dir.join("work"));
}

#[test]
fn with_oci_docker_types_are_converted_and_nothing_else() {
    let (registry, oci) = (FakeRegistry::new(), image("d"));
    let docker = with_docker_types(&oci);
    registry.hold("app", "1", &docker);
    let (dir, name) = (Dir::new(), registry.name("app:1"));
    let outcome = pull(&dir).args(["--oci", &name]).succeeds();
    let report = check_layout(dir.join("work"));
    let digest = report.digest_of(&name).expect("it is named").to_owned();
    let outcome = outcome.stdout_is(format!("oci:work:{name}@{digest}\n"));
    outcome.stderr_is(format!("oci-pull: warning: {name}: its digest is new: {digest}\n"));
    let text = dir.read_text(format!("work/blobs/{}", digest.replace(':', "/")));
    assert!(!text.contains("docker") && text.contains(&oci.config_digest), "{text}");
    let source = format!("{name}@{}", docker.digest);
    assert!(dir.read_text("work/index.json").contains(&source), "what the registry calls it");
    registry.hold("app", "2", &oci);
    let outcome = pull(&dir).args(["--oci", &registry.name("app:2")]).succeeds();
    outcome.stderr_is("").stdout_has(&oci.digest);
}

#[test]
fn a_docker_list_of_several_platforms_is_converted_as_a_whole() {
    let registry = FakeRegistry::new();
    let images = ["amd64", "arm64"].map(|architecture| with_docker_types(&of(architecture)));
    for image in &images {
        registry.hold("multi", "x", image);
    }
    let list = String::from_utf8(index_of(&[&images[0], &images[1]])).expect("text");
    let list = list.replace(INDEX, "application/vnd.docker.distribution.manifest.list.v2+json");
    let kind = "application/vnd.docker.distribution.manifest.list.v2+json";
    assert_eq!(registry.hold_manifest("multi", "1", kind, list.as_bytes()), digest_of(&list));
    let (dir, name) = (Dir::new(), registry.name("multi:1"));
    pull(&dir).args(["--oci", "--all-platforms", &name]).succeeds().stderr_has("its digest is new");
    let report = LayoutCheck::new(dir.join("work")).run();
    for digest in report.blobs.keys() {
        let text = String::from_utf8_lossy(&dir.read(format!("work/blobs/{}", digest.replace(':', "/"))))
            .into_owned();
        assert!(!text.contains("vnd.docker"), "{text}");
    }
}
