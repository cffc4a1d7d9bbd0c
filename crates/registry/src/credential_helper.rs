//! `docker-credential-NAME`: other programs that keep credentials.
//!
//! Protocol: docker/docker-credential-helpers.

use crate::{Credential, Secret};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// No credential is longer.
const MAX_ANSWER: u64 = 1 << 20;
/// What helpers print when they have none; by this text alone it is told from a failure.
const NONE: &str = "credentials not found";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks the helper `name` for `server`. One that is missing or fails is warned about once, and the registry is
/// then asked anonymously: a public image needs no keychain.
pub(crate) fn get(name: &str, server: &str) -> Option<Credential> {
    let program = format!("docker-credential-{name}");
    match ask(&program, server) {
        Ok(answer) => answer.map(|answer| credential(answer, &program)),
        Err(problem) => {
            warn_once(&program, &problem);
            None
        }
    }
}

fn credential(answer: Answer, program: &str) -> Credential {
    let secret = if answer.username == "<token>" {
        Secret::Identity(answer.secret)
    } else {
        Secret::Password { username: answer.username, password: answer.secret }
    };
    Credential { secret, origin: program.to_owned() }
}

fn ask(program: &str, server: &str) -> Result<Option<Answer>, String> {
    if program.contains('/') {
        return Err("not the name of a program".to_owned());
    }
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "not in PATH".to_owned(),
            _ => error.to_string(),
        })?;
    if let Some(mut input) = child.stdin.take() {
        // a helper that does not read its input answers all the same
        let _ = input.write_all(server.as_bytes());
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_ANSWER).read_to_end(&mut output).map_err(|error| error.to_string())?;
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output);
    if !status.success() {
        let silent = text.trim().is_empty();
        return match text.contains(NONE) {
            true => Ok(None),
            false if silent => Err(format!("failed ({status})")),
            false => Err(crate::error::escape(text.trim())),
        };
    }
    let answer: Answer =
        serde_json::from_str(&text).map_err(|_| "its answer is not a credential".to_owned())?;
    Ok(Some(answer).filter(|answer| !answer.secret.is_empty()))
}

fn warn_once(program: &str, problem: &str) {
    static WARNED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if warned.insert(program.to_owned()) {
        log::warn!("{program}: {problem}; going on without its credentials");
    }
}
