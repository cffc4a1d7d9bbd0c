//! What a build made, and in what two builds of the same differ.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a builder made of a Dockerfile.
pub(crate) enum Outcome {
    Made(Built),
    Refused(String),
}

/// An image: its tree as `read_trees.py` writes it, and its config.
pub(crate) struct Built {
    pub(crate) tree: Vec<String>,
    pub(crate) config: Value,
}

impl Outcome {
    /// In what this, which is ours, differs from `theirs`; nothing where they are the same, or both refuse.
    pub(crate) fn differences(&self, theirs: &Outcome) -> Vec<String> {
        match (self, theirs) {
            (Outcome::Made(ours), Outcome::Made(theirs)) => ours.differences(theirs),
            (Outcome::Refused(_), Outcome::Refused(_)) => Vec::new(),
            (Outcome::Refused(error), Outcome::Made(_)) => vec![format!("ours refuses: {error}")],
            (Outcome::Made(_), Outcome::Refused(error)) => vec![format!("theirs refuses: {error}")],
        }
    }
}

impl Built {
    fn differences(&self, theirs: &Built) -> Vec<String> {
        let mut all = lines(&self.tree, &theirs.tree);
        let (ours, theirs) = (leaves(&self.config), leaves(&theirs.config));
        let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        for key in keys {
            let (ours, theirs) = (ours.get(key), theirs.get(key));
            if ours != theirs {
                let shown =
                    |side: Option<&Value>| side.map_or_else(|| "nothing".to_owned(), Value::to_string);
                all.push(format!("{key}: ours {}, theirs {}", shown(ours), shown(theirs)));
            }
        }
        all
    }
}

/// `+` what only ours has, `-` what only theirs has.
pub(crate) fn lines(ours: &[String], theirs: &[String]) -> Vec<String> {
    let only = |these: &[String], those: &[String], sign: &str| -> Vec<String> {
        let those: BTreeSet<&String> = those.iter().collect();
        these.iter().filter(|line| !those.contains(line)).map(|line| format!("{sign} {line}")).collect()
    };
    [only(ours, theirs, "+"), only(theirs, ours, "-")].concat()
}

/// Every value of a config by its path, but for when something was made, and which bytes its layers are.
fn leaves(config: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut left = vec![(String::new(), config)];
    while let Some((path, value)) = left.pop() {
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match value {
            Value::Object(map) if !map.is_empty() => {
                let wanted = map.iter().filter(|(key, _)| *key != "created" && *key != "diff_ids");
                left.extend(wanted.map(|(key, value)| (below(key), value)));
            }
            Value::Array(list) if !list.is_empty() => {
                left.extend(list.iter().enumerate().map(|(n, value)| (below(&n.to_string()), value)));
            }
            Value::Null => {}
            leaf => drop(found.insert(path, leaf.clone())),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn built(tree: &[&str], config: Value) -> Outcome {
        Outcome::Made(Built { tree: tree.iter().map(|line| (*line).to_owned()).collect(), config })
    }

    #[test]
    fn times_and_layers_digests_are_no_difference_and_all_else_is_one() {
        let config = |time: &str, diff_id: &str, word: &str| {
            json!({
                "created": time, "rootfs": { "type": "layers", "diff_ids": [diff_id] }, "os": "linux", "variant": null,
                "history": [{ "created": time, "created_by": word }], "config": { "Cmd": [word, "b"] },
            })
        };
        let ours = built(&["\"a\" 0644", "\"b\" 0644"], config("2020", "x", "a"));
        assert_eq!(
            ours.differences(&built(&["\"a\" 0644", "\"b\" 0644"], config("2021", "y", "a"))),
            [""; 0]
        );
        let other = built(&["\"a\" 0600", "\"b\" 0644"], config("2020", "x", "c"));
        let expected = [
            "+ \"a\" 0644",
            "- \"a\" 0600",
            "config.Cmd.0: ours \"a\", theirs \"c\"",
            "history.0.created_by: ours \"a\", theirs \"c\"",
        ];
        assert_eq!(ours.differences(&other), expected);
        let refused = Outcome::Refused("no".to_owned());
        assert_eq!(refused.differences(&ours), ["ours refuses: no"]);
        assert_eq!(ours.differences(&refused), ["theirs refuses: no"]);
    }
}
