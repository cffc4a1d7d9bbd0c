//! One change of a config, written as a line of a Dockerfile: `CMD ["bash"]`, `ENV A=b`.
//!
//! The instructions are those of `docker commit --change` and `docker import --change`.

use crate::{ExecConfig, Healthcheck};
use std::collections::BTreeMap;
use std::str::FromStr;

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

/// The JSON form is run as it is, the shell form by the image's shell.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Arguments {
    Json(Vec<String>),
    Shell(String),
}

/// A word in which variables of the image's environment are yet to be replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Word(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
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

impl Arguments {
    fn parse(rest: &str) -> Arguments {
        match json_list(rest) {
            Some(list) => Arguments::Json(list),
            None => Arguments::Shell(rest.to_owned()),
        }
    }

    fn resolve(&self, config: &ExecConfig) -> Vec<String> {
        match self {
            Arguments::Json(list) => list.clone(),
            Arguments::Shell(text) if text.is_empty() => Vec::new(),
            Arguments::Shell(text) => {
                let shell =
                    config.shell.clone().unwrap_or_else(|| vec!["/bin/sh".to_owned(), "-c".to_owned()]);
                shell.into_iter().chain([text.clone()]).collect()
            }
        }
    }
}

impl Word {
    fn expand(&self, env: &[String]) -> String {
        let value = |name: &str| {
            env.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
        };
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Variable(name) => value(name),
            })
            .collect()
    }

    fn text(&mut self, letter: char) {
        match self.0.last_mut() {
            Some(Piece::Text(text)) => text.push(letter),
            _ => self.0.push(Piece::Text(letter.to_string())),
        }
    }

    fn literal(text: &str) -> Word {
        Word(vec![Piece::Text(text.to_owned())])
    }
}

fn required(rest: &str) -> Parsed<&str> {
    if rest.is_empty() { Err("an argument") } else { Ok(rest) }
}

fn json_list(rest: &str) -> Option<Vec<String>> {
    if rest.starts_with('[') { serde_json::from_str(rest).ok() } else { None }
}

fn single(rest: &str) -> Parsed<Word> {
    let mut words = words(required(rest)?)?;
    if words.len() == 1 { Ok(words.remove(0)) } else { Err("one argument") }
}

fn list(rest: &str) -> Parsed<Vec<Word>> {
    match json_list(rest) {
        Some(list) => Ok(list.iter().map(|text| Word::literal(text)).collect()),
        None => words(required(rest)?),
    }
}

/// `A=b "C"='d e'`, or the old form `A the rest of the line`.
fn pairs(rest: &str) -> Parsed<Vec<(Word, Word)>> {
    const EXPECTED: &str = "NAME=VALUE …";
    let (first, remainder) = required(rest)?.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if !first.contains('=') {
        if remainder.is_empty() {
            return Err(EXPECTED);
        }
        return Ok(vec![(Word::literal(first), quoted_whole(remainder.trim())?)]);
    }
    words(rest)?.into_iter().map(|word| split_pair(word).ok_or(EXPECTED)).collect()
}

fn quoted_whole(text: &str) -> Parsed<Word> {
    let mut whole = Word::default();
    for (position, word) in words(text)?.into_iter().enumerate() {
        if position > 0 {
            whole.text(' ');
        }
        whole.0.extend(word.0);
    }
    Ok(whole)
}

fn split_pair(word: Word) -> Option<(Word, Word)> {
    let mut pieces = word.0.into_iter();
    let mut name = Vec::new();
    for piece in pieces.by_ref() {
        if let Piece::Text(text) = &piece
            && let Some((before, after)) = text.split_once('=')
        {
            name.push(Piece::Text(before.to_owned()));
            if name == [Piece::Text(String::new())] {
                return None;
            }
            let value = std::iter::once(Piece::Text(after.to_owned())).chain(pieces).collect();
            return Some((Word(name), Word(value)));
        }
        name.push(piece);
    }
    None
}

