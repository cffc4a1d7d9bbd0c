//! Durations as Go writes them: `1m30s`, `1.5h`, `300ms`.

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::span::Word;

const NANOS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The duration that `--name=word` gives; zero is that none is given.
///
/// # Errors
/// It is no duration, or shorter than a millisecond.
pub(super) fn interval(name: &str, word: &Word) -> Result<Option<Duration>, Diagnostic> {
    if word.is_empty() {
        return Ok(None);
    }
    let (sign, length) = match word.text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, word.text.strip_prefix('+').unwrap_or(&word.text)),
    };
    let Some(duration) = parse(length) else {
        let message = format!("invalid duration {:?} for --{name}", word.text);
        return Err(
            Diagnostic::new(word.span, message).expected("a number and its unit, such as 30s or 1m30s")
        );
    };
    if duration.is_zero() {
        return Ok(None);
    }
    if sign < 0 || duration < Duration::from_millis(1) {
        return Err(Diagnostic::new(word.span, format!("--{name} cannot be less than 1ms")));
    }
    Ok(Some(duration))
}

fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut nanos: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, behind) = rest.split_at(digits);
        let end =
            behind.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let (_, unit) = NANOS.iter().find(|(name, _)| *name == unit)?;
        nanos = nanos.checked_add(scaled(number, *unit)?)?;
        rest = behind;
    }
    // the largest duration that Go has
    (!text.is_empty() && i64::try_from(nanos).is_ok()).then(|| Duration::from_nanos(nanos))
}

/// `number`, which may have a fraction, times `unit`.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    let mut nanos = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.chars() {
        place /= 10;
        nanos = nanos.checked_add(place * u64::from(digit.to_digit(10)?))?;
    }
    Some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Span;

    fn of(text: &str) -> Result<Option<Duration>, Diagnostic> {
        interval("interval", &Word::new(text, Span::default()))
    }

    #[test]
    fn durations_have_units_and_fractions() {
        assert_eq!(of("1m30s"), Ok(Some(Duration::from_secs(90))));
        assert_eq!(of("1.5h"), Ok(Some(Duration::from_secs(5400))));
        assert_eq!(of("+.5s"), Ok(Some(Duration::from_millis(500))));
        assert_eq!(of("1500µs"), Ok(Some(Duration::from_micros(1500))));
        assert_eq!(of("0"), Ok(None));
        assert_eq!(of("0ms"), Ok(None));
        assert_eq!(of(""), Ok(None));
    }

    #[test]
    fn what_is_no_duration_or_too_short_is_refused() {
        for text in ["1", "s", "1x", "1.s.", "-1s", "50ns", "9999999h", "1s ", "--1s", "."] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
