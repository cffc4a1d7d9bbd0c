//! `crates/dockerfile` and docker's BuildKit read the same Dockerfiles: both take one or both refuse it, and where both take
//! it they warn of the same, word for word and line for line.

use std::collections::BTreeMap;
use std::fs;

use dockerfile::{BaseImage, BuildArgs, Dockerfile, LintInput, PlatformArgs};
use serde_json::Value;
use test_support::{Scratch, need};

use crate::dockerfile_cases::CASES;

/// What we take otherwise, on purpose, or because the source that we follow is newer than docker's BuildKit.
const DIFFERENT: [(&str, &str); 9] = [
    ("env secret", "newer: a name with `file` in it is harmless"),
    ("env secret skipped", "newer: `# check=` above an instruction"),
    ("check comment", "newer: `# check=` above an instruction"),
    ("copy parents", "newer: `--parents` outside of the labs channel"),
    ("arg flag", "BuildKit overlooks flags of ARG, whatever they are"),
    ("stopsignal flag", "BuildKit overlooks flags of STOPSIGNAL, whatever they are"),
    ("healthcheck none flag", "BuildKit overlooks flags of HEALTHCHECK NONE, whatever they are"),
    ("onbuild unknown", "BuildKit finds a wrong trigger only in the build that runs it"),
    ("onbuild copy one argument", "BuildKit finds a wrong trigger only in the build that runs it"),
];

/// What a reader makes of a Dockerfile.
#[derive(Debug, PartialEq, Eq)]
enum Reading {
    Refused(String),
    /// Each warning as `line rule: message`, sorted.
    Taken(Vec<String>),
}

impl Reading {
    fn agrees(&self, other: &Reading) -> bool {
        match (self, other) {
            (Reading::Refused(_), Reading::Refused(_)) => true,
            (ours, theirs) => ours == theirs,
        }
    }
}

#[test]
fn buildkit_takes_what_we_take_and_warns_of_the_same() {
    let peers = need!("docker");
    let scratch = peers.scratch();
    let cases = cases();
    write(&scratch, &cases);
    let script = format!(
        "cd {} && ls | grep Dockerfile | xargs -P 3 -I F sh -c \
         'docker build --call=check,format=json -f F context >F.json 2>F.err || true'",
        scratch.inside("")
    );
    peers.exec(["sh", "-c", &script]).succeeds();
    let mut wrong = Vec::new();
    let mut refused = 0;
    for (number, (name, text)) in cases.iter().enumerate() {
        let (ours, theirs) = (ours(text), theirs(&scratch, number));
        refused += usize::from(matches!(theirs, Reading::Refused(_)));
        let is_known = DIFFERENT.iter().any(|(different, _)| different == name);
        if ours.agrees(&theirs) == is_known {
            wrong.push(format!("{name}\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    println!("{} Dockerfiles, {refused} refused by BuildKit", cases.len());
    assert!(cases.len() > 200 && refused > 60, "the cases are gone");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// All cases by name: those that are text, and those that need other bytes.
fn cases() -> Vec<(String, String)> {
    let mut cases: Vec<(String, String)> = Vec::new();
    for case in CASES.trim_start().split("=== ").skip(1) {
        let (name, text) = case.split_once('\n').expect("a name has its line");
        cases.push((name.to_owned(), text.to_owned()));
    }
    let bytes = [
        ("carriage returns", "FROM scratch\r\nCOPY a \\\r\n  /b\r\nCMD a\r\n"),
        ("carriage return in heredoc", "FROM scratch\r\nCOPY <<EOF /a\r\nx\r\nEOF\r\nUSER a\r\n"),
        ("byte order mark", "\u{feff}FROM scratch\nCMD a\n"),
        ("byte order mark and directive", "\u{feff}# escape=`\nFROM scratch\nENV a=\\$b\n"),
        ("shebang", "#!/usr/bin/env builder\n# check=skip=all\nFROM scratch\nCMD a\n"),
        ("no line end", "FROM scratch\nCMD a"),
        ("nothing", ""),
        ("blanks", " \n\t\n"),
        ("letters of other scripts", "FROM scratch\nENV ä=ö 日本=$日本\nCOPY ü /\n"),
    ];
    cases.extend(bytes.map(|(name, text)| (name.to_owned(), text.to_owned())));
    cases
}

fn write(scratch: &Scratch, cases: &[(String, String)]) {
    fs::create_dir(scratch.join("context")).expect("a directory");
    for (number, (_, text)) in cases.iter().enumerate() {
        fs::write(scratch.join(format!("{number}.Dockerfile")), text).expect("a file");
    }
}

fn theirs(scratch: &Scratch, number: usize) -> Reading {
    let read = |suffix: &str| {
        fs::read_to_string(scratch.join(format!("{number}.Dockerfile.{suffix}"))).expect("docker was asked")
    };
    let Ok(lint) = serde_json::from_str::<Value>(&read("json")) else { return Reading::Refused(read("err")) };
    if let Some(error) = lint.get("buildError") {
        return Reading::Refused(error["message"].to_string());
    }
    let warnings = lint["warnings"].as_array().cloned().unwrap_or_default();
    let mut warnings: Vec<String> = warnings
        .iter()
        .map(|warning| {
            let line = &warning["location"]["ranges"][0]["start"]["line"];
            let text = |key: &str| warning[key].as_str().unwrap_or_default().to_owned();
            format!("{line} {}: {}", text("ruleName"), text("detail"))
        })
        .collect();
    warnings.sort();
    Reading::Taken(warnings)
}

fn ours(text: &str) -> Reading {
    let amd64 = PlatformArgs { os: "linux".into(), architecture: "amd64".into(), ..PlatformArgs::default() };
    let none: &dyn Fn(&str) -> Option<BaseImage> = &|_| None;
    let build_args: BuildArgs = BTreeMap::new();
    let input = LintInput {
        build_args: &build_args,
        build_platform: &amd64,
        target_platform: &amd64,
        target: "",
        ignore: None,
        base: none,
    };
    let lint = match Dockerfile::parse(text) {
        Ok(dockerfile) => dockerfile.lint(&input),
        Err(error) => return Reading::Refused(error.render("Dockerfile", text)),
    };
    if let Some(error) = lint.error {
        return Reading::Refused(error.render("Dockerfile", text));
    }
    let shown = |warning: &dockerfile::Warning| {
        format!("{} {}: {}", warning.lines.start(), warning.rule.name, warning.message)
    };
    let mut warnings: Vec<String> = lint.warnings.iter().map(shown).collect();
    warnings.sort();
    Reading::Taken(warnings)
}
