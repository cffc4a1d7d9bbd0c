//! One change of a config, written as a line of a Dockerfile: `CMD ["bash"]`, `ENV A=b`.
//!
//! The instructions are those of `docker commit --change` and `docker import --change`.

mod arguments;
mod healthcheck;
mod port;
mod word;

use crate::{ExecConfig, Healthcheck};
use arguments::{Arguments, json_list};
use healthcheck::healthcheck;
use port::{checked_ports, port_names};
use std::collections::BTreeMap;
use std::str::FromStr;
use word::{Word, list, pairs, required, single};

/// Why a line is not a change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The instruction is none that edits a config.
    #[error(
        "{0:?} cannot change a config; expected CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME or WORKDIR"
    )]
    Instruction(String),
    /// The instruction's arguments are not of its form.
    #[error("{line:?}: expected {expected}")]
    Arguments {
        /// The line as given.
        line: String,
        /// The form it should have.
        expected: &'static str,
    },
}

/// A parsed change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    line: String,
    edit: Edit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Edit {
    Cmd(Arguments),
    Entrypoint(Arguments),
    Env(Vec<(Word, Word)>),
    Expose(Vec<Word>),
    Healthcheck(Box<Healthcheck>),
    Label(Vec<(Word, Word)>),
    OnBuild(String),
    Shell(Vec<String>),
    StopSignal(Word),
    User(Word),
    Volume(Vec<Word>),
    WorkingDir(Word),
    Clear(Set),
}

/// What can be cleared as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Env,
    Labels,
    Ports,
    Volumes,
    Entrypoint,
    Cmd,
}

impl Change {
    /// The change that takes away all of `env`, `labels`, `ports`, `volumes`, the `entrypoint` or the `cmd`.
    ///
    /// # Errors
    /// It is none of these.
    pub fn clear(set: &str) -> Result<Change, ChangeError> {
        let line = format!("CLEAR {set}");
        let cleared = match set {
            "env" => Set::Env,
            "labels" => Set::Labels,
            "ports" => Set::Ports,
            "volumes" => Set::Volumes,
            "entrypoint" => Set::Entrypoint,
            "cmd" => Set::Cmd,
            _ => {
                let expected = "env, labels, ports, volumes, entrypoint or cmd";
                return Err(ChangeError::Arguments { line: set.to_owned(), expected });
            }
        };
        Ok(Change { line, edit: Edit::Clear(cleared) })
    }

    /// The line as it was given, for the history.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Applies `changes` in order. As in a Dockerfile, ENTRYPOINT resets a CMD that was not set before it here.
    pub fn apply_all(changes: &[Change], config: &mut ExecConfig) {
        let mut cmd_set = false;
        for change in changes {
            match &change.edit {
                Edit::Cmd(_) => cmd_set = true,
                Edit::Entrypoint(_) if !cmd_set => config.cmd = None,
                _ => {}
            }
            change.edit.apply(config);
        }
    }
}

impl FromStr for Change {
    type Err = ChangeError;

    fn from_str(line: &str) -> Result<Change, ChangeError> {
        let line = line.trim();
        let (instruction, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let edit = Edit::parse(&instruction.to_ascii_uppercase(), rest.trim())
            .ok_or_else(|| ChangeError::Instruction(instruction.to_owned()))?
            .map_err(|expected| ChangeError::Arguments { line: line.to_owned(), expected })?;
        Ok(Change { line: line.to_owned(), edit })
    }
}

/// Or what was expected.
type Parsed<T> = Result<T, &'static str>;

impl Edit {
    /// `None`: no such instruction.
    fn parse(instruction: &str, rest: &str) -> Option<Parsed<Edit>> {
        Some(match instruction {
            "CMD" => Ok(Edit::Cmd(Arguments::parse(rest))),
            "ENTRYPOINT" => Ok(Edit::Entrypoint(Arguments::parse(rest))),
            "ENV" => pairs(rest).map(Edit::Env),
            "EXPOSE" => list(rest).and_then(checked_ports).map(Edit::Expose),
            "HEALTHCHECK" => healthcheck(rest).map(|check| Edit::Healthcheck(Box::new(check))),
            "LABEL" => pairs(rest).map(Edit::Label),
            "ONBUILD" => required(rest).map(|rest| Edit::OnBuild(rest.to_owned())),
            "SHELL" => json_list(rest).ok_or("a JSON list: SHELL [\"/bin/bash\", \"-c\"]").map(Edit::Shell),
            "STOPSIGNAL" => single(rest).map(Edit::StopSignal),
            "USER" => single(rest).map(Edit::User),
            "VOLUME" => list(rest).map(Edit::Volume),
            "WORKDIR" => single(rest).map(Edit::WorkingDir),
            _ => return None,
        })
    }

