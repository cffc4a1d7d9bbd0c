//! `oci-build`: a Dockerfile and its files become an image, the same wherever and whenever that is.

#[path = "build/messages.rs"]
mod messages;

use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, SystemTime};
use test_support::{Command, Dir, Image, TarBuilder, check_layout, noise, tool};

const OCI_BUILD: &str = env!("CARGO_BIN_EXE_oci-build");
const SEED: &str = "FROM scratch\nCOPY hello /\nCMD [\"/hello\"]\n";

/// A directory with a context in `app`.
fn context(dockerfile: &str) -> Dir {
    let dir = Dir::new();
    dir.write("app/Dockerfile", dockerfile);
    dir.write("app/hello", "hi\n");
    dir
}

fn build(dir: &Dir) -> Command {
    dir.command(OCI_BUILD).args(["-L", "work", "-t", "app"])
}

fn inspected(dir: &Dir, part: &str) -> Value {
    let inspected = dir.command(tool("oci-inspect")).args(["-L", "work", "app"]).succeeds();
    serde_json::from_str::<Value>(inspected.line()).expect("an image is JSON")[part].take()
}

fn config(dir: &Dir) -> Value {
    inspected(dir, "config")
}

fn manifest(dir: &Dir) -> Value {
    inspected(dir, "manifest")
}

