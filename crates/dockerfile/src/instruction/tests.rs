//! What each instruction says, and what it refuses.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::dockerfile::Dockerfile;
use crate::expand::Expanded;
use crate::expansion::Expander;
use crate::step::Step;

fn step(text: &str) -> Result<Step, Diagnostic> {
    let dockerfile = Dockerfile::parse(&format!("FROM a\n{text}"))?;
    Ok(dockerfile.stages[0].steps[0].clone())
}

fn instruction(text: &str) -> Instruction {
    step(text).unwrap_or_else(|error| panic!("{text}: {error}")).instruction
}

fn expand(text: &str, pairs: &[(&str, &str)]) -> Result<Expanded, Diagnostic> {
    let variables: BTreeMap<String, String> =
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    step(text)?.expand(&Expander::new('\\'), &variables)
}

#[track_caller]
fn refused(text: &str) -> String {
    match expand(text, &[("v", "x")]) {
        Ok(expanded) => panic!("{text} is taken: {expanded:?}"),
        Err(error) => error.to_string(),
    }
}

fn copy(text: &str, pairs: &[(&str, &str)]) -> Copy {
    match expand(text, pairs).unwrap().instruction {
        Instruction::Copy(copy) => copy,
        other => panic!("{other:?}"),
    }
}

fn run(text: &str) -> Run {
    match expand(text, &[("v", "x"), ("t", "cache")]).unwrap().instruction {
        Instruction::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

fn texts(words: &[Word]) -> Vec<&str> {
    words.iter().map(|word| word.text.as_str()).collect()
}

#[test]
fn copy_expands_all_but_from_and_exclude() {
    let copy = copy(
        "COPY --from=$v --chown=$v:$g --chmod=${m} --link --parents --exclude=$v $v \"b\" /$v/",
        &[("v", "x"), ("g", "y"), ("m", "u=rX")],
    );
    assert_eq!(copy.from.unwrap().text, "$v");
    assert_eq!((copy.chown.unwrap().text, copy.chmod.unwrap().text), ("x:y".into(), "u=rX".into()));
    assert_eq!((copy.link, copy.parents, texts(&copy.exclude)), (true, true, vec!["$v"]));
    assert_eq!((texts(&copy.sources.paths), copy.sources.destination.text.as_str()), (vec!["x", "b"], "/x/"));
}

#[test]
fn an_owner_or_a_mode_that_comes_to_nothing_is_none() {
    let copy = copy("COPY --chown=$none --chmod= a b", &[]);
    assert_eq!((copy.chown, copy.chmod), (None, None));
}

#[test]
fn files_in_the_dockerfile_are_expanded_unless_their_name_is_quoted() {
    let copy = copy("COPY <<A <<-'B' /d/\n$v \"q\"\nA\n\t$v\nB\n", &[("v", "x")]);
    let files: Vec<_> =
        copy.sources.documents.iter().map(|f| (f.name.text.as_str(), f.content.as_str())).collect();
    assert_eq!(files, [("A", "x \"q\"\n"), ("B", "$v\n")]);
}

#[test]
fn add_knows_which_flags_were_given() {
    let Instruction::Add(add) = instruction("ADD --unpack=false --keep-git-dir a b") else {
        panic!("an ADD")
    };
    assert_eq!((add.unpack, add.keep_git_dir, add.link), (Some(false), Some(true), false));
    let Instruction::Add(add) = instruction("ADD a b") else { panic!("an ADD") };
    assert_eq!((add.unpack, add.keep_git_dir), (None, None));
    assert_eq!(refused("ADD --checksum=x a b"), "checksum requires HTTP(S) or Git sources");
}

#[test]
fn files_that_cannot_be_copied_are_refused() {
    assert!(refused("COPY a").contains("requires at least two arguments"));
    assert!(refused("COPY a <<E\nE").contains("cannot accept a heredoc as a destination"));
    assert!(refused("COPY https://x/$v /").contains("can't be a URL"));
    assert!(refused("COPY git@x:y /").contains("can't be a git ref"));
    assert!(refused("COPY --chmod=$v a b").contains("invalid chmod parameter"));
    assert!(refused("COPY <<E /\n${\nE").contains("cannot expand this heredoc"));
}

#[test]
fn all_pairs_of_an_instruction_see_the_variables_before_it() {
    let expanded = expand("ENV a=2 b=$a $n=\"c  d\" e=f\\ g", &[("a", "1"), ("n", "name")]).unwrap();
    let Instruction::Env(pairs) = expanded.instruction else { panic!("an ENV") };
    let pairs: Vec<_> =
        pairs.iter().map(|pair| (pair.name.text.as_str(), pair.value.text.as_str())).collect();
    assert_eq!(pairs, [("a", "2"), ("b", "1"), ("name", "c  d"), ("e", "f g")]);
}

#[test]
fn what_has_no_value_is_told_for_each_word_that_names_it() {
    let expanded = expand("ENV a=$x b=$x$y", &[]).unwrap();
    assert_eq!(texts(&expanded.undefined), ["x", "x", "y"]);
    assert_eq!(expanded.undefined[0].span, crate::span::Span::new(13..15));
}

#[test]
fn the_old_form_of_a_pair_keeps_its_blanks() {
    let Instruction::Label(pairs) = instruction("LABEL a  b \"c\"  d") else { panic!("a LABEL") };
    assert_eq!((pairs[0].value.text.as_str(), pairs[0].is_legacy), ("b \"c\"  d", true));
}

#[test]
fn commands_are_never_expanded() {
    for text in [
        "RUN a $v",
        "CMD $v",
        "ENTRYPOINT [\"$v\"]",
        "SHELL [\"$v\"]",
        "HEALTHCHECK CMD $v",
        "ONBUILD RUN $v",
    ] {
        assert_eq!(expand(text, &[("v", "x")]).unwrap().instruction, instruction(text), "{text}");
    }
}

#[test]
fn a_command_is_a_program_or_a_line_for_the_shell() {
    let arguments = |text: &str| match instruction(text) {
        Instruction::Cmd(command) => command.arguments(&["/bin/sh".into(), "-c".into()]),
        other => panic!("{other:?}"),
    };
    assert_eq!(arguments("CMD [\"a\", \"b c\"]"), ["a", "b c"]);
    assert_eq!(arguments("CMD a  'b'"), ["/bin/sh", "-c", "a  'b'"]);
    assert_eq!(arguments("CMD ['a']"), ["/bin/sh", "-c", "['a']"]);
    assert_eq!(arguments("CMD"), ["/bin/sh", "-c", ""]);
    assert_eq!(arguments("CMD []"), [""; 0]);
}

#[test]
fn the_fields_of_a_mount_are_expanded_and_checked() {
    let run = run(
        "RUN --mount=type=$t,target=/$v,sharing=locked,mode=0700,uid=1,id=$v --mount=source=a,dst=b,rw true",
    );
    let [cache, bind] = run.mounts.as_slice() else { panic!("two mounts") };
    assert_eq!((cache.kind, cache.target.as_str(), cache.read_only), (MountKind::Cache, "/x", false));
    assert_eq!(
        (cache.sharing, cache.mode, cache.uid, cache.gid),
        (Some(Sharing::Locked), Some(0o700), Some(1), None)
    );
    assert_eq!((cache.id.as_deref(), bind.kind, bind.read_only), (Some("x"), MountKind::Bind, false));
    assert_eq!((bind.source.as_str(), bind.target.as_str()), ("a", "b"));
}

#[test]
fn a_mount_is_read_only_unless_it_is_a_cache_or_a_tmpfs_or_says_so() {
    let read_only = |fields: &str| run(&format!("RUN --mount={fields} true")).mounts[0].read_only;
    assert!(read_only("target=/x") && read_only("type=secret,id=a") && read_only("type=ssh"));
    assert!(!read_only("type=cache,target=/x") && !read_only("type=tmpfs,target=/x"));
    assert!(read_only("type=cache,target=/x,ro") && !read_only("target=/x,ro=false"));
}

#[test]
fn sizes_of_a_tmpfs_have_units_of_1024() {
    let size =
        |size: &str| run(&format!("RUN --mount=type=tmpfs,target=/x,size={size} a")).mounts[0].size_bytes;
    assert_eq!(
        (size("64m"), size("1.5KiB"), size("100"), size("7b")),
        (Some(64 << 20), Some(1536), Some(100), Some(7))
    );
    for wrong in ["x", "64x", "1mib2", "-1", "64ibb"] {
        assert!(
            refused(&format!("RUN --mount=type=tmpfs,size={wrong} a")).contains("invalid value for size"),
            "{wrong}"
        );
    }
}

#[test]
fn what_a_mount_cannot_be_is_refused() {
    let cases = [
        ("type=foo", "unsupported mount type \"foo\""),
        ("tagret=/x", "unexpected key 'tagret' in 'tagret=/x' (did you mean target?)"),
        ("target", "invalid field 'target' must be a key=value pair"),
        ("required,type=secret,id=a", "unexpected key 'required' for mount type 'bind'"),
        ("type=cache,target=/x,size=1m", "unexpected key 'size' for mount type 'cache'"),
        ("type=cache,sharing=locke", "unsupported sharing value \"locke\" (did you mean locked?)"),
        ("target=/x,mode=755", "mode not allowed for \"bind\" type mounts"),
        ("target=/x,sharing=shared", "invalid cache sharing set for bind mount"),
        ("type=secret", "invalid secret mount. one of source, target required"),
        ("type=secret,id=a,src=b", "both source and id can't be set"),
        ("type=secret,id=a,from=b", "secret mount should not have a from"),
        ("type=ssh,uid=+1", "invalid value +1 for uid"),
        ("ro=maybe,target=/x", "invalid value for ro: maybe"),
        ("from=$v,target=/x", "'from' doesn't support variable expansion, define alias stage instead"),
        ("a\\\"b", "invalid mount \"a\\\"b\": a quote stands in a field that does not begin with one"),
    ];
    for (fields, message) in cases {
        assert_eq!(refused(&format!("RUN --mount={fields} true")), message, "{fields}");
    }
}

#[test]
fn the_network_the_security_and_devices_of_a_run() {
    let run = run("RUN --network=none --security=insecure true");
    assert_eq!((run.network, run.security), (Network::None, Security::Insecure));
    assert_eq!(refused("RUN --network=x true"), "invalid network mode \"x\"");
    assert_eq!(refused("RUN --security=x true"), "security \"x\" is not valid");
    assert!(refused("RUN --device=x true").contains("--device is not supported"));
}

#[test]
fn a_run_comes_to_a_program_a_text_or_a_file() {
    let script = |text: &str| run(text).script();
    assert_eq!(script("RUN [\"a\", \"b\"]"), Script::Exec(vec!["a".into(), "b".into()]));
    assert_eq!(script("RUN a b"), Script::Shell("a b".into()));
    assert_eq!(script("RUN <<-A\n\tx\n\tA\n"), Script::Shell("x\n".into()));
    assert_eq!(script("RUN <<A python\nx\nA\n"), Script::Shell("<<A python\nx\nA".into()));
    assert_eq!(
        script("RUN cat <<A <<-B\nx\nA\n\ty\nB\n"),
        Script::Shell("cat <<A <<-B\nx\nA\n\ty\nB".into())
    );
    let file = Script::File { name: "A".into(), content: "#!/bin/x\ny\n".into() };
    assert_eq!(script("RUN <<A\n#!/bin/x\ny\nA\n"), file);
}

#[test]
fn a_health_check_has_times_and_retries() {
    let text = "HEALTHCHECK --interval=1m30s --timeout=3s --start-period=0s --retries=4 cmd a";
    let Instruction::Healthcheck(Healthcheck::Command { interval, timeout, start_period, retries, .. }) =
        instruction(text)
    else {
        panic!("a command")
    };
    assert_eq!((interval, timeout), (Some(Duration::from_secs(90)), Some(Duration::from_secs(3))));
    assert_eq!((start_period, retries), (None, 4));
    assert_eq!(instruction("HEALTHCHECK none"), Instruction::Healthcheck(Healthcheck::None));
    assert!(refused("HEALTHCHECK NONE a").contains("takes no arguments"));
    assert!(refused("HEALTHCHECK CMD").contains("Missing command"));
    assert!(refused("HEALTHCHECK --retries=x CMD a").contains("invalid number"));
}

#[test]
fn ports_are_sorted_expanded_and_split() {
    let Instruction::Expose(expose) =
        expand("EXPOSE $p 22 1${q:-0}", &[("p", "80 81/UDP")]).unwrap().instruction
    else {
        panic!("an EXPOSE")
    };
    let ports: Vec<String> = expose.ports().unwrap().iter().map(Port::to_string).collect();
    assert_eq!(ports, ["80/tcp", "81/udp", "10/tcp", "22/tcp"]);
    assert!(refused("EXPOSE $v").contains("invalid port \"x\""));
}

#[test]
fn a_trigger_keeps_its_text_and_its_heredocs() {
    let text = "onbuild  COPY \\\n  <<A <<-B /x \nz\nA\n\ty\nB\n";
    let Instruction::Onbuild(onbuild) = instruction(text) else { panic!("an ONBUILD") };
    assert_eq!(onbuild.expression, "COPY   <<A <<-B /x \nz\nA\n\ty\nB");
    assert_eq!(Step::of_trigger(&onbuild.expression).unwrap().instruction.keyword(), Keyword::Copy);
    let Instruction::Copy(copy) = *onbuild.trigger else { panic!("a COPY") };
    assert_eq!(copy.sources.documents[1].content, "y\n");
}

#[test]
fn a_trigger_that_is_wrong_is_refused_where_it_is_written() {
    assert!(refused("ONBUILD FROM a").contains("FROM isn't allowed as an ONBUILD trigger"));
    assert!(refused("ONBUILD ONBUILD RUN a").contains("Chaining ONBUILD"));
    assert!(refused("ONBUILD FOO a").contains("unknown instruction: FOO"));
    assert!(refused("ONBUILD COPY a").contains("requires at least two arguments"));
}

#[test]
fn what_an_instruction_is_left_without_is_said() {
    for keyword in ["ENV", "LABEL", "ARG", "ONBUILD", "HEALTHCHECK", "EXPOSE", "VOLUME", "SHELL"] {
        assert_eq!(refused(keyword), format!("{keyword} requires at least one argument"));
    }
    for keyword in ["MAINTAINER", "WORKDIR", "USER", "STOPSIGNAL"] {
        assert_eq!(refused(keyword), format!("{keyword} requires exactly one argument"));
    }
    assert_eq!(refused("ENV =a"), "ENV names can not be blank");
    assert_eq!(refused("ARG =a"), "ARG names can not be blank");
    assert_eq!(refused("VOLUME [\" \"]"), "VOLUME specified can not be an empty string");
    assert_eq!(refused("VOLUME $none"), "VOLUME specified can not be an empty string");
    assert_eq!(refused("STOPSIGNAL $v"), "invalid signal: x");
    assert_eq!(refused("ARG --x a"), "unknown flag: --x");
}