    fn apply(&self, config: &mut ExecConfig) {
        let env = config.env.clone().unwrap_or_default();
        let expand = |word: &Word| word.expand(&env);
        match self {
            Edit::Cmd(arguments) => config.cmd = Some(arguments.resolve(config)),
            Edit::Entrypoint(arguments) => config.entrypoint = Some(arguments.resolve(config)),
            Edit::Env(pairs) => {
                for (name, value) in pairs {
                    set_variable(config.env.get_or_insert_default(), &expand(name), &expand(value));
                }
            }
            Edit::Expose(ports) => {
                let exposed = config.exposed_ports.get_or_insert_default();
                exposed.extend(ports.iter().flat_map(|port| port_names(&expand(port))).map(empty_object));
            }
            Edit::Healthcheck(check) => config.healthcheck = Some((**check).clone()),
            Edit::Label(pairs) => {
                let labels = config.labels.get_or_insert_default();
                labels.extend(pairs.iter().map(|(name, value)| (expand(name), expand(value))));
            }
            Edit::OnBuild(trigger) => config.on_build.get_or_insert_default().push(trigger.clone()),
            Edit::Shell(shell) => config.shell = Some(shell.clone()),
            Edit::StopSignal(signal) => config.stop_signal = Some(expand(signal)),
            Edit::User(user) => config.user = Some(expand(user)),
            Edit::Volume(paths) => {
                let volumes: &mut BTreeMap<_, _> = config.volumes.get_or_insert_default();
                volumes.extend(paths.iter().map(expand).map(empty_object));
            }
            Edit::Clear(set) => set.clear(config),
            Edit::WorkingDir(path) => {
                let base = config.working_dir.take().unwrap_or_default();
                config.working_dir = Some(joined(&base, &expand(path)));
            }
        }
    }
}

impl Set {
    fn clear(self, config: &mut ExecConfig) {
        match self {
            Set::Env => config.env = None,
            Set::Labels => config.labels = None,
            Set::Ports => config.exposed_ports = None,
            Set::Volumes => config.volumes = None,
            Set::Entrypoint => config.entrypoint = None,
            Set::Cmd => config.cmd = None,
        }
    }
}

fn set_variable(env: &mut Vec<String>, name: &str, value: &str) {
    let entry = format!("{name}={value}");
    match env.iter_mut().find(|old| old.split('=').next() == Some(name)) {
        Some(old) => *old = entry,
        None => env.push(entry),
    }
}

fn empty_object(key: String) -> (String, serde_json::Value) {
    (key, serde_json::Value::Object(serde_json::Map::new()))
}

fn joined(base: &str, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", base.trim_end_matches('/')) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(lines: &[&str]) -> ExecConfig {
        let changes: Vec<Change> = lines.iter().map(|line| line.parse().unwrap()).collect();
        let mut config = ExecConfig {
            cmd: Some(vec!["old".to_owned()]),
            env: Some(vec!["PATH=/bin".to_owned()]),
            working_dir: Some("/srv".to_owned()),
            ..ExecConfig::default()
        };
        Change::apply_all(&changes, &mut config);
        config
    }

    #[test]
    fn commands_have_a_json_form_and_a_shell_form() {
        assert_eq!(applied(&[r#"CMD ["bash", "-l"]"#]).cmd.unwrap(), ["bash", "-l"]);
        assert_eq!(applied(&["cmd echo $HOME"]).cmd.unwrap(), ["/bin/sh", "-c", "echo $HOME"]);
        let config = applied(&[r#"SHELL ["/bin/bash","-c"]"#, "CMD x"]);
        assert_eq!(config.cmd.unwrap(), ["/bin/bash", "-c", "x"]);
    }

    #[test]
    fn an_entrypoint_resets_a_command_that_came_from_below() {
        assert_eq!(applied(&["ENTRYPOINT [\"e\"]"]).cmd, None);
        assert_eq!(applied(&["CMD new", "ENTRYPOINT [\"e\"]"]).cmd.unwrap()[2], "new");
    }

    #[test]
    fn variables_are_quoted_replaced_and_expanded_as_in_a_dockerfile() {
        let config = applied(&[r#"ENV PATH=$PATH:/opt A="b c" D='$A' E=x\ y"#, "ENV OLD the old form"]);
        assert_eq!(config.env.unwrap(), ["PATH=/bin:/opt", "A=b c", "D=$A", "E=x y", "OLD=the old form"]);
    }

    #[test]
    fn ports_volumes_labels_and_directories_are_taken() {
        let config = applied(&[
            "EXPOSE 80 53/udp 8000-8001",
            "VOLUME /data \"/with space\"",
            "LABEL a=1 b=\"two words\"",
            "WORKDIR app",
            "USER 1000:1000",
            "STOPSIGNAL SIGINT",
            "ONBUILD RUN make",
        ]);
        let ports: Vec<_> = config.exposed_ports.unwrap().into_keys().collect();
        assert_eq!(ports, ["53/udp", "80/tcp", "8000/tcp", "8001/tcp"]);
        assert_eq!(config.volumes.unwrap().into_keys().collect::<Vec<_>>(), ["/data", "/with space"]);
        assert_eq!(config.labels.unwrap()["b"], "two words");
        assert_eq!(config.working_dir.unwrap(), "/srv/app");
        assert_eq!(config.user.unwrap(), "1000:1000");
        assert_eq!(config.stop_signal.unwrap(), "SIGINT");
        assert_eq!(config.on_build.unwrap(), ["RUN make"]);
    }

    #[test]
    fn a_health_check_has_durations_in_nanoseconds() {
        let check =
            applied(&["HEALTHCHECK --interval=1m30s --retries=3 CMD curl -f localhost"]).healthcheck.unwrap();
        assert_eq!(check.interval, Some(90_000_000_000));
        assert_eq!(check.retries, Some(3));
        assert_eq!(check.test.unwrap(), ["CMD-SHELL", "curl -f localhost"]);
    }

    #[test]
    fn what_is_no_change_says_what_would_be() {
        for line in ["RUN x", "", "FROM a", "COPY a b"] {
            assert!(matches!(line.parse::<Change>(), Err(ChangeError::Instruction(_))), "{line}");
        }
        for line in ["ENV A", "ENV", "SHELL bash", "USER", "USER a b", "ENV A=\"b", "HEALTHCHECK x", "ENV =x"]
        {
            assert!(matches!(line.parse::<Change>(), Err(ChangeError::Arguments { .. })), "{line}");
        }
    }
}
