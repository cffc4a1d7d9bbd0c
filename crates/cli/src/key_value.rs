//! `KEY=VALUE`: annotations on a command line.

/// Reads `KEY=VALUE`, for clap.
///
/// # Errors
/// There is no `=`, or nothing before it.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}
