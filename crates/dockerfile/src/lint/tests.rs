//! The rules; tests/peers compares them with BuildKit's own.

use super::*;

const AMD64: fn() -> PlatformArgs =
    || PlatformArgs { os: "linux".into(), architecture: "amd64".into(), ..PlatformArgs::default() };

fn lint_with(text: &str, ignore: Option<&Ignore>, base: &dyn Fn(&str) -> Option<BaseImage>) -> Lint {
    let (args, amd64) = (BuildArgs::from([("given".into(), "1".into())]), AMD64());
    let input = LintInput {
        build_args: &args,
        build_platform: &amd64,
        target_platform: &amd64,
        target: "",
        ignore,
        base,
    };
    Dockerfile::parse(text).unwrap().lint(&input)
}

fn lint(text: &str) -> Vec<String> {
    let lint = lint_with(text, None, &|_| None);
    assert_eq!(lint.error, None);
    lint.warnings.iter().map(|warning| format!("{} {}", warning.lines.start(), warning.rule.name)).collect()
}

#[test]
fn each_rule_finds_what_it_is_about() {
    let cases = [
        ("FROM scratch AS Foo", "1 StageNameCasing"),
        ("FROM scratch as foo", "1 FromAsCasing"),
        ("FROM scratch\nRUN a \\\n\n b", "4 NoEmptyContinuation"),
        ("FROM scratch\nrun a", "2 ConsistentInstructionCasing"),
        ("FROM scratch AS a\nFROM scratch AS a", "2 DuplicateStageName"),
        ("FROM scratch AS scratch", "1 ReservedStageName"),
        ("FROM scratch\nCMD a", "2 JSONArgsRecommended"),
        ("FROM scratch\nMAINTAINER a", "2 MaintainerDeprecated"),
        ("FROM ${x:-scratch}", "1 UndefinedArgInFrom"),
        ("FROM scratch\nWORKDIR a\nWORKDIR b", "2 WorkdirRelativePath"),
        ("FROM scratch\nUSER $x", "2 UndefinedVar"),
        ("FROM scratch\nCMD [\"a\"]\nCMD [\"b\"]", "2 MultipleInstructionsDisallowed"),
        ("FROM scratch\nENV a b", "2 LegacyKeyValueFormat"),
        ("FROM --platform=$TARGETPLATFORM scratch", "1 RedundantTargetPlatform"),
        ("FROM scratch\nARG a_TOKEN", "2 SecretsUsedInArgOrEnv"),
        ("ARG given\nFROM a$given", ""),
        ("ARG given\nFROM $given", "2 InvalidDefaultArgInFrom"),
        ("FROM --platform=linux/arm64 scratch AS b", "1 FromPlatformFlagConstDisallowed"),
        ("FROM scratch\nEXPOSE 80/TCP", "2 ExposeProtoCasing"),
        ("FROM scratch\nEXPOSE 1:80", "2 ExposeInvalidFormat"),
    ];
    for (text, expected) in cases {
        assert_eq!(lint(text).join(", "), expected, "{text}");
    }
}

#[test]
fn a_warning_marks_its_place_and_names_its_page() {
    let text = "FROM scratch\nENV version=1\nENV x=1 \\\n  y=$vesion\n";
    let warning = lint_with(text, None, &|_| None).warnings.remove(0);
    let shown = warning.diagnostic().render_as("warning", "Dockerfile", text.as_bytes());
    assert!(
        shown.contains(
            "warning: UndefinedVar: Usage of undefined variable '$vesion' (did you mean $version?)"
        )
    );
    assert!(shown.contains("--> Dockerfile:4:5\n  |\n4 |   y=$vesion\n  |     ^^^^^^^\n"), "{shown}");
    assert!(shown.contains("hint: https://docs.docker.com/go/dockerfile/rule/undefined-var/"), "{shown}");
}

#[test]
fn rules_are_skipped_for_the_file_or_for_one_instruction() {
    assert_eq!(lint("# check=skip=JSONArgsRecommended,FromAsCasing\nFROM scratch as a\nCMD a"), [""; 0]);
    assert_eq!(
        lint("FROM scratch\n# check=skip=all why not\nARG TOKEN\nARG KEY"),
        ["4 SecretsUsedInArgOrEnv"]
    );
    assert_eq!(lint("FROM scratch\n  # check=skip=all\nCMD a"), ["3 JSONArgsRecommended"]);
}

#[test]
fn an_experimental_rule_is_applied_only_if_asked_for() {
    let text = "# about a\nFROM scratch AS b\n# x\nARG c d\n";
    assert_eq!(lint(text), [""; 0]);
    let asked = format!("# check=skip=all;experimental=InvalidDefinitionDescription\n{text}");
    assert_eq!(lint(&asked), ["3 InvalidDefinitionDescription", "5 InvalidDefinitionDescription"]);
}

