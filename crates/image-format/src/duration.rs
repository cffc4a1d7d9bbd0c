//! Spans of time as Go, and so docker, writes them: `10m`, `1h30m`, `1.5s`, `0`.

use std::time::Duration;

/// Go's units and how many nanoseconds they are.
pub const GO_UNITS: [(&str, u64); 8] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ns", 1),
];

/// The sum of the numbers in `text`, each with one of these `units` behind it; `None` where that is not what it is, or
/// more than a [`Duration`] holds.
pub fn duration(text: &str, units: &[(&str, u64)]) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = 0_u128;
    let mut rest = text;
    while !rest.is_empty() {
        let is_number = |letter: char| letter.is_ascii_digit() || letter == '.';
        let (number, tail) = rest.split_at(rest.find(|letter| !is_number(letter))?);
        let (unit, tail) = tail.split_at(tail.find(is_number).unwrap_or(tail.len()));
        let (_, nanoseconds) = units.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(times(number, *nanoseconds)?)?;
        rest = tail;
    }
    let nanoseconds = u64::try_from(total).ok()?;
    if text.is_empty() { None } else { Some(Duration::from_nanos(nanoseconds)) }
}

/// `1.25` times `unit`, digits behind a unit's own precision dropped.
fn times(number: &str, unit: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut sum = u128::from(whole) * u128::from(unit);
    let mut place = u128::from(unit);
    for digit in fraction.bytes() {
        sum += u128::from(digit - b'0') * place / 10;
        place /= 10;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_sums_of_numbers_with_units() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("0s", 0),
            ("10m", 600_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            (".25ms", 250_000),
            ("1m2s3ms4µs5ns", 62_003_004_005),
        ] {
            assert_eq!(duration(text, &GO_UNITS), Some(Duration::from_nanos(nanoseconds)), "{text}");
        }
        for wrong in ["", "10", "m", "1x", "-1s", ".s", "1.2.3s", "1d", "99999999999999h", "1 s"] {
            assert_eq!(duration(wrong, &GO_UNITS), None, "{wrong:?}");
        }
    }
}
