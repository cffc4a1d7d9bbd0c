//! What a check of a layout found, as lines and as objects.

use crate::error::Error;
use crate::escape::on_one_line;
use crate::io::Io;
use image_format::Digest;
use layout::{Check, Note, Problem};
use serde::Serialize;

/// One thing that was found: `docs/schemas/finding.json`.
#[derive(Debug, Serialize)]
struct Finding {
    /// `problem`: it is wrong; `note`: it is worth knowing.
    severity: &'static str,
    /// What kind of thing it is.
    kind: &'static str,
    /// The blob that it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// An image that needs the blob, where it is a problem's.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// The same in words, and what to do about it.
    message: String,
}

/// Prints what `check` found, a thing a line, problems first.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_findings(io: &mut Io, check: &Check) -> Result<(), Error> {
    let problems = check.problems.iter().map(|problem| Finding::of_problem(problem, check));
    for finding in problems.chain(check.notes.iter().map(|note| Finding::of_note(note, check))) {
        if io.output().is_json() {
            io.output().object(&finding)?;
        } else {
            io.output().text(&finding.message)?;
        }
    }
    Ok(())
}

impl Finding {
    fn of_problem(problem: &Problem, check: &Check) -> Finding {
        let image = problem.digest().and_then(|digest| check.images.get(digest));
        let again = match image {
            Some(image) => format!("pull or import {image} again"),
            None => "no image needs it".to_owned(),
        };
        let (kind, text) = match problem {
            Problem::Altered(digest) => (
                "altered",
                match image {
                    Some(_) => {
                        format!(
                            "the content has another digest; delete {}, then {again}",
                            layout::blob_path(digest)
                        )
                    }
                    None => format!(
                        "the content has another digest; delete {}: {again}",
                        layout::blob_path(digest)
                    ),
                },
            ),
            Problem::Size { expected, found, .. } => {
                ("size", format!("{found} bytes; its descriptor says {expected}"))
            }
            Problem::Missing(_) => ("missing", format!("needed, and not here; {again}")),
            Problem::Malformed(_, why) => ("malformed", why.clone()),
            Problem::DiffId { expected, found: Some(found), .. } => {
                ("diff-id", format!("unpacks to {found}; the config says {expected}"))
            }
            Problem::DiffId { expected, found: None, .. } => {
                ("diff-id", format!("does not decompress; the config says {expected}"))
            }
            Problem::Layer(_, why) => ("layer", format!("cannot be unpacked: {why}")),
            Problem::LayerCount(_) => {
                ("layers", "has not as many layers as its config has diff_ids".to_owned())
            }
            Problem::MediaType { expected, found, .. } => {
                ("media-type", format!("says that it is {found}; its descriptor says {expected}"))
            }
            Problem::LayerType { expected, found, .. } => {
                ("layer-type", format!("its bytes are {found}; its descriptor says {expected}"))
            }
            Problem::Platform { expected, found, .. } => {
                ("platform", format!("its config is for {found}; its row says {expected}"))
            }
            Problem::ConfigType(_, kind) => ("config-type", format!("its config is said to be {kind}")),
            Problem::Misnamed(path) => ("misnamed", format!("{path}: not the name of a blob; move it away")),
            Problem::Contradiction(name) => (
                "name",
                format!("{name}: two rows claim it for different images; give it again with oci-tag"),
            ),
            Problem::Row(position) => ("row", format!("index.json: row {position} is not a descriptor")),
            other => ("other", format!("{other:?}")),
        };
        Finding { image: image.cloned(), ..Finding::new("problem", kind, problem.digest(), &text) }
    }

    fn of_note(note: &Note, check: &Check) -> Finding {
        let (kind, digest, text) = match note {
            Note::Unreferenced(digest, size) => {
                let text = match check.needs_unknown {
                    true => format!("{size} bytes that may belong to an image whose manifest is damaged"),
                    false => format!("{size} bytes that no image needs; oci-gc frees them"),
                };
                ("unreferenced", Some(digest), text)
            }
            Note::DockerMediaType(digest) => {
                ("docker", Some(digest), "docker's media types: older tools do not find it here".to_owned())
            }
            Note::Partial(digest) => {
                ("partial", Some(digest), "an index whose images are not all here".to_owned())
            }
            Note::Leftover(path) => {
                ("leftover", None, format!("{path}: what another tool left when it was interrupted"))
            }
            other => ("other", None, format!("{other:?}")),
        };
        Finding::new("note", kind, digest, &text)
    }

    fn new(severity: &'static str, kind: &'static str, digest: Option<&Digest>, text: &str) -> Finding {
        let object = digest.map(|digest| format!("{digest}: ")).unwrap_or_default();
        let message = format!("{severity}: {object}{}", on_one_line(text));
        Finding { severity, kind, digest: digest.map(ToString::to_string), image: None, message }
    }
}