#[test]
fn warnings_fail_the_build_if_the_directive_says_so() {
    let fails = |text: &str| lint_with(text, None, &|_| None).fails;
    assert!(fails("# check=error=true\nFROM scratch\nCMD a"));
    assert!(!fails("# check=error=true\nFROM scratch\nCMD [\"a\"]") && !fails("FROM scratch\nCMD a"));
    assert!(lint_with("# check=foo\nFROM a", None, &|_| None).error.is_some());
}

#[test]
fn what_a_base_image_has_is_taken_into_account() {
    let base = |name: &str| {
        let platform = PlatformArgs { architecture: "arm64".into(), ..AMD64() };
        let environment = vec![("known".into(), "1".into())];
        let triggers = vec!["USER $trigger".into()];
        (name == "a").then_some(BaseImage { environment, has_shell: true, triggers, platform })
    };
    let found = |text: &str| -> Vec<String> {
        let warnings = lint_with(text, None, &base).warnings;
        warnings.into_iter().map(|w| format!("{} {}", w.lines.start(), w.message)).collect()
    };
    let expected = [
        "1 Base image a was pulled with platform \"linux/arm64\", expected \"linux/amd64\" for current build",
        "1 Usage of undefined variable '$trigger'",
        "3 Usage of undefined variable '$other'",
    ];
    assert_eq!(found("FROM a\nUSER $known\nUSER $other\nCMD x"), expected);
    // nothing is known of b: its environment may have it
    assert_eq!(found("FROM b\nUSER $other"), [""; 0]);
}

#[test]
fn a_source_that_the_ignore_file_takes_away_is_told() {
    let found = |rules: &str, source: &str| {
        let ignore = Ignore::parse(rules.as_bytes()).unwrap();
        let text = format!("FROM scratch AS a\nCOPY {source} /\nADD {source} /\nCOPY --from=a {source} /\n");
        let text = text.replace("AS a\n", "AS a\nFROM scratch\n");
        let warnings = lint_with(&text, Some(&ignore), &|_| None).warnings;
        warnings.into_iter().map(|w| w.message).collect::<Vec<String>>()
    };
    let told = |verb: &str, file: &str| {
        format!("Attempting to {verb} file {file:?} that is excluded by .dockerignore")
    };
    assert_eq!(found("b\n", "./b/c"), [told("Copy", "b/c"), told("Add", "b/c")]);
    assert_eq!(found("b\n!b/c\n", "b/c"), [""; 0]);
    assert_eq!(found("*\n", "."), [told("Copy", "."), told("Add", ".")]);
    assert_eq!(found(".*\n", "."), [""; 0]);
}

#[test]
fn an_error_ends_the_rules_and_keeps_what_they_found() {
    let lint = lint_with("FROM scratch as a\nCOPY --from=7 a /\n", None, &|_| None);
    assert_eq!(lint.warnings.len(), 1);
    assert_eq!(lint.error.unwrap().message, "invalid stage index 7");
}

#[test]
fn every_rule_has_a_page_but_the_one_that_buildkit_gives_none() {
    assert_eq!(RULES.len(), 22);
    let without: Vec<&str> = RULES.iter().filter(|rule| rule.url.is_empty()).map(|rule| rule.name).collect();
    assert_eq!(without, ["InvalidBaseImagePlatform"]);
}

#[test]
fn a_thousand_findings_in_one_instruction_take_no_longer_than_their_number_says() {
    let text = format!(
        "# check=skip={}\nFROM scratch\n# check=skip={}\nENV ",
        "x,".repeat(99_999),
        "y,".repeat(99_999)
    ) + &(0..100_000).map(|n| format!("a{n}_KEY=$b{n} ")).collect::<String>();
    assert_eq!(lint_with(&text, None, &|_| None).warnings.len(), WARNING_LIMIT);
}

#[test]
fn many_stages_on_a_large_one_take_neither_much_time_nor_much_memory() {
    let text = "FROM scratch AS a\n".to_owned()
        + &(0..20_000).map(|n| format!("ENV v{n}=x\n")).collect::<String>()
        + &"FROM a\nARG y\nUSER $nope\n".repeat(900);
    assert_eq!(lint_with(&text, None, &|_| None).warnings.len(), 900);
}

#[test]
fn build_arguments_that_nothing_declares_are_named() {
    let args = ["GLOBAL", "OWN", "TRIGGER", "http_proxy", "TARGETARCH", "SOURCE_DATE_EPOCH", "NOPE", "Own"];
    let (args, amd64) = (args.map(|name| (name.to_owned(), "1".to_owned())).into(), AMD64());
    let base = BaseImage { triggers: vec!["ARG TRIGGER".into()], ..BaseImage::default() };
    let input = LintInput {
        build_args: &args,
        build_platform: &amd64,
        target_platform: &amd64,
        target: "",
        ignore: None,
        base: &|_| Some(base.clone()),
    };
    let lint = Dockerfile::parse("ARG GLOBAL\nFROM a\nARG OWN").unwrap().lint(&input);
    assert_eq!(lint.unused_args, ["NOPE", "Own"]);
}
