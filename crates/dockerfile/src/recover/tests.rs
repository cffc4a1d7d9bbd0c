//! Lines as builders wrote them, and what they are as a Dockerfile.

use super::*;

const BUILDKIT: &str = "buildkit.dockerfile.v0";

fn shell() -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned()]
}

fn line<'a>(created_by: &'a str, comment: &'a str) -> Recorded<'a> {
    Recorded { created_by, comment, has_layer: true }
}

fn recovered(lines: &[Recorded<'_>]) -> Vec<Recovered> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let outcome = Outcome {
        env: vec![pair("GREETING", "good day"), pair("A", "x B=y")],
        labels: vec![pair("org.example.text", "two words")],
    };
    recover(lines, &shell(), &outcome)
}

fn one(created_by: &str, comment: &str) -> Recovered {
    recovered(&[line(created_by, comment)]).remove(0)
}

/// The instruction, which is all that there is to know.
fn whole(created_by: &str, comment: &str) -> String {
    let recovered = one(created_by, comment);
    assert_eq!(recovered.unknown, Vec::<String>::new(), "{created_by}");
    recovered.instruction.unwrap_or_else(|| panic!("{created_by}: nothing"))
}

#[test]
fn buildkits_lines_are_instructions_with_their_quotes_again() {
    for (created_by, instruction) in [
        ("ENV GREETING=good day NEXT=1", "ENV GREETING=\"good day\" NEXT=1"),
        ("ENV A=x B=y", "ENV A=\"x B=y\""),
        ("ENV PRICE=$5", "ENV PRICE=\"\\$5\""),
        ("LABEL org.example.text=two words", "LABEL org.example.text=\"two words\""),
        ("ARG VERSION=12", "ARG VERSION=12"),
        ("ARG VERSION", "ARG VERSION"),
        ("CMD [\"sh\" \"-c\" \"echo \\\"hi\\\"\"]", r#"CMD ["sh", "-c", "echo \"hi\""]"#),
        ("ENTRYPOINT [\"/a\\x01\"]", r#"ENTRYPOINT ["/a\u0001"]"#),
        ("EXPOSE [80/tcp 53/udp]", "EXPOSE 80/tcp 53/udp"),
        ("EXPOSE map[80/tcp:{} 90/tcp:{}]", "EXPOSE 80/tcp 90/tcp"),
        ("VOLUME [/data /var/lib/x]", r#"VOLUME ["/data", "/var/lib/x"]"#),
        ("USER nobody", "USER nobody"),
        ("WORKDIR /a b", "WORKDIR /a b"),
        ("STOPSIGNAL SIGQUIT", "STOPSIGNAL SIGQUIT"),
        ("MAINTAINER me <me@example>", "MAINTAINER me <me@example>"),
        ("RUN /bin/sh -c apt-get update # buildkit", "RUN apt-get update"),
        (
            "HEALTHCHECK {Test:[CMD-SHELL curl -f x || exit 1] Interval:30s Timeout:0s StartPeriod:1m0s StartInterval:0s Retries:3}",
            "HEALTHCHECK --interval=30s --start-period=1m0s --retries=3 CMD curl -f x || exit 1",
        ),
        (
            "HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}",
            "HEALTHCHECK NONE",
        ),
    ] {
        assert_eq!(whole(created_by, BUILDKIT), instruction);
    }
}

#[test]
fn the_classic_builders_lines_are_instructions_again() {
    for (created_by, instruction) in [
        ("/bin/sh -c #(nop)  ENV GREETING=good day", "ENV GREETING=\"good day\""),
        (
            "/bin/sh -c #(nop)  CMD [\"nginx\" \"-g\" \"daemon off;\"]",
            r#"CMD ["nginx", "-g", "daemon off;"]"#,
        ),
        ("/bin/sh -c #(nop)  EXPOSE 80", "EXPOSE 80"),
        ("/bin/sh -c #(nop) WORKDIR /app", "WORKDIR /app"),
        (
            "/bin/sh -c apt-get update     && rm -rf /var/lib/apt",
            "RUN apt-get update     && rm -rf /var/lib/apt",
        ),
        (
            "/bin/sh -c #(nop)  HEALTHCHECK &{[\"CMD-SHELL\" \"curl x\"] \"30s\" \"0s\" \"0s\" '\\x03'}",
            "HEALTHCHECK --interval=30s --retries=3 CMD curl x",
        ),
        (
            "/bin/sh -c #(nop)  HEALTHCHECK &{[CMD-SHELL echo \"a b\"] 30s 0s 0s 0s 3}",
            "HEALTHCHECK --interval=30s --retries=3 CMD echo \"a b\"",
        ),
        ("/bin/sh -c #(nop)  ONBUILD RUN x", "ONBUILD RUN x"),
    ] {
        assert_eq!(whole(created_by, ""), instruction);
    }
}

#[test]
fn what_buildah_and_kaniko_wrote_stays_as_it_is() {
    assert_eq!(whole("/bin/sh -c #(nop) ENV a=\"b c\" d=$a", ""), "ENV a=\"b c\" d=$a");
    assert_eq!(whole("RUN apt-get update && echo 'x'", ""), "RUN apt-get update && echo 'x'");
    assert_eq!(whole("COPY a b /dst/", "auto-gen"), "COPY a b /dst/");
}

#[test]
fn the_base_that_buildah_names_is_found() {
    let found = one("/bin/sh -c #(nop) CMD [\"a\"]", "FROM docker.io/library/debian:bookworm");
    assert_eq!(found.base.as_deref(), Some("docker.io/library/debian:bookworm"));
    assert_eq!(one("RUN x", "FROM here to there").base, None);
}

#[test]
fn sources_that_are_only_hashes_are_named_as_unknown() {
    let hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let copied = one(&format!("/bin/sh -c #(nop) COPY --chown=1:1 file:{hash} in /dst "), "");
    assert_eq!(copied.instruction.as_deref(), Some("COPY --chown=1:1 file-0123456789ab /dst"));
    assert_eq!(copied.unknown, [format!("how the file was called; its content had the hash {hash}")]);
    let many = one(&format!("/bin/sh -c #(nop) ADD multi:{hash} in /dst/ "), "");
    assert_eq!(many.instruction.as_deref(), Some("ADD multi-0123456789ab /dst/"));
}

#[test]
fn what_buildkit_does_not_record_is_said() {
    let copied = one("COPY --chown=1:1 /a b /dst/ # buildkit", BUILDKIT);
    assert_eq!(copied.instruction.as_deref(), Some("COPY --chown=1:1 /a b /dst/"));
    assert_eq!(copied.unknown, [FLAGS_OF_COPY]);
    let heredoc = one("COPY <<EOF /dst # buildkit", BUILDKIT);
    assert_eq!(heredoc.instruction.as_deref(), Some("COPY <<EOF /dst\nEOF"));
    assert_eq!(heredoc.unknown, ["what the heredoc held"]);
    let exec = one("RUN /a b c # buildkit", BUILDKIT);
    assert_eq!(exec.instruction.as_deref(), Some(r#"RUN ["/a", "b", "c"]"#));
    assert_eq!(exec.unknown.len(), 1);
}

#[test]
fn build_arguments_stand_apart_from_the_command_even_with_blanks_in_them() {
    for created_by in ["RUN |2 A=1 B=x y /bin/sh -c make all # buildkit", "|2 A=1 B=x y /bin/sh -c make all"]
    {
        let run = one(created_by, "");
        assert_eq!(run.instruction.as_deref(), Some("RUN make all"));
        assert_eq!(run.unknown, ["the defaults of its build arguments: it ran with A=1 B=x y"]);
    }
    let lines = [
        line("ARG A=1", BUILDKIT),
        line("RUN |1 A=1 /bin/sh -c a", ""),
        line("RUN |1 A=2 /bin/sh -c a", BUILDKIT),
    ];
    let unknown: Vec<usize> = recovered(&lines).iter().map(|found| found.unknown.len()).collect();
    assert_eq!(unknown, [0, 0, 1], "what ARG says is no news");
}

#[test]
fn a_shell_that_was_changed_is_that_of_the_lines_behind_it() {
    let lines = [
        line("SHELL [/bin/bash -o pipefail -c]", BUILDKIT),
        line("RUN /bin/bash -o pipefail -c a | b # buildkit", BUILDKIT),
        line("/bin/sh -c #(nop) SHELL [\"/bin/zsh\", \"-c\"]", ""),
        line("/bin/zsh -c echo", ""),
    ];
    let found: Vec<_> = recovered(&lines).into_iter().filter_map(|found| found.instruction).collect();
    assert_eq!(
        found,
        [
            r#"SHELL ["/bin/bash", "-o", "pipefail", "-c"]"#,
            "RUN a | b",
            r#"SHELL ["/bin/zsh", "-c"]"#,
            "RUN echo"
        ]
    );
}

#[test]
fn scripts_that_would_mean_something_else_in_one_line_become_heredocs() {
    let run = |script: &str| whole(&format!("RUN /bin/sh -c {script} # buildkit"), BUILDKIT);
    assert_eq!(run("set -e\necho EOF\nEOF\n"), "RUN <<EOF2\nset -e\necho EOF\nEOF\nEOF2");
    assert_eq!(run("cat <<A > x\nb\nA"), "RUN <<EOF\ncat <<A > x\nb\nA\nEOF");
    assert_eq!(run("--version"), "RUN <<EOF\n--version\nEOF");
    assert_eq!(run("[ -f x ] && y"), "RUN [ -f x ] && y");
}

#[test]
fn layers_of_unknown_making_are_named() {
    for (created_by, comment, unknown) in [
        ("", "Imported from -", "a layer of which is only said: Imported from -"),
        ("bash", "", "a layer made by: bash"),
        (
            "# debian.sh --arch 'amd64' out/",
            "debuerreotype 0.15",
            "a layer made by: # debian.sh --arch 'amd64' out/ (debuerreotype 0.15)",
        ),
        ("", "", "a layer that no line accounts for"),
    ] {
        assert_eq!(
            one(created_by, comment),
            Recovered { unknown: vec![unknown.to_owned()], ..Recovered::default() }
        );
    }
}

#[test]
fn a_value_with_a_newline_cannot_be_said_and_a_guess_is_called_one() {
    let newline = one("ENV X=a\nb", BUILDKIT);
    assert_eq!(newline.instruction, None);
    assert_eq!(newline.unknown, ["X is \"a\\nb\", which no Dockerfile can say"]);
    let guess = one("ENV X=a Y=b", BUILDKIT);
    assert_eq!(guess.instruction.as_deref(), Some("ENV X=a Y=b"));
    assert_eq!(guess.unknown.len(), 1, "X may be 'a Y=b': {guess:?}");
}

#[test]
fn whatever_the_history_holds_what_is_recovered_is_one_instruction() {
    for created_by in [
        "ENV A=\"'$x\\ B=`",
        "LABEL a=# b",
        "RUN /bin/sh -c a\\ # buildkit",
        "CMD []",
        "CMD [\"a\\",
        "COPY a\\ # buildkit",
        "COPY <<'E O' /x # buildkit",
        "HEALTHCHECK {Test:[CMD a b] Interval:1s}",
        "HEALTHCHECK &{}",
        "USER $x\\",
        "|3 a",
        "|99999 a",
        "SHELL []",
        "VOLUME []",
        "EXPOSE []",
        "ARG a b=c d",
        "\u{0}",
        "ENV =",
        "WORKDIR  ",
        "USER a\nRUN evil",
        "RUN a\nRUN evil",
        "/bin/sh -c #(nop) CMD a\nFROM evil",
        "MAINTAINER x\nUSER root",
    ] {
        for comment in ["", BUILDKIT] {
            let found = one(created_by, comment);
            assert!(found.instruction.is_some() || !found.unknown.is_empty(), "{created_by:?}");
            assert!(found.instruction.is_none_or(|text| is_one_instruction(&text)), "{created_by:?}");
        }
    }
    assert_eq!(one("USER a\nRUN evil", BUILDKIT).instruction, None);
    assert_eq!(one("RUN a\nRUN evil", "").instruction, None);
    assert_eq!(
        whole("RUN /bin/sh -c a\nRUN evil # buildkit", BUILDKIT),
        "RUN <<EOF\na\nRUN evil\nEOF",
        "the shell's line"
    );
}
