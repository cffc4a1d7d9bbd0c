//! Findings as docker prints them.

use super::{Lint, Warning};
use std::fmt::Write as _;

/// Lines that are shown around a finding of several lines; around one of a single line it is twice as many.
const AROUND: usize = 2;

impl Lint {
    /// What `docker build --check` prints of a Dockerfile called `name`: how many there are, then each with its lines.
    pub fn report(&self, name: &str, text: &[u8]) -> String {
        let text = String::from_utf8_lossy(text);
        let lines: Vec<&str> = text.split('\n').collect();
        let mut report = match self.warnings.len() {
            0 => return "Check complete, no warnings found.\n".to_owned(),
            1 => "Check complete, 1 warning has been found!\n".to_owned(),
            count => format!("Check complete, {count} warnings have been found!\n"),
        };
        let mut warnings: Vec<&Warning> = self.warnings.iter().collect();
        warnings.sort_by_key(|warning| *warning.lines.start());
        for warning in warnings {
            let url = if warning.rule.url.is_empty() { "" } else { " - " };
            let _ = write!(
                report,
                "\nWARNING: {}{url}{}\n{}\n",
                warning.rule.name, warning.rule.url, warning.message
            );
            report.push_str(&source(name, &lines, warning));
        }
        report
    }
}

/// The lines of a finding, marked, and some around them: BuildKit's `errdefs.Source`.
fn source(name: &str, lines: &[&str], warning: &Warning) -> String {
    let (mut start, mut end) = (*warning.lines.start(), (*warning.lines.end()).min(lines.len()));
    if start == 0 || start > lines.len() {
        return String::new();
    }
    let mut shown = format!("{name}:{start}\n--------------------\n");
    let around = if start == end { 2 * AROUND } else { AROUND };
    let mut added = 0;
    while added < around {
        if start > 1 {
            start -= 1;
            added += 1;
        }
        if end != lines.len() {
            end += 1;
            added += 1;
        }
        added += 1;
    }
    for number in start..=end {
        let mark = if warning.lines.contains(&number) { ">>>" } else { "   " };
        let _ = writeln!(shown, " {number:3} | {mark} {}", lines[number - 1]);
    }
    shown.push_str("--------------------\n");
    shown
}

#[cfg(test)]
mod tests {
    use crate::{BuildArgs, Dockerfile, LintInput, PlatformArgs};

    #[test]
    fn findings_are_shown_with_their_lines_as_docker_shows_them() {
        let text = "FROM scratch\nMAINTAINER me\nCOPY a /\n";
        let (platform, args) =
            (PlatformArgs { os: "linux".into(), ..PlatformArgs::default() }, BuildArgs::new());
        let input = LintInput {
            build_args: &args,
            build_platform: &platform,
            target_platform: &platform,
            target: "",
            ignore: None,
            base: &|_| None,
        };
        let report = Dockerfile::parse(text).unwrap().lint(&input).report("Dockerfile", text.as_bytes());
        let expected = "Check complete, 1 warning has been found!\n\
            \nWARNING: MaintainerDeprecated - https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/\n\
            Maintainer instruction is deprecated in favor of using label\n\
            Dockerfile:2\n--------------------\n   1 |     FROM scratch\n   2 | >>> MAINTAINER me\n   3 |     COPY a /\n\
            \x20  4 |     \n--------------------\n";
        assert_eq!(report, expected);
        let clean = Dockerfile::parse("FROM scratch\n").unwrap().lint(&input);
        assert_eq!(clean.report("Dockerfile", b""), "Check complete, no warnings found.\n");
    }
}
