//! What can go wrong between us and a registry, each with the exit status it leads to.

use crate::Credential;
use image_format::{Class, Failure, escaped};
use oci_distribution::errors::OciEnvelope;
use std::fmt::Write as _;
use std::time::Duration;

/// The longest text of a registry that is shown, in characters.
const MAX_SAID: usize = 300;

/// Why a registry did not do what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection, or one that kept breaking or stayed silent.
    #[error("cannot reach {host}: {reason}")]
    Unreachable {
        /// `HOST[:PORT]`.
        host: String,
        /// What the last attempt ended with.
        reason: String,
    },
    /// The certificate is not one that this machine trusts.
    #[error("cannot reach {host}: {reason}")]
    Untrusted {
        /// `HOST[:PORT]`.
        host: String,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// 401, 403, or a token server that refuses.
    #[error("{object}: access refused{tried}{said}")]
    NotAuthorised {
        /// What was asked for.
        object: String,
        /// The registry whose credential is missing or not enough.
        host: String,
        /// Which credential was shown, or where there is none; behind a colon, or empty.
        tried: String,
        /// The registry's own words, escaped; with a blank and brackets, or empty.
        said: String,
    },
    /// 404.
    #[error("{object}: not found in the registry{said}")]
    NotFound {
        /// What was asked for.
        object: String,
        /// As above.
        said: String,
    },
    /// Any other status that is not a success.
    #[error("{object}: the registry answered {status}{said}")]
    Status {
        /// What was asked for.
        object: String,
        /// The HTTP status.
        status: u16,
        /// As above.
        said: String,
    },
    /// The registry asks to wait for longer than the settings allow.
    #[error("{object}: the registry wants no further request for {}{said}", human(*.wait))]
    Busy {
        /// What was asked for.
        object: String,
        /// How long it asks to wait.
        wait: Duration,
        /// As above.
        said: String,
    },
    /// An answer that makes no sense.
    #[error("{object}: {problem}")]
    Protocol {
        /// What was asked for.
        object: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// Bytes that are not what they claim to be.
    #[error("{object}: {problem}")]
    Integrity {
        /// The object.
        object: String,
        /// What differs.
        problem: String,
    },
    /// The machine, not the registry.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// What a caller, and a shell script, can tell apart.
    pub fn class(&self) -> Class {
        match self {
            Error::Unreachable { .. } | Error::Untrusted { .. } | Error::Busy { .. } => Class::Unavailable,
            Error::Protocol { .. } => Class::Unavailable,
            Error::NotAuthorised { .. } => Class::NotAuthorised,
            Error::NotFound { .. } => Class::NotFound,
            Error::Status { status: 408 | 429 | 500.., .. } => Class::Unavailable,
            Error::Integrity { .. } => Class::Integrity,
            Error::Status { .. } | Error::Failed(_) => Class::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Error::NotAuthorised { host, .. } => {
                Some(format!("log in with docker login {host}, or podman login: their credentials are used"))
            }
            Error::Untrusted { .. } => {
                Some("name the CA's file in SSL_CERT_FILE, or use --insecure".to_owned())
            }
            _ => None,
        }
    }

    pub(crate) fn protocol(object: &str, problem: impl Into<String>) -> Error {
        Error::Protocol { object: object.to_owned(), problem: problem.into() }
    }

    pub(crate) fn integrity(object: &str, problem: impl Into<String>) -> Error {
        Error::Integrity { object: object.to_owned(), problem: problem.into() }
    }

    pub(crate) fn unreachable(host: &str, reason: impl Into<String>) -> Error {
        Error::Unreachable { host: host.to_owned(), reason: reason.into() }
    }

    /// The error for a status that is not a success, with what its body says.
    pub(crate) fn of_status(object: &str, host: &str, status: u16, body: &[u8]) -> Error {
        let (object, host, said) = (object.to_owned(), host.to_owned(), said(body));
        match status {
            401 | 403 => Error::NotAuthorised { object, host, tried: String::new(), said },
            404 => Error::NotFound { object, said },
            _ => Error::Status { object, status, said },
        }
    }

    /// The same, saying which credential it was that did not do.
    pub(crate) fn after(self, credential: Option<&Credential>, places: &str) -> Error {
        match self {
            Error::NotAuthorised { object, host, said, .. } => {
                let tried = match credential {
                    Some(credential) => {
                        format!(": the credential from {} for {host} did not do", credential.origin)
                    }
                    None if places.is_empty() => String::new(),
                    None => format!(": no credential for {host} in {places}"),
                };
                Error::NotAuthorised { object, host, tried, said }
            }
            other => other,
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Error::NotFound { .. } => Some(404),
            Error::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let failure = Failure::new(error.class(), &error);
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// The registry's own words: ` (CODE: message)`.
///
/// Spec: distribution-spec, "Error Codes". A body that is no such document is not shown.
fn said(body: &[u8]) -> String {
    let Ok(envelope) = serde_json::from_slice::<OciEnvelope>(body) else { return String::new() };
    let Some(first) = envelope.errors.first() else { return String::new() };
    let code = serde_json::to_value(&first.code).ok();
    let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or("ERROR");
    let text = if first.message.is_empty() { code.to_owned() } else { format!("{code}: {}", first.message) };
    format!(" ({})", escape(&text))
}

/// Foreign text that cannot steer a terminal or forge a line, cut to a length.
pub(crate) fn escape(text: &str) -> String {
    let cut = text.char_indices().nth(MAX_SAID).map(|(at, _)| at);
    let shown = escaped(&text[..cut.unwrap_or(text.len())]);
    if cut.is_some() { format!("{shown}…") } else { shown.into_owned() }
}

fn human(wait: Duration) -> String {
    let seconds = wait.as_secs();
    let mut text = String::new();
    let _ = match seconds {
        0..120 => write!(text, "{seconds} seconds"),
        120..7_200 => write!(text, "{} minutes", seconds.div_ceil(60)),
        7_200..172_800 => write!(text, "{} hours", seconds.div_ceil(3_600)),
        172_800..3_153_600_000 => write!(text, "{} days", seconds.div_ceil(86_400)),
        _ => write!(text, "more than a century"),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_registry_are_escaped_and_cut() {
        let body = serde_json::json!({"errors": [{
            "code": "X\u{1b}[2J", "message": format!("\u{1b}]0;owned\u{7}\r\nevil: ok\u{202e}{}", "x".repeat(9_999)),
        }]});
        let text = said(body.to_string().as_bytes());
        assert!(text.chars().all(|letter| !letter.is_control() && letter != '\u{202e}'), "{text}");
        assert!(text.chars().count() < 600 && text.contains("evil: ok"));
        assert_eq!(said(b"<html>\x1b[2J"), "");
    }

    #[test]
    fn each_status_has_its_class() {
        for (status, class) in [
            (401, Class::NotAuthorised),
            (403, Class::NotAuthorised),
            (404, Class::NotFound),
            (418, Class::Failed),
            (429, Class::Unavailable),
            (500, Class::Unavailable),
            (503, Class::Unavailable),
        ] {
            assert_eq!(Error::of_status("a/b:c", "a", status, b"").class(), class, "{status}");
        }
    }

    #[test]
    fn a_long_wait_is_said_in_days() {
        assert_eq!(human(Duration::from_secs(604_800)), "7 days");
        assert_eq!(human(Duration::MAX), "more than a century");
    }
}
