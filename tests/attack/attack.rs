//! The programs of the corpus, and what they report.

use std::path::PathBuf;

use serde_json::Value;
use test_support::{Command, Dir, tool, workspace};

/// The corpus, where it is.
pub(crate) struct Attack {
    path: PathBuf,
    tools: PathBuf,
}

/// What became of one case.
pub(crate) struct Verdict {
    pub(crate) case: String,
    /// `as expected`, `not applicable` where none of its verbs has a tool, or what went wrong.
    pub(crate) result: String,
    pub(crate) complaints: Vec<String>,
}

impl Attack {
    /// # Errors
    /// What is missing.
    pub(crate) fn find() -> Result<Attack, String> {
        Attack::with(&["python3"])
    }

    /// The same, with these programs.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn with(programs: &[&str]) -> Result<Attack, String> {
        let path = workspace().parent().map(|parent| parent.join("shared/attack")).unwrap_or_default();
        if !path.join("check.py").is_file() {
            return Err("../shared/attack".to_owned());
        }
        let is_missing = |program: &&&str| {
            let find = Command::new("/bin/sh").args(["-c", "command -v \"$0\"", program]);
            find.run().code() != Some(0)
        };
        if let Some(missing) = programs.iter().find(is_missing) {
            return Err((*missing).to_owned());
        }
        let tools = tool("oci-import").parent().expect("a tool lies in a directory").to_owned();
        Ok(Attack { path, tools })
    }

    /// Is the tool built?
    pub(crate) fn has(&self, tool: &str) -> bool {
        self.tools.join(tool).is_file()
    }

    /// One of the corpus's programs.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new("python3").arg(self.path.join(name))
    }

    /// `run.py` without these verbs.
    pub(crate) fn run(&self, left_out: &[&str]) -> Command {
        let run = workspace().join("tests/attack/run.py");
        Command::new("python3").arg(run).arg(&self.path).arg(&self.tools).arg(left_out.join(","))
    }

    /// Runs `check`, which is a [`Attack::run`], to its end.
    pub(crate) fn verdicts(dir: &Dir, check: Command) -> Vec<Verdict> {
        let report = dir.join("report.json");
        let outcome = check.arg("--json").arg(&report).run();
        let text = std::fs::read(&report).unwrap_or_else(|e| panic!("no report: {e}\n{outcome}"));
        let list: Vec<Value> = serde_json::from_slice(&text).expect("a list");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let complaints =
            |case: &Value| case["complaints"].as_array().into_iter().flatten().map(text).collect();
        list.iter()
            .map(|case| Verdict {
                case: text(&case["case"]),
                result: text(&case["result"]),
                complaints: complaints(case),
            })
            .collect()
    }
}

/// Fails with the cases that did not end as they should.
#[track_caller]
pub(crate) fn all_as_expected(verdicts: &[Verdict]) {
    let wrong =
        verdicts.iter().filter(|verdict| !["as expected", "not applicable"].contains(&&*verdict.result));
    let lines: Vec<String> =
        wrong.map(|verdict| format!("  {}: {}", verdict.case, verdict.complaints.join(" | "))).collect();
    assert!(lines.is_empty(), "{} of {}:\n{}", lines.len(), verdicts.len(), lines.join("\n"));
}
