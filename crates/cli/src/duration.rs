//! Spans of time in options: Go's, and days.

use image_format::GO_UNITS;
use std::time::Duration;

/// Reads a span of time.
///
/// # Errors
/// What was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let day = [("d", 24 * 60 * 60 * 1_000_000_000)];
    image_format::duration(text, &[&GO_UNITS[..], &day].concat())
        .ok_or_else(|| format!("{text:?}: expected a span of time like 10m, 1h30m or 0s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_spans_too() {
        assert_eq!(duration("2d1h"), Ok(Duration::from_secs(49 * 60 * 60)));
        assert!(duration("2w").is_err());
    }
}
