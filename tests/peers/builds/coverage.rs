//! How often the cases use each instruction, flag and form of a variable.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::case::Case;

/// Every instruction but RUN.
const INSTRUCTIONS: [&str; 17] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Each instruction's flags; of those with `$` the value may hold variables.
const FLAGS: [(&str, &[&str]); 4] = [
    ("FROM", &["platform", "platform=$"]),
    ("COPY", &["from", "chown", "chown=$", "chmod", "chmod=$", "link", "exclude", "exclude=$", "parents"]),
    (
        "ADD",
        &[
            "chown",
            "chown=$",
            "chmod",
            "chmod=$",
            "link",
            "exclude",
            "exclude=$",
            "checksum",
            "checksum=$",
            "keep-git-dir",
            "unpack",
        ],
    ),
    ("HEALTHCHECK", &["interval", "timeout", "start-period", "start-interval", "retries"]),
];

/// The forms of variables, each by what follows the name.
const FORMS: [&str; 12] = [
    "$v",
    "${v}",
    "${v:-w}",
    "${v-w}",
    "${v:+w}",
    "${v+w}",
    "${v#p}",
    "${v##p}",
    "${v%p}",
    "${v%%p}",
    "${v/p/r}",
    "${v//p/r}",
];

/// The instructions that expand variables.
const EXPANDS: [&str; 12] = [
    "ADD",
    "ARG",
    "COPY",
    "ENV",
    "EXPOSE",
    "FROM",
    "LABEL",
    "ONBUILD",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// How often each instruction stands there with each flag and form.
pub(crate) struct Coverage {
    instructions: BTreeMap<&'static str, usize>,
    flags: BTreeMap<(&'static str, &'static str), usize>,
    forms: BTreeMap<(&'static str, &'static str), usize>,
}

impl Coverage {
    pub(crate) fn of(cases: &[Case]) -> Coverage {
        let mut coverage =
            Coverage { instructions: BTreeMap::new(), flags: BTreeMap::new(), forms: BTreeMap::new() };
        for case in cases {
            for line in logical_lines(&case.dockerfile) {
                coverage.count(&line);
            }
        }
        coverage
    }

    fn count(&mut self, line: &str) {
        let word = line.split_whitespace().next().unwrap_or_default();
        let Some(instruction) = INSTRUCTIONS.into_iter().find(|name| name.eq_ignore_ascii_case(word)) else {
            return;
        };
        *self.instructions.entry(instruction).or_default() += 1;
        let (_, flags) = FLAGS.into_iter().find(|(name, _)| *name == instruction).unwrap_or(("", &[]));
        for word in line.split_whitespace().skip(1).take_while(|word| word.starts_with("--")) {
            let (name, value) = word[2..].split_once('=').unwrap_or((&word[2..], ""));
            let is_meant = |flag: &&&str| match flag.strip_suffix("=$") {
                Some(flag) => flag == name && value.contains('$'),
                None => **flag == name,
            };
            for flag in flags.iter().filter(is_meant) {
                *self.flags.entry((instruction, flag)).or_default() += 1;
            }
        }
        if EXPANDS.contains(&instruction) {
            for form in line.match_indices('$').filter_map(|(at, _)| form(&line[at + 1..])) {
                *self.forms.entry((instruction, form)).or_default() += 1;
            }
        }
    }

    /// A table for people.
    pub(crate) fn table(&self) -> String {
        let mut table = format!("{:<12}{:>6}", "", "lines");
        for form in FORMS {
            let _ = write!(table, "{form:>10}");
        }
        for instruction in INSTRUCTIONS {
            let lines = self.instructions.get(instruction).unwrap_or(&0);
            let _ = write!(table, "\n{instruction:<12}{lines:>6}");
            for form in FORMS {
                let count = self.forms.get(&(instruction, form)).map_or("-".to_owned(), usize::to_string);
                let _ = write!(table, "{count:>10}");
            }
        }
        for (instruction, flags) in FLAGS {
            let _ = write!(table, "\n{instruction:<12}");
            for flag in flags {
                let count = self.flags.get(&(instruction, *flag)).unwrap_or(&0);
                let _ = write!(table, " --{flag} {count}");
            }
        }
        table
    }

    /// What stands there less than twice.
    pub(crate) fn lacks(&self) -> Vec<String> {
        let instructions = INSTRUCTIONS.iter().filter(|name| self.instructions.get(**name) < Some(&2));
        let mut lacks: Vec<String> = instructions.map(|name| (*name).to_owned()).collect();
        for (instruction, flags) in FLAGS {
            let missing = flags.iter().filter(|flag| self.flags.get(&(instruction, **flag)) < Some(&2));
            lacks.extend(missing.map(|flag| format!("{instruction} --{flag}")));
        }
        for instruction in EXPANDS {
            let missing = FORMS.iter().filter(|form| self.forms.get(&(instruction, **form)) < Some(&2));
            lacks.extend(missing.map(|form| format!("{instruction} {form}")));
        }
        lacks
    }
}

/// The form of the variable whose `$` stands before `text`.
fn form(text: &str) -> Option<&'static str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let Some(braced) = text.strip_prefix('{') else { return text.starts_with(is_name).then_some(FORMS[0]) };
    let operator = braced.trim_start_matches(is_name);
    if operator.starts_with('}') {
        return Some(FORMS[1]);
    }
    let mut found = FORMS[2..].iter().filter(|form| operator.starts_with(operator_of(form)));
    // `##` also begins with `#`
    found.next_back().copied()
}

/// What stands between the name and the word of a form: `:-`, `##`, `//`.
fn operator_of(form: &str) -> &str {
    form[3..].trim_end_matches('}').trim_end_matches("p/r").trim_end_matches(['w', 'p'])
}

/// The lines of a Dockerfile with their continuations, without what heredocs hold.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut ends: Vec<String> = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        if let Some(end) = ends.first() {
            if line.trim_start_matches('\t') == end {
                ends.remove(0);
            }
            continue;
        }
        match line.trim_end().strip_suffix(['\\', '`']) {
            Some(part) => open.push_str(part),
            None => {
                open.push_str(line);
                let heredocs = open.split_whitespace().filter_map(|word| word.strip_prefix("<<"));
                let end = |word: &str| word.trim_start_matches('-').trim_matches(['"', '\'']).to_owned();
                ends.extend(heredocs.map(end));
                lines.push(std::mem::take(&mut open));
            }
        }
    }
    lines
}
