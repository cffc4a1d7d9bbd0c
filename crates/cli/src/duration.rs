//! Spans of time as Go, and so docker, writes them: `10m`, `1h30m`, `0s`.

use std::time::Duration;

/// Reads a span of time.
///
/// # Errors
/// What was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?}: expected a span of time like 10m, 1h30m or 0s");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits =
            rest.find(|letter: char| !letter.is_ascii_digit()).filter(|end| *end > 0).ok_or_else(wrong)?;
        let count: u32 = rest[..digits].parse().map_err(|_| wrong())?;
        let tail = &rest[digits..];
        let end = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let unit = match &tail[..end] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(60 * 60),
            "d" => Duration::from_secs(24 * 60 * 60),
            _ => return Err(wrong()),
        };
        let span = unit.checked_mul(count).ok_or_else(wrong)?;
        total = total.checked_add(span).ok_or_else(wrong)?;
        rest = &tail[end..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_sums_of_numbers_with_units() {
        for (text, seconds) in
            [("0s", 0), ("0", 0), ("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("1m1s", 61)]
        {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "10", "m", "1x", "-1s", "1.5h", "99999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }
}
