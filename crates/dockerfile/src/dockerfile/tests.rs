//! Reading Dockerfiles as a whole: lines, positions, errors, limits.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::instruction::CommandLine;
use crate::keyword::Keyword;

fn parse(text: &str) -> Dockerfile {
    Dockerfile::parse(text).unwrap_or_else(|error| panic!("{}", error.render("Dockerfile", text)))
}

#[track_caller]
fn error(text: &str) -> String {
    Dockerfile::parse(text).expect_err("it is refused").render("Dockerfile", text)
}

fn shell(step: &Step) -> &str {
    match &step.instruction {
        Instruction::Run(run) => match &run.command {
            CommandLine::Shell(line) => &line.text,
            CommandLine::Exec(_) => panic!("a JSON form"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn stages_and_global_arguments_are_told_apart() {
    let dockerfile = parse("ARG v=1\nFROM debian:$v AS base\nRUN a\nfrom BASE\nUSER b\n");
    assert_eq!(dockerfile.global_args.len(), 1);
    let names: Vec<_> = dockerfile.stages.iter().map(|stage| (stage.label(), stage.steps.len())).collect();
    assert_eq!(names, [("base".into(), 1), ("stage-1".into(), 1)]);
    assert_eq!(dockerfile.stage("BASE").unwrap().index, 0);
    assert_eq!(dockerfile.stage("1").unwrap().index, 1);
    assert_eq!(dockerfile.stage("2"), None);
}

#[test]
fn directives_come_first_and_a_byte_order_mark_does_not_count() {
    let text = "\u{feff}# syntax=docker/dockerfile:1\n# escape=`\n# check=skip=all x\nFROM a\nRUN dir C:\\ `\n  /s\n";
    let dockerfile = parse(text);
    assert_eq!(dockerfile.directives.escape, '`');
    assert_eq!(dockerfile.directives.syntax.as_deref(), Some("docker/dockerfile:1"));
    let check = dockerfile.directives.check.unwrap();
    assert_eq!((check.text.as_str(), &text[check.span.start..check.span.end]), ("skip=all", "skip=all"));
    assert_eq!(shell(&dockerfile.stages[0].steps[0]), "dir C:\\   /s");
    assert!(
        error("# escape=x\nFROM a").contains("1:10\n  |\n1 | # escape=x\n  |          ^ expected ` or \\")
    );
}

#[test]
fn continuation_lines_hold_comments_and_empty_lines() {
    let dockerfile = parse("FROM a\r\nRUN a \\\r\n  # comment \\\r\n\r\n  && b \\ \t\r\n && c\r\nUSER x\r\n");
    let steps = &dockerfile.stages[0].steps;
    assert_eq!(shell(&steps[0]), "a   && b  && c");
    assert_eq!((steps[0].lines.clone(), steps[1].lines.clone()), (2..=6, 7..=7));
    assert_eq!(dockerfile.empty_continuations.len(), 1);
    assert_eq!(shell(&parse("FROM a\nRUN b \\").stages[0].steps[0]), "b");
}

#[test]
fn a_place_is_found_through_continuation_lines() {
    let text = "FROM a\nCOPY --chown=1 \\\n  # comment\n  b \\\n\n  c /d\n";
    let dockerfile = parse(text);
    let step = &dockerfile.stages[0].steps[0];
    let Instruction::Copy(copy) = &step.instruction else { panic!("a COPY") };
    let at = |word: &crate::span::Word| &text[word.span.start..word.span.end];
    let words: Vec<&str> = copy.sources.paths.iter().map(at).collect();
    assert_eq!((words, at(&copy.sources.destination)), (vec!["b", "c"], "/d"));
    assert_eq!(at(copy.chown.as_ref().unwrap()), "1");
    assert_eq!(&text[step.span.start..step.span.end], text["FROM a\n".len()..].trim_end());
    assert_eq!(step.text, "COPY --chown=1   b   c /d");
}

#[test]
fn an_error_marks_its_place_in_a_continuation_line() {
    let shown = error("FROM a\nCOPY --link \\\n  # x\n  --chwon=1 \\\n  a b\n");
    assert!(
        shown.contains("--> Dockerfile:4:3\n  |\n4 |   --chwon=1 \\\n  |   ^^^^^^^^^ expected --from"),
        "{shown}"
    );
    assert!(shown.contains("= hint: did you mean --chown?"), "{shown}");
}

#[test]
fn heredocs_stand_below_their_instruction() {
    let text = "FROM a\nRUN cat <<A 3<<-'B' > x\na $b\nA\n\tc\n\tB\nUSER x\n";
    let dockerfile = parse(text);
    let steps = &dockerfile.stages[0].steps;
    let Instruction::Run(run) = &steps[0].instruction else { panic!("a RUN") };
    let [a, b] = run.heredocs.as_slice() else { panic!("two heredocs") };
    assert_eq!((a.name.as_str(), a.content.as_str(), a.expands), ("A", "a $b\n", true));
    assert_eq!((b.name.as_str(), b.text().as_str(), b.expands, b.descriptor), ("B", "c\n", false, 3));
    assert_eq!(&text[b.span.start..b.span.end], "\tc\n");
    assert_eq!((steps[0].lines.clone(), steps[1].name.text.as_str()), (2..=6, "USER"));
}

#[test]
fn a_heredoc_without_its_end_is_refused_at_its_name() {
    let shown = error("FROM a\nRUN <<EOF\nx\n");
    assert!(shown.contains("unterminated heredoc EOF\n --> Dockerfile:2:5"), "{shown}");
    assert!(shown.contains("expected a line \"EOF\" below it"), "{shown}");
}

#[test]
fn comments_above_an_instruction_belong_to_it() {
    let text = "# base is first\nFROM a AS base\n# gone\n#\n# port of it\n  # indented\nARG port\n";
    let dockerfile = parse(text);
    let stage = &dockerfile.stages[0];
    assert_eq!(stage.description(), Some("is first"));
    let comments: Vec<&str> = stage.steps[0].comments.iter().map(|comment| comment.text.as_str()).collect();
    assert_eq!(comments, ["port of it", "# indented"]);
    assert_eq!(stage.steps[0].description("port"), Some("of it"));
    let span = stage.steps[0].comments[0].span;
    assert_eq!(&text[span.start..span.end], "port of it");
}

#[test]
fn a_dockerfile_without_a_stage_says_what_is_missing() {
    assert!(error("").contains("the Dockerfile cannot be empty"));
    assert!(error("# a\n\n").contains("file with no instructions"));
    assert!(error("ARG a\n").contains("dockerfile contains no stages to build"));
    assert!(error("RUN a\nFROM b").contains("no build stage in current context"));
    assert!(error("FORM a").contains("did you mean FROM?"));
}

#[test]
fn bytes_that_are_not_utf_8_are_refused_at_their_line() {
    let bytes = b"FROM a\nRUN echo \xe4\n";
    let error = Dockerfile::parse_bytes(bytes).unwrap_err();
    assert_eq!((error.line(bytes), error.span), (2, Span::new(16..17)));
    assert!(error.render("Dockerfile", bytes).contains("2 | RUN echo \u{fffd}\n"), "{error:?}");
    assert!(Dockerfile::parse_bytes(b"FROM a").is_ok());
}

#[test]
fn a_trigger_is_one_instruction() {
    let keyword = |text: &str| Step::of_trigger(text).map(|step| step.instruction.keyword());
    assert_eq!(keyword("COPY <<A /\nx\nA"), Ok(Keyword::Copy));
    assert!(keyword("RUN a\nRUN b").is_err() && keyword("").is_err() && keyword("FROM a").is_err());
}

#[test]
fn ten_megabytes_and_a_hundred_thousand_instructions_are_read_in_bounded_time() {
    let long = [
        "FROM a\n".to_owned() + &"RUN echo a b c\n".repeat(INSTRUCTION_LIMIT - 1),
        "FROM a\nRUN ".to_owned() + &"x \\\n".repeat(2_000_000) + "y\n",
        "FROM a\nENV ".to_owned() + &"a=b ".repeat(1_000_000),
        "FROM a\nCOPY <<E /\n".to_owned() + &"line\n".repeat(2_000_000) + "E\n",
        "FROM a\nRUN ".to_owned() + &"<<A ".repeat(10_000) + "\n" + &"A\n".repeat(10_000),
        "FROM a\nCMD [".to_owned() + &"\"a\",".repeat(1_000_000) + "\"b\"]\n",
        "# ".to_owned() + &"c".repeat(10_000_000) + "\nFROM a\n",
        "FROM a\nCOPY ".to_owned() + &"--exclude=a ".repeat(300_000) + "a b\n",
    ];
    for text in long {
        let started = Instant::now();
        parse(&text);
        // a debug build on a busy machine: what is quadratic would take hours
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}: {}", started.elapsed(), &text[..20]);
    }
}

#[test]
fn above_the_limits_a_dockerfile_is_refused() {
    let many = "FROM a\n".to_owned() + &"RUN a\n".repeat(INSTRUCTION_LIMIT);
    assert!(error(&many).contains("more than 100000 instructions"));
    let code = "FROM a\nENV a=".to_owned() + &"x".repeat(crate::reader::CODE_LIMIT);
    assert!(error(&code).contains("have more than 4194304 bytes"));
    assert!(error(&"FROM a\n".repeat(STAGE_LIMIT + 1)).contains("more than 1000 stages"));
    let large = "FROM a\n#".to_owned() + &"x".repeat(TEXT_LIMIT);
    assert!(error(&large).contains("at most 16777216 are read"));
    assert!(error(&("ONBUILD ".repeat(400_000) + "RUN a")).contains("Chaining ONBUILD"));
}

/// All places in a Dockerfile, in the order in which they are read.
fn spans(dockerfile: &Dockerfile) -> Vec<Span> {
    let stages = dockerfile.stages.iter();
    stages.flat_map(|s| std::iter::once(s.from.span).chain(s.steps.iter().map(|step| step.span))).collect()
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_places_are_in_the_text_and_in_order(
        lines in prop::collection::vec(
            "(FROM a|RUN|COPY|ENV|ARG|LABEL|ONBUILD|HEALTHCHECK|EXPOSE|USER|#|SHELL)?( ?(--[a-z]{1,5}=?|<<-?[AB]|[a-c=$\"'\\[\\]{},\\\\é]{0,6}|A|B)){0,5}",
            0..12,
        )
    ) {
        let text = "FROM a\n".to_owned() + &lines.join("\n");
        match Dockerfile::parse(&text) {
            Ok(dockerfile) => {
                let spans = spans(&dockerfile);
                prop_assert!(spans.windows(2).all(|two| two[0].end <= two[1].start));
                prop_assert!(spans.iter().all(|span| text.get(span.start..span.end).is_some()));
            }
            Err(error) => {
                prop_assert!(error.span.end <= text.len());
                error.render("Dockerfile", &text);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        if let Err(error) = Dockerfile::parse_bytes(&bytes) {
            error.render("Dockerfile", &bytes);
        }
    }
}
