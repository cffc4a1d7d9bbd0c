//! What two images' configs have not in common, key by key.

use crate::{ImageConfig, Raw};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What the layers and their history tell better, and what differs with each build and means nothing.
const LEFT_OUT: [&str; 6] = ["rootfs", "history", "container", "container_config", "id", "parent"];

/// A value that is not the same in two configs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigDifference {
    /// Its key, as the config has it: `Cmd`, `architecture`.
    pub key: String,
    /// Which of several under that key: a variable of `Env`, a label, a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the first config says; `None` where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<ConfigValue>,
    /// What the second config says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<ConfigValue>,
}

/// A value of a config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigValue {
    /// The value, as the config has it.
    pub value: Value,
}

type Values = BTreeMap<(String, Option<String>), Value>;

impl ConfigDifference {
    /// What is not the same in `before` and `after`, by key; `created` only with `times`.
    ///
    /// Layers and history are left out. Nothing, `null`, `false`, `0` and what is empty are the same, since writers differ
    /// in which of them they write.
    pub fn between(
        before: &Raw<ImageConfig>,
        after: &Raw<ImageConfig>,
        times: bool,
    ) -> Vec<ConfigDifference> {
        let (mut old, mut new) = (values(before, times), values(after, times));
        let keys: BTreeSet<_> = old.keys().chain(new.keys()).cloned().collect();
        let difference = |key| {
            let [before, after] =
                [&mut old, &mut new].map(|values| values.remove(&key).map(|value| ConfigValue { value }));
            let (key, name) = key;
            (before != after).then_some(ConfigDifference { key, name, before, after })
        };
        keys.into_iter().filter_map(difference).collect()
    }
}

fn values(config: &Raw<ImageConfig>, times: bool) -> Values {
    let mut values = Values::new();
    let mut top: Map<String, Value> = serde_json::from_slice(config.bytes()).unwrap_or_default();
    top.retain(|key, _| !LEFT_OUT.contains(&&**key) && (times || key != "created"));
    if let Some(Value::Object(exec)) = top.remove("config") {
        exec.into_iter().for_each(|(key, value)| take(&mut values, key, value));
    }
    top.into_iter().for_each(|(key, value)| take(&mut values, key, value));
    values
}

fn take(values: &mut Values, key: String, value: Value) {
    match value {
        Value::Object(members) => {
            values.extend(members.into_iter().map(|(name, value)| ((key.clone(), Some(name)), value)));
        }
        Value::Array(variables) if key == "Env" => {
            values.extend(variables.into_iter().map(|variable| {
                let (name, value) = variable_of(&variable);
                ((key.clone(), Some(name)), value)
            }));
        }
        value if is_nothing(&value) => {}
        value => {
            values.insert((key, None), value);
        }
    }
}

/// `NAME=VALUE` as a name and its value; `null` where there is no `=`.
fn variable_of(variable: &Value) -> (String, Value) {
    let text = variable.as_str().unwrap_or_default();
    match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.into()),
        None => (text.to_owned(), Value::Null),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(before: &str, after: &str, times: bool) -> Vec<String> {
        let [before, after] =
            [before, after].map(|json| Raw::parse("config", json.as_bytes().to_vec()).unwrap());
        let text = |value: Option<ConfigValue>| value.map_or("-".to_owned(), |found| found.value.to_string());
        let line = |found: ConfigDifference| {
            let name = found.name.map(|name| format!(".{name}")).unwrap_or_default();
            format!("{}{name} {} {}", found.key, text(found.before), text(found.after))
        };
        ConfigDifference::between(&before, &after, times).into_iter().map(line).collect()
    }

    #[test]
    fn variables_labels_and_ports_are_told_one_by_one() {
        let before = r#"{"os":"linux","created":"2020-01-01T00:00:00Z","config":{"Env":["A=1","B=2","C"],
            "Labels":{"x":"1","y":""},"ExposedPorts":{"80/tcp":{}},"Cmd":["sh"]}}"#;
        let after = r#"{"os":"linux","created":"2021-01-01T00:00:00Z","config":{"Env":["B=3","A=1"],
            "Labels":{"x":"1"},"ExposedPorts":{"80/tcp":{},"81/tcp":{}},"Cmd":["sh","-c"]}}"#;
        let expected = [
            r#"Cmd ["sh"] ["sh","-c"]"#,
            r#"Env.B "2" "3""#,
            "Env.C null -",
            "ExposedPorts.81/tcp - {}",
            r#"Labels.y "" -"#,
        ];
        assert_eq!(differences(before, after, false), expected);
        assert_eq!(differences(before, after, true).len(), expected.len() + 1);
        assert!(differences(before, before, true).is_empty());
    }

    #[test]
    fn what_writers_leave_out_or_write_empty_is_no_difference() {
        let docker = r#"{"os":"linux","container":"abc","container_config":{"Cmd":["x"]},"config":{"Hostname":"",
            "Tty":false,"Cmd":null,"Volumes":null,"Env":[],"Labels":{},"OnBuild":[]},"history":[{}]}"#;
        assert!(differences(docker, r#"{"os":"linux"}"#, true).is_empty());
    }

    #[test]
    fn what_is_not_known_here_is_compared_too() {
        let config = r#"{"variant":"v7","moby.buildkit.cache.v0":"abc"}"#;
        assert_eq!(
            differences("{}", config, false),
            [r#"moby.buildkit.cache.v0 - "abc""#, r#"variant - "v7""#]
        );
    }
}
