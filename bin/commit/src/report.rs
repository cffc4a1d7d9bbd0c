//! What changed, a line each: as `docker diff` says it, or with `--json` as objects.

use cli::{Error, Io, escaped};
use container::TreeChanges;
use layer::{Change, FileDifference};
use serde::Serialize;

/// `docs/schemas/difference.json`.
#[derive(Serialize)]
struct Object {
    kind: &'static str,
    change: &'static str,
    #[serde(flatten)]
    file: FileDifference,
}

/// Prints every change; `whole`: with names as they are. That a directory is opaque besides is no line of its own.
pub(crate) fn changes(io: &mut Io, changes: &TreeChanges, whole: bool) -> Result<(), Error> {
    for (path, change) in changes.iter() {
        let (letter, change) = match change {
            Change::Added => ("A", "added"),
            Change::Modified | Change::Parent => ("C", "changed"),
            Change::Removed => ("D", "removed"),
            Change::Opaque => continue,
        };
        io.interrupt().check()?;
        if io.output().is_json() {
            let file = FileDifference { path: path.clone(), before: None, after: None, what: Vec::new() };
            io.output().object(&Object { kind: "file", change, file })?;
            continue;
        }
        let mut line = format!("{letter} /").into_bytes();
        match whole {
            true => line.extend_from_slice(path.as_bytes()),
            false => line.extend(escaped(&String::from_utf8_lossy(path.as_bytes())).bytes()),
        }
        io.output().record(&line)?;
    }
    Ok(())
}
