//! What CMD and ENTRYPOINT run.

use crate::ExecConfig;

/// The JSON form is run as it is, the shell form by the image's shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arguments {
    Json(Vec<String>),
    Shell(String),
}

impl Arguments {
    pub(super) fn parse(rest: &str) -> Arguments {
        match json_list(rest) {
            Some(list) => Arguments::Json(list),
            None => Arguments::Shell(rest.to_owned()),
        }
    }

    pub(super) fn resolve(&self, config: &ExecConfig) -> Vec<String> {
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

/// A list of texts, where it is written as one.
pub(super) fn json_list(rest: &str) -> Option<Vec<String>> {
    if rest.starts_with('[') { serde_json::from_str(rest).ok() } else { None }
}
