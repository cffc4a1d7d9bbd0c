//! `oci-history --dockerfile`: what docker's builders and buildah wrote down amounts to what they were given.

use crate::fixture::{ours, says, store};
use serde_json::Value;
use test_support::{Peers, Scratch, need};

const DOCKERFILE: &str = r#"FROM scratch
ARG VERSION=1
ENV GREETING="good day" PRICE='$5' A=1
ENV B="x C=y"
LABEL org.example.text="two words" b=c
COPY --chown=1:1 f /dst/
ADD f g /many/
WORKDIR /app/x
USER nobody
EXPOSE 80 53/udp
VOLUME /data /more
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
HEALTHCHECK --interval=30s --retries=3 CMD echo "a b"
STOPSIGNAL SIGQUIT
ONBUILD RUN echo on
ENTRYPOINT ["/bin/sh", "-c", "a \"b\"\t$c"]
CMD echo "hi"
"#;

fn context(scratch: &Scratch, dockerfile: &str) {
    for (name, text) in [("f", "f"), ("g", "g"), ("Dockerfile", dockerfile)] {
        std::fs::write(scratch.join("context").join(name), text).expect("a file of the context");
    }
}

/// The Dockerfile that the archive's image amounts to, without the comment at its head.
fn recovered(scratch: &Scratch, archive: &str, name: &str) -> String {
    ours(scratch, "oci-import", "layout").arg(scratch.join(archive)).succeeds();
    let outcome = ours(scratch, "oci-history", "layout").args(["--dockerfile", name]).succeeds();
    let (head, rest) = outcome.stdout().split_once('\n').expect("lines");
    assert!(head.starts_with("# what the history of "), "{outcome}");
    rest.to_owned()
}

fn config(peers: &Peers, image: &str) -> Value {
    let text = says(peers, ["docker", "image", "inspect", "--format", "{{json .Config}}", image]);
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    // the classic builder says which image it was on
    config.as_object_mut().expect("an object").remove("Image");
    config
}

#[test]
fn a_dockerfile_that_docker_built_comes_back_from_its_history_and_builds_the_same_config() {
    let peers = need!("docker");
    let scratch = peers.scratch();
    std::fs::create_dir(scratch.join("context")).expect("a directory");
    for (buildkit, tag) in [("1", "recovered:buildkit"), ("0", "recovered:classic")] {
        context(&scratch, DOCKERFILE);
        let build = |tag: &str| {
            let builder = format!("DOCKER_BUILDKIT={buildkit}");
            peers
                .exec([
                    "env",
                    &builder,
                    "docker",
                    "build",
                    "--quiet",
                    "--tag",
                    tag,
                    &scratch.inside("context"),
                ])
                .succeeds();
        };
        build(tag);
        let archive = format!("{buildkit}.tar");
        peers.exec(["docker", "save", "--output", &scratch.inside(&archive), tag]).succeeds();
        let text = recovered(&scratch, &archive, tag);
        // what has no name any more has one again
        let with_names: String = text
            .lines()
            .map(|line| match line.split_whitespace().next() {
                Some("COPY") => "COPY --chown=1:1 f /dst/\n".to_owned(),
                Some("ADD") => "ADD f g /many/\n".to_owned(),
                _ => format!("{line}\n"),
            })
            .collect();
        context(&scratch, &with_names);
        build("recovered:again");
        assert_eq!(config(&peers, "recovered:again"), config(&peers, tag), "{text}");
        let unknown: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(unknown.len(), 2, "{text}");
    }
    peers.exec(["docker", "rmi", "recovered:buildkit", "recovered:classic", "recovered:again"]).succeeds();
}

#[test]
fn what_buildah_wrote_down_is_what_it_was_given() {
    let peers = need!("buildah");
    let scratch = peers.scratch();
    std::fs::create_dir(scratch.join("context")).expect("a directory");
    context(&scratch, DOCKERFILE);
    let buildah = store(&peers, &scratch, "buildah", 0);
    buildah(&[
        "bud",
        "--quiet",
        "--layers",
        "--format",
        "docker",
        "--tag",
        "recovered:1",
        &scratch.inside("context"),
    ])
    .succeeds();
    buildah(&[
        "push",
        "--quiet",
        "recovered:1",
        &format!("docker-archive:{}:recovered:1", scratch.inside("b.tar")),
    ])
    .succeeds();
    let text = recovered(&scratch, "b.tar", "recovered:1");
    let instructions: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let given: Vec<&str> = DOCKERFILE.lines().collect();
    assert_eq!(instructions.len(), given.len(), "{text}");
    for (found, given) in instructions.iter().zip(&given) {
        let of_files = given.starts_with("COPY") || given.starts_with("ADD");
        let of_argument = given.starts_with("ARG");
        assert!(of_files || of_argument || found == given, "{found} is not {given}\n{text}");
    }
}
