//! How stages are linked.

use super::*;
use crate::scope::{BuildArgs, PlatformArgs};
use crate::step::Step;

fn graph(text: &str) -> Result<Graph, Diagnostic> {
    let dockerfile = Dockerfile::parse(text).unwrap();
    let platform =
        PlatformArgs { os: "linux".into(), architecture: "amd64".into(), ..PlatformArgs::default() };
    let (none, expander) = (BuildArgs::new(), Expander::new('\\'));
    let mut globals = Scope::global(&platform, &platform, "", &none);
    for step in &dockerfile.global_args {
        globals.declare_global(&step.instruction, &none, &expander)?;
    }
    Graph::new(&dockerfile, &globals, &expander)
}

fn needed(text: &str, target: usize) -> Result<Vec<usize>, String> {
    graph(text).and_then(|graph| graph.needed(target)).map_err(|error| error.message)
}

#[test]
fn a_base_is_nothing_a_stage_or_an_image() {
    let text =
        "ARG i=debian:12\nFROM scratch AS a\nFROM a\nFROM $i AS a\nFROM --platform=$TARGETPLATFORM a\n";
    let graph = graph(text).unwrap();
    let bases: Vec<&Place> = graph.stages.iter().map(|stage| &stage.base).collect();
    let image = Place::Image("debian:12".into());
    assert_eq!(bases, [&Place::Scratch, &Place::Stage(0), &image, &Place::Stage(2)]);
    assert_eq!(graph.stages[3].platform.as_ref().unwrap().1.text, "linux/amd64");
}

#[test]
fn only_the_stages_that_the_target_needs_are_needed() {
    let text = "FROM a AS a\nFROM b AS b\nCOPY --from=a x /\nFROM c AS c\nFROM d\nCOPY --from=1 x /\nRUN --mount=from=C true\n";
    assert_eq!(needed(text, 3), Ok(vec![0, 1, 2, 3]));
    assert_eq!(needed(text, 1), Ok(vec![0, 1]));
    assert_eq!(needed(text, 2), Ok(vec![2]));
}

#[test]
fn triggers_of_a_stage_are_needs_of_the_stages_on_it() {
    let text = "FROM a AS src\nFROM b AS base\nONBUILD COPY --from=src x /\nFROM base\n";
    assert_eq!(needed(text, 2), Ok(vec![0, 1, 2]));
    assert_eq!(needed(text, 1), Ok(vec![1]));
}

#[test]
fn the_trigger_of_an_image_finds_the_stages_of_the_dockerfile() {
    let dockerfile = Dockerfile::parse("FROM a AS src\nFROM b\n").unwrap();
    let places = |trigger: &str| -> Vec<Place> {
        let needs = dockerfile.needs(&Step::of_trigger(trigger).unwrap().instruction).unwrap();
        needs.into_iter().map(|need| need.place).collect()
    };
    assert_eq!(places("COPY --from=SRC a /"), [Place::Stage(0)]);
    assert_eq!(places("COPY --from=1 a /"), [Place::Stage(1)]);
    let image = Place::Image("img".into());
    assert_eq!(places("RUN --mount=from=img,target=/x --mount=type=cache,target=/y true"), [image]);
    assert_eq!(places("COPY a /"), []);
}

#[test]
fn a_circle_is_refused_wherever_it_is() {
    let circles = [
        "FROM a AS a\nCOPY --from=a x /\nFROM b",
        "FROM a AS a\nCOPY --from=b x /\nFROM b AS b\nCOPY --from=a x /\n",
        "FROM x AS a\nCOPY --from=c x /\nFROM a AS b\nFROM b AS c\n",
    ];
    for text in circles {
        assert!(needed(text, 0).unwrap_err().contains("circular dependency"), "{text}");
    }
}

#[test]
fn a_stage_that_comes_later_is_refused_where_it_is_needed() {
    let text = "FROM a AS a\nFROM b\nCOPY --from=c x /\nFROM c AS c\nFROM a\n";
    assert!(needed(text, 1).unwrap_err().contains("needs to be defined before"));
    assert_eq!(needed(text, 3), Ok(vec![0, 3]));
}

#[test]
fn names_that_are_none_once_expanded_are_refused() {
    let cases = [
        ("FROM $x", "base name ($x) should not be blank"),
        ("FROM Debian", "failed to parse stage name \"Debian\""),
        ("FROM --platform=$x a", "empty platform value from expression $x"),
        ("FROM --platform=a/b/c/d a", "failed to parse platform a/b/c/d"),
        ("FROM a\nCOPY --from=3 a b", "invalid stage index 3"),
        ("FROM a\nCOPY --from=$x a b", "variable expansion is not supported for --from"),
        ("FROM ${x", "cannot expand ${x: missing '}'"),
    ];
    for (text, message) in cases {
        let error = needed(text, 0).unwrap_err();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn a_long_chain_of_stages_is_linked_without_recursion() {
    let chain: String = (1..1000).map(|n| format!("FROM s{} AS s{n}\n", n - 1)).collect();
    let text = "FROM a AS s0\n".to_owned() + &chain;
    assert_eq!(needed(&text, 999).unwrap().len(), 1000);
}

#[test]
fn triggers_cannot_be_multiplied_without_end() {
    let text = "FROM a AS base\n".to_owned() + &"ONBUILD RUN a\n".repeat(10_000) + &"FROM base\n".repeat(900);
    assert!(needed(&text, 0).unwrap_err().contains("too many ONBUILD triggers"));
}