fn history(dir: &Dir) -> Vec<String> {
    let lines = config(dir)["history"].take();
    let lines = lines.as_array().expect("a config has a history").iter();
    lines.map(|line| line["created_by"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The names and contents in the image's tree.
fn tree(dir: &Dir) -> Vec<String> {
    dir.command(tool("oci-unpack")).args(["-L", "work", "-q", "--rootfs", "app", "tree"]).succeeds();
    let mut found = Vec::new();
    let mut open = vec![dir.join("tree")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("a tree can be read") {
            let path = entry.expect("a tree can be read").path();
            let name = path.strip_prefix(dir.join("tree")).expect("it lies in it").display().to_string();
            if path.is_dir() {
                open.push(path);
                found.push(format!("{name}/"));
            } else {
                found.push(format!("{name}: {}", fs::read_to_string(path).expect("it is text").trim_end()));
            }
        }
    }
    found.sort();
    fs::remove_dir_all(dir.join("tree")).expect("it is ours");
    found
}

#[test]
fn the_seed_of_all_images_is_the_same_in_any_directory() {
    let digests = [(), ()].map(|()| {
        let dir = context(SEED);
        let built = build(&dir).arg("app").succeeds();
        assert_eq!(check_layout(dir.join("work")).names(), ["docker.io/library/app:latest"]);
        assert_eq!(tree(&dir), ["hello: hi"]);
        built.line().to_owned()
    });
    assert_eq!(digests[0], digests[1]);
    assert!(digests[0].starts_with("oci:work:docker.io/library/app:latest@sha256:"));
}

#[test]
fn the_config_and_the_history_are_as_docker_makes_them() {
    let dir = context(
        "FROM scratch AS a\nWORKDIR /a\nWORKDIR b\nCOPY hello .\nENV A=1 B=\"x y\"\nLABEL l=1\nEXPOSE 81 80/udp\n\
         VOLUME /v\nUSER 7:8\nENTRYPOINT [\"/hello\"]\nCMD [\"a\",\"b c\"]\nHEALTHCHECK --interval=5s CMD x\n\
         STOPSIGNAL SIGTERM\nSHELL [\"/bin/x\",\"-c\"]\nARG Q=1 R\nONBUILD ENV X=$A\nMAINTAINER me\nCMD echo $A\nFROM a\n",
    );
    build(&dir).arg("app").succeeds();
    assert_eq!(
        history(&dir),
        [
            "WORKDIR /a",
            "WORKDIR /a/b",
            "COPY hello . # buildkit",
            "ENV A=1 B=x y",
            "LABEL l=1",
            "EXPOSE [80/udp 81/tcp]",
            "VOLUME [/v]",
            "USER 7:8",
            "ENTRYPOINT [\"/hello\"]",
            "CMD [\"a\" \"b c\"]",
            "HEALTHCHECK &{[\"CMD-SHELL\" \"x\"] \"5s\" \"0s\" \"0s\" \"0s\" '\\x00'}",
            "STOPSIGNAL SIGTERM",
            "SHELL [/bin/x -c]",
            "ARG Q=1 R",
            "MAINTAINER me",
            "CMD [\"/bin/x\" \"-c\" \"echo $A\"]",
            "ENV X=1",
        ]
    );
    let config = config(&dir);
    assert_eq!(config["author"], "me");
    assert_eq!(
        config["config"],
        json!({
            "User": "7:8", "ExposedPorts": {"80/udp": {}, "81/tcp": {}}, "Entrypoint": ["/hello"],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=1", "B=x y", "X=1"],
            "Cmd": ["/bin/x", "-c", "echo $A"], "Volumes": {"/v": {}}, "WorkingDir": "/a/b", "Labels": {"l": "1"},
            "ArgsEscaped": true, "StopSignal": "SIGTERM", "Shell": ["/bin/x", "-c"],
            "Healthcheck": {"Test": ["CMD-SHELL", "x"], "Interval": 5_000_000_000_i64},
        })
    );
    assert_eq!(tree(&dir), ["a/", "a/b/", "a/b/hello: hi"]);
}

#[test]
fn an_entry_point_takes_the_bases_command_away_unless_the_stage_sets_its_own() {
    let dir = context("FROM base\nENTRYPOINT [\"/e\"]\n");
    let base = Image::new().layer(TarBuilder::new().file("etc/motd", "hi\n")).cmd(["/base"]);
    let base = base.write_layout(dir.join("work"), Some("docker.io/library/base:latest"));
    build(&dir).arg("app").succeeds();
    assert_eq!(config(&dir)["config"]["Cmd"], Value::Null);
    let annotations = &manifest(&dir)["annotations"];
    assert_eq!(annotations["org.opencontainers.image.base.name"], "docker.io/library/base:latest");
    assert_eq!(annotations["org.opencontainers.image.base.digest"], base.digest.to_string());
    dir.write("app/Dockerfile", "FROM base\nCMD [\"c\"]\nENTRYPOINT [\"/e\"]\n");
    build(&dir).arg("app").succeeds();
    assert_eq!(config(&dir)["config"]["Cmd"], json!(["c"]));
}

#[test]
fn threads_users_and_times_of_files_make_no_difference() {
    let digests = [1, 8].map(|threads| {
        let dir = context("FROM scratch\nCOPY . /\nADD hello /x/y/\nWORKDIR /w\n");
        for number in 0..200 {
            dir.write(format!("app/d{}/f{number}", number % 7), format!("{number}").repeat(number * 50));
        }
        let aged = fs::File::options().append(true).open(dir.join("app/hello")).expect("it is ours");
        aged.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(threads)).expect("it is ours");
        build(&dir).args(["-j", &threads.to_string(), "app"]).succeeds().line().to_owned()
    });
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn only_the_layers_of_what_changed_are_made_again() {
    let dir = context("FROM scratch\nCOPY hello /a/\nCOPY other /b/\nWORKDIR /c\n");
    dir.write("app/other", "1");
    build(&dir).arg("app").succeeds().stderr_lacks("CACHED");
    let first = manifest(&dir)["layers"].take();
    let again = build(&dir).arg("app").succeeds();
    assert_eq!(again.stderr().matches("CACHED").count(), 3);
    dir.write("app/other", "2");
    let changed = build(&dir).arg("app").succeeds();
    changed.stderr_has("COPY hello /a/  CACHED").stderr_lacks("COPY other /b/  CACHED");
    assert_eq!(manifest(&dir)["layers"][0], first[0]);
    assert_ne!(manifest(&dir)["layers"][1], first[1]);
    // a cache is no part of the result
    let cached = config(&dir);
    build(&dir).args(["--no-cache", "app"]).succeeds().stderr_lacks("CACHED");
    assert_eq!(config(&dir), cached);
    fs::remove_dir_all(dir.join("work")).expect("it is ours");
    build(&dir).arg("app").succeeds().stderr_has("COPY hello /a/  CACHED");
    assert_eq!(config(&dir), cached);
    check_layout(dir.join("work"));
}

#[test]
fn a_large_layer_is_the_same_whether_it_was_copied_from_the_one_before_or_not() {
    let dir = context("FROM scratch\nCOPY . /app/\n");
    dir.write("app/big", noise(1, 6 << 20));
    build(&dir).arg("app").succeeds();
    dir.write("app/small", "new");
    build(&dir).arg("app").succeeds().stderr_lacks("CACHED");
    let copied = manifest(&dir);
    build(&dir).args(["--no-cache", "app"]).succeeds();
    assert_eq!(manifest(&dir), copied);
    check_layout(dir.join("work"));
}

#[test]
fn what_no_build_has_used_is_pruned_and_what_one_has_stays() {
    let dir = context("FROM scratch\nCOPY hello /\n");
    let prune = |age: &str| {
        let gc = dir.command(tool("oci-gc")).args(["--cache", "--grace", "0s", "--unused", age]);
        gc.env("XDG_CACHE_HOME", dir.join("cache")).succeeds()
    };
    let build = || build(&dir).env("XDG_CACHE_HOME", dir.join("cache")).arg("app").succeeds();
    build();
    prune("1h").stderr_has("forgot 0 layers").stdout_is("");
    build().stderr_has("CACHED");
    assert_eq!(prune("0s").stderr_has("forgot 1 layer").lines().len(), 3);
    build().stderr_lacks("CACHED");
    check_layout(dir.join("cache/oci/build"));
}

#[test]
fn a_dry_run_says_which_layers_are_there_and_makes_none() {
    let dir = context(
        "FROM scratch AS a\nCOPY hello /\nENV A=1\nFROM scratch\nCOPY --from=a /hello /b\nWORKDIR /w\n",
    );
    let dry = || build(&dir).args(["--dry-run", "app"]).succeeds();
    let first = dry();
    let lines = first.lines();
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(lines[1].starts_with("[a 2/3] COPY hello /  to be made: sha256:"), "{}", lines[1]);
    assert_eq!(lines[2], "[a 3/3] ENV A=1");
    assert_eq!(lines[4], "[stage-1 2/3] COPY --from=a /hello /b  to be made");
    assert_eq!(check_layout(dir.join("work")).names(), [""; 0]);
    build(&dir).arg("app").succeeds();
    assert_eq!(dry().stdout().matches("  CACHED").count(), 3);
    let json = build(&dir).args(["--dry-run", "--json", "app"]).succeeds();
    let step: Value = serde_json::from_str(json.lines()[1]).expect("a step is JSON");
    assert_eq!((&step["cached"], &step["layer"], &step["number"]), (&json!(true), &json!(true), &json!(2)));
    let key = lines[1].rsplit(' ').next().expect("a line ends in its key");
    assert_eq!(step["key"], key);
}

#[test]
fn an_image_is_verified_and_what_differs_is_named_with_its_step() {
    let dir = context("FROM scratch\nCOPY . /a/\nENV A=1\n");
    build(&dir).arg("app").succeeds();
    let verify = || dir.command(OCI_BUILD).args(["-L", "work", "--verify", "app", "app"]);
    verify().succeeds().stderr_has("same digest").stderr_lacks("CACHED");
    dir.write("app/hello", "changed\n");
    verify().fails_with(1).stderr_has("/a/hello: differs in content; it comes from COPY . /a/ # buildkit");
    dir.write("app/more", "");
    dir.write("app/hello", "hi\n");
    verify().fails_with(1).stderr_has("/a/more: was rebuilt, and is not there; it comes from COPY . /a/");
    fs::remove_file(dir.join("app/more")).expect("it is ours");
    let other = verify().args(["--build-arg", "X=1", "-f", "-"]);
    let other = other.stdin("FROM scratch\nCOPY . /a/\nENV A=2\n").fails_with(1);
    other.stderr_has("Env A: \"1\"; rebuilt: \"2\"");
    assert_eq!(check_layout(dir.join("work")).names(), ["docker.io/library/app:latest"]);
}

#[test]
fn machines_share_a_cache_by_a_layout() {
    let dir = context("FROM scratch\nCOPY hello /\n");
    build(&dir).args(["--cache-to", "oci:shared", "app"]).succeeds();
    check_layout(dir.join("shared"));
    let elsewhere = |options: &[&str]| {
        let command = build(&dir).args(options).env("XDG_CACHE_HOME", dir.join("elsewhere"));
        command.arg("app").succeeds()
    };
    elsewhere(&["--cache-from", "shared"]).stderr_has("CACHED");
    elsewhere(&[]).stderr_has("CACHED");
    build(&dir).args(["--cache-from", "nowhere", "app"]).fails_with(3);
}

#[test]
fn files_behind_urls_are_fetched_and_checked() {
    let dir = context("");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.expect("somebody asks");
            let _ = stream.read(&mut [0; 4096]).expect("a request comes");
            let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nhi\n";
            stream.write_all(answer).expect("an answer is taken");
        }
    });
    let sum = "sha256:98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4";
    dir.write("app/Dockerfile", format!("FROM scratch\nADD --checksum={sum} http://{address}/a/file /\n"));
    build(&dir).arg("app").succeeds();
    assert_eq!(tree(&dir), ["file: hi"]);
    let wrong = sum.replace("98ea", "98eb");
    dir.write("app/Dockerfile", format!("FROM scratch\nADD --checksum={wrong} http://{address}/a/file /\n"));
    build(&dir).arg("app").fails_with(6).stderr_has(" --> Dockerfile:2:");
    server.join().expect("both were asked for");
}

