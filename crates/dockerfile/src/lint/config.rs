//! Options of the linter: `skip=Rule,Rule;error=true`.

use std::collections::BTreeSet;

use super::{RULES, Rule};

/// Which rules are applied, and what follows from a finding.
///
/// <https://docs.docker.com/reference/dockerfile/#check>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintConfig {
    skip: Rules,
    experimental: Rules,
    /// A finding fails the build.
    pub error: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rules {
    all: bool,
    /// Names that are none are left out.
    names: BTreeSet<&'static str>,
}

impl LintConfig {
    /// Reads `skip=…`, `experimental=…` and `error=…` between semicolons.
    ///
    /// # Errors
    /// What is no option.
    pub fn parse(text: &str) -> Result<LintConfig, String> {
        let mut config = LintConfig::default();
        let text = text.trim();
        if text.is_empty() {
            return Ok(config);
        }
        for option in text.splitn(3, ';') {
            let Some((key, value)) = option.split_once('=') else {
                return Err(format!("invalid check option {option:?}"));
            };
            match (key.trim(), value.trim()) {
                ("skip", rules) => config.skip = Rules::parse(rules),
                ("experimental", rules) => config.experimental = Rules::parse(rules),
                ("error", "1" | "t" | "T" | "true" | "TRUE" | "True") => config.error = true,
                ("error", "0" | "f" | "F" | "false" | "FALSE" | "False") => config.error = false,
                ("error", _) => return Err(format!("{option:?} is neither true nor false")),
                (key, _) => return Err(format!("invalid check option {key:?}")),
            }
        }
        Ok(config)
    }

    /// Whether a finding of `rule` is told, where `own` are the options of the instruction.
    pub(super) fn reports(&self, own: &LintConfig, rule: &Rule) -> bool {
        let both = [self, own];
        if rule.is_experimental {
            both.into_iter().any(|config| config.experimental.has(rule.name))
        } else {
            !both.into_iter().any(|config| config.skip.has(rule.name))
        }
    }
}

impl Rules {
    fn parse(text: &str) -> Rules {
        let known = |name: &str| RULES.iter().map(|rule| rule.name).find(|rule| *rule == name.trim());
        Rules { all: text == "all", names: text.split(',').filter_map(known).collect() }
    }

    fn has(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }
}
