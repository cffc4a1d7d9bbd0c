//! What two images' configs have not in common, key by key, and their history and annotations.

use crate::edit::Image;
use crate::{Digest, ImageConfig, Raw};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What the layers tell better, what is compared entry by entry, and what differs with each build and means nothing.
const LEFT_OUT: [&str; 6] = ["rootfs", "history", "container", "container_config", "id", "parent"];

/// A value that is not the same in two configs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigDifference {
    /// Its key, as the config has it: `Cmd`, `architecture`; `annotation`, of the manifest; `id`, where nothing else differs.
    pub key: String,
    /// Which of several under that key: a variable of `Env`, a label, a port, an entry of `history` from 0; of `id`, what
    /// is not the same.
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

/// The key of what differs where nothing that is compared does.
const ID: &str = "id";

fn is_of_ids(found: &ConfigDifference) -> bool {
    found.key == ID
}

fn annotations(before: &Image, after: &Image) -> Vec<ConfigDifference> {
    let all = [before, after].map(|image| image.manifest.annotations.clone().unwrap_or_default());
    let names: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let difference = |name: &String| {
        let [before, after] = [&all[0], &all[1]]
            .map(|annotations| annotations.get(name).map(|text| ConfigValue { value: text.clone().into() }));
        let (key, name) = ("annotation".to_owned(), Some(name.clone()));
        (before != after).then_some(ConfigDifference { key, name, before, after })
    };
    names.into_iter().filter_map(difference).collect()
}

/// The entries between those that both histories begin and end with.
fn history(before: &Raw<ImageConfig>, after: &Raw<ImageConfig>, times: bool) -> Vec<ConfigDifference> {
    let [old, new] = [before, after].map(|config| steps(config, times));
    let first = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[first..], &new[first..]);
    let last = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[..old.len() - last], &new[..new.len() - last]);
    let difference = |at: usize| ConfigDifference {
        key: "history".to_owned(),
        name: Some((first + at).to_string()),
        before: old.get(at).map(|value| ConfigValue { value: value.clone() }),
        after: new.get(at).map(|value| ConfigValue { value: value.clone() }),
    };
    (0..old.len().max(new.len())).map(difference).collect()
}

fn steps(config: &Raw<ImageConfig>, times: bool) -> Vec<Value> {
    let top: Map<String, Value> = serde_json::from_slice(config.bytes()).unwrap_or_default();
    let mut steps = top.get("history").and_then(Value::as_array).cloned().unwrap_or_default();
    for step in steps.iter_mut().filter_map(Value::as_object_mut) {
        step.retain(|key, value| !is_nothing(value) && (times || key != "created"));
    }
    steps
}

type Values = BTreeMap<(String, Option<String>), Value>;

impl ConfigDifference {
    /// What is not the same in the configs, histories and annotations of two images; times only with `times`.
    ///
    /// Images whose IDs differ differ: where their layers are the same too, `id` says in what alone.
    pub fn of_images(before: &Image, after: &Image, times: bool) -> Vec<ConfigDifference> {
        let mut found = ConfigDifference::between(&before.config, &after.config, times);
        found.extend(annotations(before, after));
        found.extend(history(&before.config, &after.config, times));
        let ids = [before, after].map(|image| Digest::sha256(image.config.bytes()));
        let same_layers = before.config.rootfs.diff_ids == after.config.rootfs.diff_ids;
        if found.is_empty() && same_layers && ids[0] != ids[1] {
            let in_times = !times && !ConfigDifference::of_images(before, after, true).iter().all(is_of_ids);
            let name = if in_times { "times alone" } else { "form alone" };
            let [before, after] = ids.map(|id| Some(ConfigValue { value: id.to_string().into() }));
            found.push(ConfigDifference { key: ID.to_owned(), name: Some(name.to_owned()), before, after });
        }
        found
    }

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

    fn of_images(before: &str, after: &str, times: bool) -> Vec<String> {
        let image = |config: &str| {
            let config: Raw<ImageConfig> = Raw::parse("config", config.as_bytes().to_vec()).unwrap();
            let manifest = crate::Manifest::new(config.descriptor(crate::MediaType::OciConfig), Vec::new());
            Image { manifest: Raw::write(manifest), config }
        };
        let line = |found: ConfigDifference| {
            let mark = (found.before.is_some(), found.after.is_some());
            format!("{} {} {mark:?}", found.key, found.name.unwrap_or_default())
        };
        ConfigDifference::of_images(&image(before), &image(after), times).into_iter().map(line).collect()
    }

    #[test]
    fn histories_are_compared_between_what_they_have_in_common() {
        let before = r#"{"os":"linux","history":[{"created_by":"a"},{"created_by":"b"},{"created_by":"z"}]}"#;
        let after = r#"{"os":"linux","history":[{"created_by":"a","created":"2020-01-01T00:00:00Z"},{"created_by":"c",
            "empty_layer":false},{"created_by":"d"},{"created_by":"z"}]}"#;
        assert_eq!(of_images(before, after, false), ["history 1 (true, true)", "history 2 (false, true)"]);
        assert_eq!(of_images(after, before, false), ["history 1 (true, true)", "history 2 (true, false)"]);
        assert_eq!(of_images(before, after, true)[0], "history 0 (true, true)");
    }

    #[test]
    fn images_of_two_ids_are_never_the_same() {
        let (one, other) = (r#"{"os":"linux"}"#, r#"{"os":"linux","created":"2020-01-01T00:00:00Z"}"#);
        assert_eq!(of_images(one, other, false), ["id times alone (true, true)"]);
        assert_eq!(of_images(one, other, true), ["created  (false, true)"]);
        for times in [false, true] {
            assert_eq!(of_images(one, r#"{ "os": "linux" }"#, times), ["id form alone (true, true)"]);
            assert!(of_images(one, one, times).is_empty());
        }
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