#[test]
fn stages_that_the_target_does_not_need_are_not_built() {
    let dir = context(
        "FROM scratch AS one\nCOPY hello /1\nFROM scratch AS broken\nCOPY nowhere /\nFROM scratch AS two\n\
         COPY --from=one /1 /2\nCOPY --from=0 1 /3\n",
    );
    build(&dir).arg("app").succeeds().stderr_lacks("broken");
    assert_eq!(tree(&dir), ["2: hi", "3: hi"]);
    build(&dir).args(["--target", "ONE", "app"]).succeeds();
    assert_eq!(tree(&dir), ["1: hi"]);
    let error = build(&dir).args(["--target", "three", "app"]).fails_with(1);
    error.stderr_has("target stage \"three\" could not be found").stderr_has("stages: one, broken, two");
}

#[test]
fn an_error_shows_its_line_and_leaves_the_layout_as_it_was() {
    let dir = context("FROM scratch\nCOPY hello /\nCOPY nowhere /\n");
    let error = build(&dir).arg("app").fails_with(1).stdout_is("");
    error.stderr_has(" --> Dockerfile:3:6\n").stderr_has("3 | COPY nowhere /\n  |      ^^^^^^^\n");
    dir.write("app/Dockerfile", "FROM scratch AS a\nONBUILD COPY nowhere /\nFROM a\n");
    let error = build(&dir).arg("app").fails_with(1);
    error.stderr_has("ONBUILD COPY nowhere /: ").stderr_has(" --> Dockerfile:3:1\n");
    build(&dir).args(["-f", "-", "app"]).stdin(SEED).succeeds();
    assert_eq!(check_layout(dir.join("work")).names(), ["docker.io/library/app:latest"]);
}