/// Splits at white space outside quotes; a backslash takes the next letter as it is.
fn words(text: &str) -> Parsed<Vec<Word>> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (Some(open), letter) if open == letter => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (Some('\''), letter) => word.get_or_insert_default().text(letter),
            (_, '\\') => {
                let next = letters.next().ok_or("a letter behind the backslash")?;
                word.get_or_insert_default().text(next);
            }
            (_, '$') => {
                let piece = variable(&mut letters)?;
                word.get_or_insert_default().0.push(piece);
            }
            (_, letter) => word.get_or_insert_default().text(letter),
        }
    }
    if quote.is_some() {
        return Err("a closing quote");
    }
    words.extend(word);
    Ok(words)
}

fn variable(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Parsed<Piece> {
    let braced = letters.next_if_eq(&'{').is_some();
    let mut name = String::new();
    while let Some(letter) = letters.next_if(|letter| letter.is_ascii_alphanumeric() || *letter == '_') {
        name.push(letter);
    }
    if braced && letters.next_if_eq(&'}').is_none() {
        return Err("$NAME or ${NAME}");
    }
    Ok(if name.is_empty() { Piece::Text("$".to_owned()) } else { Piece::Variable(name) })
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

/// A variable may hold anything; what is written out must be a port.
fn checked_ports(ports: Vec<Word>) -> Parsed<Vec<Word>> {
    let is_port = |text: &str| {
        let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        ["tcp", "udp", "sctp"].contains(&protocol.to_ascii_lowercase().as_str())
            && matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if first <= last)
    };
    let right = |word: &Word| match &word.0[..] {
        [Piece::Text(text)] => is_port(text),
        pieces => pieces.iter().any(|piece| matches!(piece, Piece::Variable(_))),
    };
    if ports.iter().all(right) { Ok(ports) } else { Err("PORT[-PORT][/tcp, /udp or /sctp] …") }
}

/// `80` is `80/tcp`, `80-82/udp` three ports.
fn port_names(text: &str) -> Vec<String> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let range =
        ports.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match range {
        Some((first, last)) => (first..=last).map(|port: u16| format!("{port}/{protocol}")).collect(),
        None => vec![format!("{ports}/{protocol}")],
    }
}

fn joined(base: &str, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", base.trim_end_matches('/')) }
}

const HEALTHCHECK: &str = "HEALTHCHECK [--interval=30s …] CMD COMMAND, or HEALTHCHECK NONE";

fn healthcheck(rest: &str) -> Parsed<Healthcheck> {
    let mut check = Healthcheck::default();
    let mut rest = rest;
    while let Some(option) = rest.strip_prefix("--") {
        let (option, remainder) = option.split_once(char::is_whitespace).ok_or(HEALTHCHECK)?;
        let (name, value) = option.split_once('=').ok_or(HEALTHCHECK)?;
        match name {
            "interval" => check.interval = Some(nanoseconds(value)?),
            "timeout" => check.timeout = Some(nanoseconds(value)?),
            "start-period" => check.start_period = Some(nanoseconds(value)?),
            "start-interval" => check.start_interval = Some(nanoseconds(value)?),
            "retries" => check.retries = Some(value.parse().map_err(|_| "a number of retries")?),
            _ => return Err(HEALTHCHECK),
        }
        rest = remainder.trim_start();
    }
    let (kind, command) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    check.test = Some(match (kind.to_ascii_uppercase().as_str(), Arguments::parse(command.trim())) {
        ("NONE", _) => vec!["NONE".to_owned()],
        ("CMD", Arguments::Json(list)) => std::iter::once("CMD".to_owned()).chain(list).collect(),
        ("CMD", Arguments::Shell(text)) if !text.is_empty() => vec!["CMD-SHELL".to_owned(), text],
        _ => return Err(HEALTHCHECK),
    });
    Ok(check)
}

/// `1m30s`, as Go writes durations.
fn nanoseconds(text: &str) -> Parsed<i64> {
    const EXPECTED: &str = "a duration like 30s, 1m30s or 500ms";
    let mut total = 0_f64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').ok_or(EXPECTED)?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let scale = match unit {
            "h" => 3600e9,
            "m" => 60e9,
            "s" => 1e9,
            "ms" => 1e6,
            "us" | "µs" => 1e3,
            "ns" => 1.0,
            _ => return Err(EXPECTED),
        };
        total += number.parse::<f64>().map_err(|_| EXPECTED)? * scale;
        rest = tail;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a duration of centuries may saturate")]
    Ok(total as i64)
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
