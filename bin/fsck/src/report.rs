//! What a check found, as a line and as an object.

use layout::{Note, Problem};
use serde::Serialize;

/// One thing that was found: `docs/schemas/finding.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// `problem`: it is wrong; `note`: it is worth knowing.
    severity: &'static str,
    /// What kind of thing it is.
    kind: &'static str,
    /// The blob that it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// The same in words.
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn of_problem(problem: &Problem) -> Finding {
        let (kind, digest, text) = match problem {
            Problem::Altered(digest) => {
                ("altered", Some(digest), "the content has another digest".to_owned())
            }
            Problem::Size { digest, expected, found } => {
                ("size", Some(digest), format!("{found} bytes; its descriptor says {expected}"))
            }
            Problem::Missing(digest) => ("missing", Some(digest), "needed, and not here".to_owned()),
            Problem::Malformed(digest, why) => ("malformed", Some(digest), why.clone()),
            Problem::DiffId { digest, expected, found: Some(found) } => {
                ("diff-id", Some(digest), format!("unpacks to {found}; the config says {expected}"))
            }
            Problem::DiffId { digest, expected, found: None } => {
                ("diff-id", Some(digest), format!("does not decompress; the config says {expected}"))
            }
            Problem::LayerCount(digest) => {
                ("layers", Some(digest), "has not as many layers as its config has diff_ids".to_owned())
            }
            Problem::Misnamed(path) => ("misnamed", None, format!("{path}: not the name of a blob")),
            Problem::Contradiction(name) => {
                ("name", None, format!("{name}: two rows claim it for different images"))
            }
            Problem::Row(position) => {
                ("row", None, format!("index.json: row {position} is not a descriptor"))
            }
            other => ("other", None, format!("{other:?}")),
        };
        Finding::new("problem", kind, digest.map(ToString::to_string), text)
    }

    pub(crate) fn of_note(note: &Note) -> Finding {
        let (kind, digest, text) = match note {
            Note::Unreferenced(digest, size) => {
                ("unreferenced", Some(digest), format!("{size} bytes that no image needs; oci-gc frees them"))
            }
            Note::DockerMediaType(digest) => {
                ("docker", Some(digest), "docker's media types: older tools do not find it here".to_owned())
            }
            Note::Partial(digest) => {
                ("partial", Some(digest), "an index whose images are not all here".to_owned())
            }
            other => ("other", None, format!("{other:?}")),
        };
        Finding::new("note", kind, digest.map(ToString::to_string), text)
    }

    fn new(severity: &'static str, kind: &'static str, digest: Option<String>, text: String) -> Finding {
        let object = digest.as_ref().map(|digest| format!("{digest}: ")).unwrap_or_default();
        Finding { severity, kind, digest, message: format!("{severity}: {object}{text}") }
    }
}