#[test]
fn fifty_thousand_instructions_are_carried_out() {
    let dir = context(&format!("FROM scratch\n{}", "LABEL a=1\n".repeat(50_000)));
    build(&dir).args(["-q", "app"]).succeeds();
    assert_eq!(history(&dir).len(), 50_000);
}

#[test]
fn more_layers_than_anybody_can_run_are_an_error_before_anything_is_done() {
    let copies = "COPY hello /\n".repeat(501);
    let dir = context(&format!("FROM scratch\n{copies}"));
    let error = build(&dir).arg("app").fails_with(1);
    error.stderr_has("more than 500 layers").stderr_has("--> Dockerfile:502:1").stderr_lacks("[stage-0");
    assert_eq!(fs::read_dir(dir.join("work/blobs/sha256")).map_or(0, Iterator::count), 0);
    // stages stand on each other, and what is not needed is not counted
    let copies = "COPY hello /\n".repeat(250);
    dir.write("app/Dockerfile", format!("FROM scratch AS a\n{copies}FROM a\n{copies}ADD hello /\n"));
    build(&dir).arg("app").fails_with(1).stderr_has("--> Dockerfile:503:1").stderr_lacks("[a 1/");
    build(&dir).args(["--target", "a", "--dry-run", "app"]).succeeds();
}

