//! What a config says that its history does not account for.

use crate::{Change, ConfigDifference, ExecConfig, ImageConfig, Raw};

/// What nothing in a history accounts for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unaccounted {
    /// The last of the triggers, `ONBUILD`: BuildKit writes no line for them.
    pub triggers: Vec<String>,
    /// All else; `before` is what the history makes.
    pub others: Vec<ConfigDifference>,
}

impl Unaccounted {
    /// What `config` says that `instructions`, lines of a Dockerfile, do not make of the config `below` them. Lines that
    /// edit no config are passed over.
    pub fn of<'a>(
        instructions: impl IntoIterator<Item = &'a str>,
        below: &ExecConfig,
        config: &ExecConfig,
    ) -> Unaccounted {
        let changes: Vec<Change> = instructions.into_iter().filter_map(|line| line.parse().ok()).collect();
        // triggers are used up by what is built on them
        // and that a command is the shell's is docker's own note of how CMD was written
        let mut made = ExecConfig { on_build: None, args_escaped: config.args_escaped, ..below.clone() };
        Change::apply_all(&changes, &mut made);
        let known = made.on_build.take().map_or(0, |triggers| triggers.len());
        let triggers = config.on_build.iter().flatten().skip(known).cloned().collect();
        let config = ExecConfig { on_build: None, ..config.clone() };
        Unaccounted { triggers, others: ConfigDifference::between(&with(made), &with(config), false) }
    }
}

fn with(exec: ExecConfig) -> Raw<ImageConfig> {
    Raw::write(ImageConfig { config: Some(exec), ..ImageConfig::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lines_make_is_accounted_for_and_the_rest_is_named() {
        let below = ExecConfig { env: Some(vec!["A=1".to_owned()]), ..ExecConfig::default() };
        let config = ExecConfig {
            env: Some(["A=1", "B=2", "C=3"].map(str::to_owned).into()),
            cmd: Some(vec!["x".to_owned()]),
            on_build: Some(["RUN a", "RUN b"].map(str::to_owned).into()),
            args_escaped: Some(true),
            ..ExecConfig::default()
        };
        let found = Unaccounted::of(["ENV B=2", "RUN y", "CMD [\"x\"]", "ONBUILD RUN a"], &below, &config);
        assert_eq!(found.triggers, ["RUN b"]);
        let [other] = &found.others[..] else { panic!("{found:?}") };
        assert_eq!((other.key.as_str(), other.name.as_deref()), ("Env", Some("C")));
    }
}
