//! Sources that the ignore file takes out of the context.

use crate::ignore::Ignore;
use crate::wildcard::cleaned;

/// The path that BuildKit's rule `CopyIgnoredFile` names for `source`, where the context's ignore file takes it away.
/// Exceptions (`!`) in the file end the rule: what they bring back cannot be told from the Dockerfile.
pub fn ignored_source(source: &str, ignore: &Ignore) -> Option<String> {
    if ignore.has_exceptions() {
        return None;
    }
    let cleaned = cleaned(source.as_bytes());
    let is_root = matches!(cleaned.as_slice(), b"." | b"/");
    if is_root && !ignore.ignores_everything() {
        return None;
    }
    ignore.ignores(&cleaned).then(|| String::from_utf8_lossy(&cleaned).into_owned())
}