#[test]
fn the_layers_of_the_base_count_too() {
    let dir = context("FROM base\nCOPY hello /\nCOPY hello /\n");
    let layer = |image: Image, number| image.layer(TarBuilder::new().file(&format!("f{number}"), ""));
    let base = (0..499).fold(Image::new(), layer);
    base.write_layout(dir.join("work"), Some("docker.io/library/base:latest"));
    let error = build(&dir).arg("app").fails_with(1);
    error.stderr_has("more than 500 layers").stderr_has("--> Dockerfile:3:1").stderr_lacks("COPY hello /  ");
}

#[test]
fn what_variables_make_long_is_shown_short() {
    let dir = context(&format!("FROM scratch\nENV a=xx\n{}", "ENV a=$a$a\n".repeat(60)));
    let error = build(&dir).arg("app").fails_with(1).stderr_has("its value grows above 1 MiB");
    assert!(error.stderr().len() < 8192, "{}", error.stderr().len());
    let shown = error.stderr().lines().map(|line| line.chars().count()).max();
    assert!(shown < Some(250), "{shown:?}");
}

#[test]
fn a_user_and_a_working_directory_of_megabytes_are_a_short_error() {
    let (user, path) = ("u".repeat(1 << 20), "/w".repeat(100_000));
    let dir = context(&format!("FROM scratch\nUSER {user}\nWORKDIR /w\n"));
    let error =
        build(&dir).arg("app").fails_with(1).stderr_has("the stage is empty, so it has no /etc/passwd");
    assert!(error.stderr().len() < 4096, "{}", error.stderr().len());
    dir.write("app/Dockerfile", format!("FROM scratch\nWORKDIR {path}\n"));
    let error = build(&dir).arg("app").fails_with(1).stderr_has("at most 8192 fit into a layer");
    assert!(error.stderr().len() < 4096, "{}", error.stderr().len());
}

#[test]
fn a_pattern_that_leads_out_of_the_context_is_an_error() {
    let dir = context("FROM scratch\nCOPY ../* /\n");
    for source in ["../*", "a/../../*", "/../h*", "*/../../hello"] {
        dir.write("app/Dockerfile", format!("FROM scratch\nCOPY {source} /\n"));
        let error = build(&dir).arg("app").fails_with(1).stderr_has("leads out of the context");
        error.stderr_has(" --> Dockerfile:2:6\n").stderr_has("--build-context");
    }
    dir.write("app/Dockerfile", "FROM scratch\nCOPY hello /\nADD ../* /\n");
    build(&dir).arg("app").fails_with(1).stderr_has("leads out").stderr_lacks("COPY hello");
    assert!(!dir.join("work/blobs").exists());
    dir.write("app/Dockerfile", "FROM scratch\nARG D=..\nCOPY $D/* /\n");
    build(&dir).arg("app").fails_with(1).stderr_has("\"../*\" leads out").stderr_has("COPY $D/* /");
    for source in ["a/../h*", "./h*", "*/../hell?", "../hello"] {
        dir.write("app/Dockerfile", format!("FROM scratch\nCOPY {source} /\n"));
        build(&dir).arg("app").succeeds();
        assert_eq!(tree(&dir), ["hello: hi"]);
    }
}

#[test]
fn a_base_that_cannot_be_read_is_an_error_that_names_it_and_no_reason_to_ask_a_registry() {
    let dir = context("FROM registry.invalid/base:1\nCOPY hello /\n");
    let base = Image::new().layer(TarBuilder::new().file("f", ""));
    let base = base.write_layout(dir.join("work"), Some("registry.invalid/base:1"));
    let config = format!("work/blobs/{}", base.config_digest.replace(':', "/"));
    dir.write(&config, "?".repeat(dir.read(&config).len()));
    let error = build(&dir).arg("app").fails_with(6);
    error.stderr_has("registry.invalid/base:1: ").stderr_has("oci-fsck -L work").stderr_lacks("reach");
}

#[test]
fn run_is_one_clear_error_before_anything_is_built() {
    let dir = context("FROM scratch\nCOPY hello /\nRUN make\n");
    let error = build(&dir).arg("app").fails_with(1);
    error.stderr_has("RUN needs containers").stderr_has("3 | RUN make\n  | ^^^").stderr_lacks("COPY hello");
    dir.write("app/Dockerfile", "FROM scratch\nRUN make\nFROM scratch\nCOPY hello /\n");
    build(&dir).arg("app").succeeds();
}

#[test]
fn a_dockerfile_and_a_context_can_come_on_standard_input() {
    let dir = context("FROM scratch\n");
    build(&dir).args(["-f", "-", "app"]).stdin(SEED).succeeds();
    let wanted = config(&dir);
    let tar = TarBuilder::new().file("Dockerfile", SEED).file("hello", "hi\n").bytes();
    build(&dir).arg("-").stdin(tar).succeeds();
    assert_eq!(config(&dir), wanted);
    build(&dir).args(["-f", "-", "-"]).stdin(SEED).fails_with(2).stderr_has("named twice");
}

#[test]
fn a_link_in_a_tar_leads_to_no_file_of_the_builder() {
    let dir = context("");
    let secret = dir.write("secret", "SECRET\n");
    for name in ["Dockerfile", ".dockerignore"] {
        let link = secret.display().to_string();
        let mut tar = TarBuilder::new().symlink(name, &link);
        if name != "Dockerfile" {
            tar = tar.file("Dockerfile", "FROM scratch\nCOPY . /\n");
        }
        let built = build(&dir).arg("-").stdin(tar.bytes()).run();
        built.stderr_lacks("SECRET");
    }
}

#[test]
fn ignored_files_are_not_seen_and_the_file_beside_the_dockerfile_comes_first() {
    let dir = context("FROM scratch\nCOPY . /\n");
    dir.write("app/secret", "s");
    dir.write("app/.dockerignore", "secret\n.dockerignore\nDockerfile*\n*.dockerignore\n");
    build(&dir).arg("app").succeeds();
    assert_eq!(tree(&dir), ["hello: hi"]);
    dir.write("app/Dockerfile.dockerignore", "*\n!secret\n");
    build(&dir).arg("app").succeeds();
    assert_eq!(tree(&dir), ["secret: s"]);
}

#[test]
fn arguments_come_from_the_command_line_the_environment_and_the_platform() {
    let dir = context(
        "ARG V=0\nFROM scratch\nARG V\nARG GIVEN\nARG TARGETARCH\nARG HTTP_PROXY\nLABEL all=$V-$GIVEN-$TARGETARCH-$HTTP_PROXY\n",
    );
    let build = build(&dir).args(["--build-arg", "V=1", "--build-arg", "GIVEN", "--platform", "linux/s390x"]);
    build.env("GIVEN", "g").env("HTTP_PROXY", "http://p").arg("app").succeeds();
    assert_eq!(config(&dir)["config"]["Labels"]["all"], "1-g-s390x-http://p");
    assert_eq!(config(&dir)["architecture"], "s390x");
}

#[test]
fn an_image_is_of_its_bases_platform_unless_one_is_asked_for() {
    let dir = context("FROM --platform=linux/arm64 base\nCOPY hello /\n");
    let base = Image::new().layer(TarBuilder::new().file("arch", "arm64")).platform("linux", "arm64");
    base.write_layout(dir.join("work"), Some("docker.io/library/base:latest"));
    for (asked, architecture) in [(&[][..], "arm64"), (&["--platform", "linux/s390x"], "s390x")] {
        build(&dir).args(asked).arg("app").succeeds();
        assert_eq!(config(&dir)["architecture"], architecture);
    }
}

#[test]
fn a_dot_is_the_working_directory_and_an_absolute_one_stays_as_it_is_written() {
    let dir = context("FROM scratch\nWORKDIR /a//b/\nCOPY --link hello .\nWORKDIR c/./d/\n");
    build(&dir).arg("app").succeeds();
    assert_eq!(tree(&dir), ["a/", "a/b/", "a/b/c/", "a/b/c/d/", "a/b/hello: hi"]);
    assert_eq!(history(&dir), ["WORKDIR /a//b/", "COPY hello . # buildkit", "WORKDIR /a/b/c/d"]);
}

#[test]
fn several_platforms_make_an_index() {
    let dir = context("FROM scratch\nARG TARGETARCH\nCOPY hello /$TARGETARCH\n");
    build(&dir).args(["--platform", "linux/amd64,linux/arm64", "app"]).succeeds();
    for architecture in ["amd64", "arm64"] {
        let platform = format!("linux/{architecture}");
        let unpack = dir.command(tool("oci-unpack")).args(["-L", "work", "-q", "--rootfs", "--platform"]);
        unpack.args([&platform, "app", architecture]).succeeds();
        assert_eq!(dir.list(architecture), [architecture]);
    }
    check_layout(dir.join("work"));
}

#[test]
fn named_contexts_are_images_and_directories() {
    let dir = context("FROM base\nCOPY --from=files /f /g\nCOPY --from=other /etc/motd /h\n");
    dir.write("files/f", "f");
    let image = Image::new().layer(TarBuilder::new().file("etc/motd", "m\n"));
    image.write_layout(dir.join("other"), Some("docker.io/library/base:1"));
    let base = "base=oci-layout://other:base:1";
    let command = build(&dir).args(["--build-context", base, "--build-context", "files=files"]);
    command.args(["--build-context", "other=oci:other", "app"]).succeeds();
    assert_eq!(tree(&dir), ["etc/", "etc/motd: m", "g: f", "h: m"]);
    dir.write("app/Dockerfile", "FROM oci:./other:base:1\n");
    build(&dir).arg("app").succeeds();
    assert_eq!(tree(&dir), ["etc/", "etc/motd: m"]);
}

#[test]
fn the_image_is_as_old_as_it_is_said_to_be() {
    let dir = context(SEED);
    build(&dir).arg("app").succeeds();
    assert_eq!(config(&dir)["created"], "1970-01-01T00:00:00Z");
    build(&dir).env("SOURCE_DATE_EPOCH", "1700000000").arg("app").succeeds();
    assert_eq!(config(&dir)["created"], "2023-11-14T22:13:20Z");
    build(&dir).env("SOURCE_DATE_EPOCH", "1").args(["--timestamp", "1700000000", "app"]).succeeds();
    assert_eq!(config(&dir)["history"][0]["created"], "2023-11-14T22:13:20Z");
}

#[test]
fn what_was_built_is_written_to_files_for_scripts() {
    let dir = context(SEED);
    let built = build(&dir).args(["--iidfile", "id", "--metadata-file", "meta", "app"]).succeeds();
    assert_eq!(dir.read_text("id"), manifest(&dir)["config"]["digest"]);
    let metadata: Value = serde_json::from_str(&dir.read_text("meta")).expect("metadata is JSON");
    assert_eq!(metadata["image.name"], "docker.io/library/app:latest");
    assert!(built.line().ends_with(metadata["containerimage.digest"].as_str().expect("it is text")));
}

#[test]
fn labels_and_annotations_of_the_command_line_come_last() {
    let dir = context("FROM scratch\nLABEL a=1 b=1\n");
    build(&dir).args(["--label", "a=2", "--label", "c", "--annotation", "x=y", "app"]).succeeds();
    assert_eq!(config(&dir)["config"]["Labels"], json!({"a": "2", "b": "1", "c": ""}));
    assert_eq!(manifest(&dir)["annotations"], json!({"x": "y"}));
}

#[test]
fn the_build_checks_print_what_docker_prints_and_build_nothing() {
    let dir = context("FROM scratch\nMAINTAINER me\n");
    let found = build(&dir).args(["--check", "app"]).fails_with(1);
    found.stdout_has("1 warning has been found!").stdout_has("WARNING: MaintainerDeprecated").stderr_is("");
    dir.write("app/Dockerfile", SEED);
    build(&dir).args(["--check", "app"]).succeeds().stdout_only("Check complete, no warnings found.\n");
    assert!(!dir.join("work").exists());
}

#[test]
fn what_is_no_context_says_what_one_is() {
    let dir = Dir::new();
    build(&dir).arg("nowhere").fails_with(3).stderr_has("nowhere: not there").stderr_has("hint: CONTEXT");
    dir.make_dir("empty");
    build(&dir).arg("empty").fails_with(3).stderr_has("no Dockerfile in it");
    assert!(!dir.join("work").exists());
}
